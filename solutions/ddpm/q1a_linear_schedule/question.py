"""Question 1a: the linear noise schedule and what follows from it (Ho et al. 2020, equations 2 to 7)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import comparisons

from . import counts, probes

_CASES = {
    "T = 1000, defaults": {"T": 1000, "every": 27},  # 0, 27, …, 999: the whole table says no more
    "T = 50, β from 0.001 to 0.05": {"T": 50, "beta_start": 0.001, "beta_end": 0.05},
    "T = 10, β from 0.02 to 0.3": {"T": 10, "beta_start": 0.02, "beta_end": 0.3},
    "T = 2, β from 0.1 to 0.4": {"T": 2, "beta_start": 0.1, "beta_end": 0.4},
    "T = 1, β from 0.3 to 0.5": {"T": 1, "beta_start": 0.3, "beta_end": 0.5},
    "T = 12, β from 0.01 to 0.2": {"T": 12, "beta_start": 0.01, "beta_end": 0.2},
}
_SEVERAL = tuple(_CASES)[:4]
_SIDE_EFFECTS = tuple(_CASES)[4:]


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Lengths and ranges; nothing in them is random."""
    return tuple(Case(name, {"function": "noise_schedule", **settings}) for name, settings in _CASES.items())


FLOAT32_PARTS = Exact(advice="Return the schedule in float32; some of it has another dtype")

STUBS = ("noise_schedule",)
TESTS = (
    Test(
        "forward",
        "β, α and ᾱ",
        probes.schedule_forward,
        _SEVERAL,
        {
            "beta": Close(rtol=1e-4, what="the array β"),
            "alpha": Close(rtol=1e-5, what="the array α"),
            "alpha_bar": Close(rtol=1e-4, what="the array ᾱ"),
        },
    ),
    # 1 − ᾱ is known to 1e-3 at the first steps of the default range, where the variance itself is tiny.
    Test(
        "posterior",
        "posterior variance",
        probes.schedule_posterior,
        _SEVERAL,
        {"posterior_variance": Close(rtol=1e-4, atol=1e-7, what="the posterior variance")},
    ),
    Test(
        "conduct",
        "one step, float32, global state stays as it is",
        probes.schedule_side_effects,
        _SIDE_EFFECTS,
        {
            **comparisons("noise_schedule", {}, Close(rtol=1e-4, what="one of β, α and ᾱ")),
            "float32_parts": FLOAT32_PARTS,
        },
        count=counts.schedule_side_effects,
    ),
)
