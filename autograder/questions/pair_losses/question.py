"""What questions about a loss of two batches share: how embeddings are drawn, and how answers are compared."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from autograder.questions.model import Case, Close, Test
from autograder.questions.pair_losses import probes
from autograder.questions.side_effects import counts
from autograder.questions.side_effects.question import comparisons


def norms_between(low: float, high: float, count: int) -> torch.Tensor:
    """``count`` lengths from ``low`` to ``high``, evenly spaced in their logarithm: (count, 1)."""
    return torch.logspace(math.log10(low), math.log10(high), count).unsqueeze(1)


def unit_rows(generator: torch.Generator, n: int, d: int) -> torch.Tensor:
    """Rows of length 1 in random directions: (n, d)."""
    return torch.nn.functional.normalize(torch.randn(n, d, generator=generator))


def unit_rows_near(rows: torch.Tensor, spread: float, generator: torch.Generator) -> torch.Tensor:
    """Second views: unit rows whose tangent of the angle to ``rows`` is about ``spread``."""
    noise = torch.randn(rows.shape, generator=generator) / math.sqrt(rows.shape[1])
    return torch.nn.functional.normalize(rows + spread * noise)


def gradients(first: str, second: str, rtol: float, atol: Callable[[Case], float]) -> dict[str, Close]:
    """How the gradients to both inputs are compared; ``first`` and ``second`` are the inputs' names in the notebook."""
    return {
        name: Close(rtol, atol, what=f"the gradient to {embeddings}")
        for name, embeddings in (("gradient_a", first), ("gradient_b", second))
    }


def side_effects_test(function: str, first: str, second: str, cases: tuple[str, ...], value: Close) -> Test:
    """Inputs, random state and default dtype stay as they are; the value depends on none of the global ones."""
    return Test(
        id="conduct",
        title="inputs and global state stay as they are",
        probe=probes.pair_loss_side_effects,
        cases=cases,
        outputs=comparisons(function, {"a": first, "b": second}, value),
        count=counts.side_effects,
    )
