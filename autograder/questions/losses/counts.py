"""Counts of what the probes of losses produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import differing, dtype_kept, side_effects

from .probes import batches, embeddings

ROUNDING = 2e-3  # of the largest entry, between float32 and float64


def conduct(
    produced: Mapping[str, Tensor], function: str, arguments: str, parts: str = "loss", **given: object
) -> dict[str, Tensor]:
    """Side effects, dtype; ``moves``: 1 if the results depend on the inputs."""
    inputs = batches(given)["a"]
    return {
        **side_effects(produced, **inputs),
        **dtype_kept(produced, next(iter(embeddings(inputs).values()))),
        "moves": torch.tensor(int(not torch.equal(produced["value_seed_1"], produced["value_other"]))),
    }


def finite(produced: Mapping[str, Tensor], **given: object) -> dict[str, Tensor]:
    """``not_finite``: how many entries are not."""
    return {"not_finite": sum((~torch.isfinite(tensor)).sum() for tensor in produced.values())}


def both_precisions(produced: Mapping[str, Tensor], **given: object) -> dict[str, Tensor]:
    """Of value and gradients, ``not_finite``: how many entries are not; ``differ``: in how many float64 is otherwise."""
    own = {name: tensor for name, tensor in produced.items() if not name.startswith("double_")}
    differ = torch.tensor(0)
    for name, tensor in own.items():
        other = produced[f"double_{name}"]
        largest = float(other.abs().max()) if other.numel() else 0.0
        differ += differing(tensor, other, ROUNDING * largest + 1e-6).abs()
    return {**finite(own), "differ": differ}
