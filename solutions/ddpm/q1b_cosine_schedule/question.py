"""Question 1b: the cosine noise schedule (Nichol & Dhariwal 2021, equation 17)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Test

from ..q1a_linear_schedule import counts, probes
from ..q1a_linear_schedule.question import FLOAT32_PARTS, near

# Name, T and s (None: the default), each near the given one, so that no two draws ask for the same.
_CASES = (
    ("about a thousand steps, defaults", 1000, None),
    ("about fifty steps, defaults", 50, None),
    ("twenty steps, s about 0.1", 20, 0.1),
    ("four steps, s about 0.02", 4, 0.02),
    ("two steps, s about 0.3", 2, 0.3),
    ("one step, s about 0.05", 1, 0.05),
)
_ALL = tuple(row[0] for row in _CASES)


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Lengths and offsets near those above."""

    def case(name: str, T: int, s: float | None) -> Case:
        settings = {"function": "cosine_schedule", "T": near(generator, T) if T >= 50 else T}
        if T >= 1000:
            settings["every"] = 27
        return Case(name, settings if s is None else {**settings, "s": near(generator, s)})

    return tuple(case(*row) for row in _CASES)


def beta_rounding(case: Case) -> float:
    """Near its zero the cosine is about 1/T and has the rounding of its angle, 1e-7: β is known to some T · 1e-7 there."""
    return 1e-6 * case.inputs["T"]


def bar_rounding(case: Case) -> float:
    """Each factor of ᾱ is known to about 1e-7, and there are T of them."""
    return 1e-6 + 1e-7 * case.inputs["T"]


STUBS = ("cosine_schedule",)
TESTS = (
    Test(
        "values",
        "β, α and ᾱ",
        probes.schedule_forward,
        _ALL,
        {
            "beta": Close(rtol=1e-4, atol=beta_rounding, what="the array β"),
            "alpha": Close(rtol=1e-4, atol=beta_rounding, what="the array α"),
            "alpha_bar": Close(rtol=1e-5, atol=bar_rounding, what="the array ᾱ"),
        },
    ),
    Test(
        "posterior",
        "posterior variance, and float32 throughout",
        probes.schedule_posterior_and_dtype,
        _ALL,
        {
            "posterior_variance": Close(rtol=2e-5, atol=beta_rounding, what="the posterior variance"),
            "float32_parts": FLOAT32_PARTS,
        },
        count=counts.posterior_and_dtype,
    ),
)
