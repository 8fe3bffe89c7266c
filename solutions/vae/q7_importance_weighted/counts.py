"""Counts of what the probes of q7 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import dtype_kept, side_effects


def conduct(produced: Mapping[str, Tensor], x: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """Side effects, dtype, and ``start`` as produced; ``moves``: 1 if the bound depends on the noise."""
    return {
        **side_effects(produced, x=x, **inputs),
        **dtype_kept(produced, x),
        "start": produced["start"],
        "moves": torch.tensor(int(not torch.equal(produced["value_seed_1"], produced["value_other"]))),
    }
