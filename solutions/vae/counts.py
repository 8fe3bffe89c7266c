"""Counts that the questions of the assignment share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import differing, gradients_switched_on, side_effects_and_dtypes

ROUNDING = 2e-3  # of the largest entry, between float32 and float64: near 10000, float32 knows a number to 0.001


def conduct(produced: Mapping[str, Tensor], function: str, **inputs: Tensor) -> dict[str, Tensor]:
    """Side effects, dtypes, gradient mode; ``moved``: 1 if the result is none of the inputs."""
    result = produced["value_seed_1"]
    moved = not any(tensor.shape == result.shape and torch.equal(tensor, result) for tensor in inputs.values())
    kept = {**side_effects_and_dtypes(produced, **inputs), **gradients_switched_on(produced)}
    return {**kept, "moved": torch.tensor(int(moved))}


def both_precisions(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """How far a function agrees with itself in float64.

    Returns:
        ``not_finite``: how many entries of value and gradients are not finite; ``differs``: in how many they differ.
    """
    own = {name: tensor for name, tensor in produced.items() if not name.startswith("double_")}
    differ = torch.tensor(0)
    for name, tensor in own.items():
        other = produced[f"double_{name}"]
        largest = float(other.abs().max()) if other.numel() else 0.0
        differ += differing(tensor, other, ROUNDING * largest).abs()
    return {"not_finite": sum((~torch.isfinite(tensor)).sum() for tensor in own.values()), "differs": differ}
