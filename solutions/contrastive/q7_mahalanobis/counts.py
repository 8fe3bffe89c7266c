"""Counts of what the probes of q7 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.losses.probes import batches
from autograder.questions.side_effects.counts import differing, rng_bytes


def kept(produced: Mapping[str, Tensor], **given: Tensor) -> dict[str, Tensor]:
    """The results as produced; ``changed``: in how many entries the inputs differ after the calls; ``rng_bytes``."""
    results = {name: tensor for name, tensor in produced.items() if not name.startswith(("after_", "rng_"))}
    changed = torch.stack([differing(produced[f"after_{name}"], tensor) for name, tensor in given.items()])
    return {**results, "changed": changed.abs().sum(), "rng_bytes": rng_bytes(produced)}


def gradients(produced: Mapping[str, Tensor], **given: Tensor) -> dict[str, Tensor]:
    """The gradients as produced; 0 in rows whose distance is 0, where any finite one will do."""
    found = dict(produced)
    for letter, inputs in batches(given).items():
        u, v, M = (inputs[name].double() for name in ("u", "v", "M"))  # float32 rounds some of these zeros
        at_zero = ((u - v) @ M == 0).all(1)
        for name in (f"gradient_u_{letter}", f"gradient_v_{letter}"):
            free = at_zero[:, None] & torch.isfinite(found[name]) if found[name].shape == inputs["u"].shape else False
            found[name] = torch.where(free, 0.0, found[name]) if torch.is_tensor(free) else found[name]
    return found
