"""Counts of what the probes of the noise schedules produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import side_effects

PARTS = ("beta", "alpha", "alpha_bar", "posterior_variance")


def schedule_side_effects(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """What ``side_effects`` counts, and ``float32_parts``."""
    return {**side_effects(produced, **inputs), **float32_parts(produced)}


def posterior_and_dtype(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """``posterior_variance`` in float32, and ``float32_parts``."""
    return {"posterior_variance": produced["posterior_variance"].float(), **float32_parts(produced)}


def float32_parts(produced: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``float32_parts``: how many of the four tensors of a schedule are float32, 0-d."""
    return {"float32_parts": torch.tensor(sum(produced[name].dtype is torch.float32 for name in PARTS))}
