"""Counts of what the probes of q2 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import gradients_switched_on, side_effects


def conduct(produced: Mapping[str, Tensor], start: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """Side effects, gradient mode; ``modes_switched``: how many modules a call left in another mode; ``idle_encoder``, ``idle_decoder``:
    1 if none of their parameters gets a gradient of the logits; ``idle_mu``, ``idle_logvar``: 1 if the layer for it gets
    none, though the logits depend on it; ``cut_mu``, ``cut_logvar``: 1 if the encoder gets none of what is returned;
    ``moves``: 1 if the logits depend on the images."""
    of_logits, of_mu, of_logvar = produced["gradients"].bool().view(3, 3, 2).any(2)
    idle = ~of_logits[:2] & (produced["logits_of_other"] != produced["logits"]).any(1)
    return {
        **side_effects(produced, **inputs),
        **gradients_switched_on(produced),
        "modes_switched": (~produced["modes"].bool()).sum(),
        "idle_encoder": (~of_logits[:2].any()).long(),
        "idle_decoder": (~of_logits[2]).long(),
        **{f"idle_{name}": one.long() for name, one in zip(("mu", "logvar"), idle)},
        "cut_mu": (~of_mu[:2].any()).long(),
        "cut_logvar": (~of_logvar[:2].any()).long(),
        "moves": torch.tensor(int(not torch.equal(produced["logits"], produced["value_other"]))),
    }
