"""Question 1a: the linear noise schedule and what follows from it (Ho et al. 2020, equations 2 to 7)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import comparisons

from . import counts, probes

# Name, T, and the ends of β (None: the defaults), each near the given one, so that no two draws ask for the same.
_CASES = (
    ("about a thousand steps, defaults", 1000, None),
    ("about fifty steps", 50, (0.001, 0.05)),
    ("ten steps", 10, (0.02, 0.3)),
    ("two steps", 2, (0.1, 0.4)),
    ("one step", 1, (0.3, 0.5)),
    ("twelve steps", 12, (0.01, 0.2)),
)
_NAMES = tuple(row[0] for row in _CASES)
_SEVERAL, _SIDE_EFFECTS = _NAMES[:4], _NAMES[4:]


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Lengths and ranges near those above."""

    def case(name: str, T: int, ends: tuple[float, float] | None) -> Case:
        settings = {"function": "noise_schedule", "T": near(generator, T) if T >= 50 else T}
        if T >= 1000:
            settings["every"] = 27  # the whole table says no more
        if ends:
            settings |= {name: near(generator, end) for name, end in zip(("beta_start", "beta_end"), ends)}
        return Case(name, settings)

    return tuple(case(*row) for row in _CASES)


def near(generator: torch.Generator, value: float) -> float:
    """A number of the same type, at most a tenth away."""
    moved = value * (0.9 + 0.2 * torch.rand((), generator=generator).item())
    return round(moved) if isinstance(value, int) else round(moved, 6)


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
