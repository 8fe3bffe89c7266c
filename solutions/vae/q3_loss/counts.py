"""Counts of what the probes of q3 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import gradients_switched_on, side_effects

from .probes import PARTS


def conduct(produced: Mapping[str, Tensor], beta: float, **inputs: Tensor) -> dict[str, Tensor]:
    """Side effects, gradient mode; ``not_float32``: how many results do not have the dtype of the logits; ``moves``: 1 if the results
    depend on the inputs."""
    other = torch.cat([produced[name].flatten() for name in PARTS])
    return {
        **side_effects(produced, **inputs),
        **gradients_switched_on(produced),
        "not_float32": torch.tensor(sum(produced[name].dtype is not inputs["logits"].dtype for name in PARTS)),
        "moves": torch.tensor(int(not torch.equal(other, produced["value_seed_1"]))),
    }
