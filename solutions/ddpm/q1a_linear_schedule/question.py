"""Question 1a: the linear noise schedule and what follows from it (Ho et al. 2020, equations 2 to 7)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons

from . import counts, probes

# Name, T, and the ends of β (None: the defaults), each near the given one, so that no two draws ask for the same.
_CASES = (
    ("about a thousand steps, defaults", 1000, None),
    ("about fifty steps", 50, (0.00002, 0.05)),
    ("ten steps", 10, (0.02, 0.8)),
    ("two steps", 2, (0.1, 0.4)),
    ("one step", 1, (0.3, 0.5)),
    ("twelve steps", 12, (0.01, 0.2)),
    ("ten steps, other ends", 10, (0.005, 0.1)),  # as many as before: a schedule kept by its length alone shows
)
_NAMES = tuple(row[0] for row in _CASES)
_SEVERAL, _LONG, _SIDE_EFFECTS = (*_NAMES[:4], _NAMES[6]), _NAMES[:2], _NAMES[4:6]


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Lengths and ranges near those above."""

    def case(name: str, T: int, ends: tuple[float, float] | None) -> Case:
        settings = {"function": "noise_schedule", "T": steps_near(generator, T)}
        if T >= 1000:
            settings["every"] = 27  # the whole table says no more
        if ends:
            settings |= {name: near(generator, end) for name, end in zip(("beta_start", "beta_end"), ends)}
        return Case(name, settings)

    return tuple(case(*row) for row in _CASES)


def steps_near(generator: torch.Generator, T: int) -> int:
    """A number of steps near ``T``, or ``T`` itself if it is small; at most 1000, which is all that the notebook promises."""
    if T == 1000:
        return T - int(torch.randint(40, (), generator=generator))
    return near(generator, T) if T >= 50 else T


def near(generator: torch.Generator, value: float) -> float:
    """A number of the same type, at most a tenth away."""
    moved = value * (0.9 + 0.2 * torch.rand((), generator=generator).item())
    return round(moved) if isinstance(value, int) else round(moved, 7)


FLOAT32_PARTS = Exact(advice="Return the schedule in float32; some of it has another dtype")
SMALL = Close(
    rtol=0.0,
    atol=2e-3,
    what="the part of ᾱ where it is small",
    advice="Your ᾱ does not match the definition where it is small; it has no lower bound",
)
_SIDE_EFFECTS_SEEN = {
    **comparisons("noise_schedule", {}),
    "float32_parts": FLOAT32_PARTS,
    "not_finite": Exact(advice="Your schedule holds numbers that are not finite"),
}
_CONDUCT = Test(
    "conduct",
    "one step, float32, global state stays as it is",
    probes.schedule_side_effects,
    _SIDE_EFFECTS,
    {"first": Close(rtol=1e-4, what="one of the first β, α and ᾱ"), **_SIDE_EFFECTS_SEEN},
    count=counts.schedule_side_effects,
    needs=("beta", "alpha_bar", "posterior"),
)

STUBS = ("noise_schedule",)
TESTS = (
    Test(
        "beta",
        "β and α",
        probes.schedule_beta,
        _SEVERAL,
        {"beta": Close(rtol=1e-4, what="the array β"), "alpha": Close(rtol=1e-5, what="the array α")},
    ),
    Test(
        "alpha_bar",
        "ᾱ",
        probes.schedule_alpha_bar,
        _SEVERAL,
        {"alpha_bar": Close(rtol=1e-4, what="the array ᾱ"), "log_alpha_bar": SMALL},
        count=counts.logarithm,
    ),
    Test(
        "alpha_bar_given",
        "Your ᾱ is the product of your own α, which is not correct.",
        probes.schedule_whole,
        _LONG,
        {"alpha_bar": Close(rtol=0.0, atol=1e-4, dtype="float64")},
        count=counts.alpha_bar_of_alpha,
        instead_of="alpha_bar",
        after=("beta",),
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
        "posterior_given",
        "Your posterior variance follows from your own β and ᾱ, of which one is not correct.",
        probes.schedule_whole,
        _LONG,
        {"posterior_variance": Close(rtol=0.0, atol=5e-4, dtype="float64")},
        count=counts.posterior_of_the_rest,
        instead_of="posterior",
        after=("beta", "alpha_bar"),
    ),
    _CONDUCT,
    variant(
        _CONDUCT,
        "conduct_given",
        "Your schedule works for one step, is float32 and leaves global state alone, although its values are not correct.",
        after=("beta", "alpha_bar"),
        outputs=_SIDE_EFFECTS_SEEN,
    ),
)
