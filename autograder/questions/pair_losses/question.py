"""What questions about a loss of two batches share: how embeddings are drawn, and the test of side effects."""

from __future__ import annotations

import math

import torch

from autograder.questions.model import Close, Exact, Test
from autograder.questions.pair_losses import probes


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


def conduct_test(cases: tuple[str, ...], value: Close) -> Test:
    """Inputs, random state and default dtype stay as they are; the value depends on none of the global ones."""
    return Test(
        id="conduct",
        title="leaves inputs and global state alone",
        probe=probes.pair_loss_conduct,
        cases=cases,
        outputs={
            "input_a": Exact("float32", "The function changes its first input in place; compute on a new tensor"),
            "input_b": Exact("float32", "The function changes its second input in place; compute on a new tensor"),
            "rng_bytes": Exact(advice="The function seeds or draws from torch's global random generator"),
            "default_is_float64": Exact(advice="The function changes torch's default dtype"),
            "value_seed_1": value,
            "value_seed_2": value,
            "value_default_float64": value,
        },
    )
