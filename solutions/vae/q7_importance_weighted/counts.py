"""Counts of what the probes of q7 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import dtype_kept, gradients_switched_on, side_effects


def conduct(produced: Mapping[str, Tensor], x: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """Side effects, gradient mode, dtype, and ``start`` as produced; ``frozen``: how many parameters no longer require gradients; ``moves``: 1
    if the bound depends on the noise."""
    return {
        **side_effects(produced, x=x, **inputs),
        **gradients_switched_on(produced),
        **dtype_kept(produced, x),
        "start": produced["start"],
        "frozen": (~produced["trainable"].bool()).sum(),
        "moves": torch.tensor(int(not torch.equal(produced["value_seed_1"], produced["value_other"]))),
    }
