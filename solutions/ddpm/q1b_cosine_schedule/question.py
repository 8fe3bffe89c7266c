"""Question 1b: the cosine noise schedule (Nichol & Dhariwal 2021, equation 17)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Test

from ..q1a_linear_schedule import counts, probes
from ..q1a_linear_schedule.question import FLOAT32_PARTS, SMALL, near, steps_near

# Name, T and s (None: the default), each near the given one, so that no two draws ask for the same.
_CASES = (
    ("about a thousand steps, defaults", 1000, None),
    ("about fifty steps, defaults", 50, None),
    ("twenty steps, s about 0.1", 20, 0.1),
    ("four steps, s about 0.02", 4, 0.02),
    ("six steps, s = 0", 6, 0.0),
    ("two steps, s about 0.3", 2, 0.3),
    ("one step, s about 0.05", 1, 0.05),
    ("four steps, s about 0.4", 4, 0.4),  # as many as before: a schedule kept by its length alone shows
)
_ALL = tuple(row[0] for row in _CASES)
_LONG = _ALL[:3]


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Lengths and offsets near those above."""

    def case(name: str, T: int, s: float | None) -> Case:
        settings = {"function": "cosine_schedule", "T": steps_near(generator, T)}
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


_SMALL_BETA = Close(
    rtol=0.0,
    atol=0.03,
    what="the part of β where it is small",
    advice="Your β does not match the definition where it is small; its only bound is 0.999, from above",
)

STUBS = ("cosine_schedule",)
TESTS = (
    Test(
        "beta",
        "β",
        probes.schedule_beta,
        _ALL,
        {"beta": Close(rtol=1e-4, atol=beta_rounding, what="the array β"), "log_beta": _SMALL_BETA},
        count=counts.logarithm_of_beta,
    ),
    Test(
        "products",
        "α, ᾱ and posterior variance, and float32 throughout",
        probes.schedule_products,
        _ALL,
        {
            "alpha": Close(rtol=1e-4, atol=beta_rounding, what="the array α"),
            "alpha_bar": Close(rtol=1e-5, atol=bar_rounding, what="the array ᾱ"),
            "log_alpha_bar": SMALL,
            "posterior_variance": Close(rtol=2e-5, atol=beta_rounding, what="the posterior variance"),
            "float32_parts": FLOAT32_PARTS,
        },
        count=counts.products,
    ),
    Test(
        "products_given",
        "Your α, ᾱ and posterior variance follow from your own β, which is not correct.",
        probes.schedule_whole,
        _LONG,
        {
            **{part: Close(0.0, 1e-4, dtype="float64") for part in ("alpha", "alpha_bar", "posterior_variance")},
            "float32_parts": FLOAT32_PARTS,
        },
        count=counts.rest_of_beta,
        instead_of="products",
        after=("beta",),
    ),
)
