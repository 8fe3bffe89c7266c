"""Counts of what the probes of pair losses produced: how far a function agrees with itself. They run in the engine.

A wrong loss may be larger than the correct one and rounds in proportion. What these counts look for, an overflow, an
underflow or a constant that matters at one scale alone, changes far more than they allow.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import differing, side_effects

# What two results of one function may differ by: a share of the largest entry, and rounding, ten times what a correct
# loss shows, over the parameter and the norms.
RELATIVE, ROUNDING = 2e-4, 2e-5
GRADIENTS = ("gradient_a", "gradient_b")


def effects_and_constancy(produced: Mapping[str, Tensor], **inputs: Tensor | float) -> dict[str, Tensor]:
    """Side effects, and ``constant``: 1 if the loss of other embeddings is the same."""
    counts = side_effects(produced, **inputs)
    return {**counts, "constant": torch.tensor(int(torch.equal(produced["value_seed_1"], produced["value_other"])))}


def both_precisions(
    produced: Mapping[str, Tensor], a: Tensor, b: Tensor, parameter: float, **inputs: object
) -> dict[str, Tensor]:
    """Whether the function is finite in float32 and agrees there with itself in float64.

    Returns:
        ``not_finite``: how many entries of value and gradients are not finite.
        ``value_differs``, ``gradient_a_differs``, ``gradient_b_differs``: in how many entries they differ; -1 for another
            shape.
    """
    norms = torch.cat([a, b]).norm(dim=1).double()
    value = ROUNDING * max(1.0, float(norms.max())) / parameter
    gradient = value / (min(parameter, 1.0) * len(a) * float(norms.min()))
    return _agreement(produced, "double_", {"value": value, **dict.fromkeys(GRADIENTS, gradient)})


def both_scales(
    produced: Mapping[str, Tensor], a: Tensor, b: Tensor, parameter: float, **inputs: object
) -> dict[str, Tensor]:
    """The same for embeddings whose columns are divided by their norms, by which their gradients are multiplied."""
    lengths = {"gradient_a": a.norm(dim=0), "gradient_b": b.norm(dim=0)}
    rescaled = {
        name: produced[name] * lengths[name] if name in lengths else tensor for name, tensor in produced.items()
    }
    return _agreement(rescaled, "other_", dict.fromkeys(("value", *GRADIENTS), ROUNDING))


def _agreement(produced: Mapping[str, Tensor], prefix: str, rounding: Mapping[str, float]) -> dict[str, Tensor]:
    found = {"not_finite": sum((~torch.isfinite(produced[name])).sum() for name in rounding)}
    for name, atol in rounding.items():
        other = produced[prefix + name]
        largest = float(other.abs().max()) if other.numel() else 0.0
        found[f"{name}_differs"] = differing(produced[name], other, RELATIVE * largest + atol)
    return found
