"""Counts of what the probes of q2 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import side_effects

from .probes import NETWORKS


def conduct(produced: Mapping[str, Tensor], start: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """Side effects; ``modes_switched``: how many modules a call left in another mode; ``idle_encoder``, ``idle_decoder``:
    1 if none of their parameters gets a gradient; ``moves``: 1 if the logits depend on the images."""
    return {
        **side_effects(produced, **inputs),
        "modes_switched": (~produced["modes"].bool()).sum(),
        **{f"idle_{name}": (~produced[f"{name}_gradients"].any()).long() for name in NETWORKS},
        "moves": torch.tensor(int(not torch.equal(produced["logits"], produced["value_other"]))),
    }
