"""Question 1b: the cosine noise schedule (Nichol & Dhariwal 2021, equation 17)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Test

from ..q1a_linear_schedule import counts, probes
from ..q1a_linear_schedule.question import FLOAT32_PARTS

_CASES = {
    "T = 1000, defaults": {"T": 1000, "every": 27},
    "T = 50, defaults": {"T": 50},
    "T = 20, s = 0.1": {"T": 20, "s": 0.1},
    "T = 4, s = 0.02": {"T": 4, "s": 0.02},
    "T = 2, s = 0.3": {"T": 2, "s": 0.3},
    "T = 1, s = 0.05": {"T": 1, "s": 0.05},
}
_ALL = tuple(_CASES)


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Lengths and offsets; nothing in them is random."""
    return tuple(Case(name, {"function": "cosine_schedule", **settings}) for name, settings in _CASES.items())


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
