"""Question 3: one step of the reverse process, its mean, its variance and a draw from it."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Comparison, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons, float32_result

from ..probes import other_moments
from ..q1a_linear_schedule.question import near
from . import counts, probes

# Name, T, first and last β, shape of x_t, t. Steep schedules: there a step's neighbours differ from it.
_MOMENTS = (
    ("T = 10, images of one channel", 10, 0.01, 0.3, (4, 1, 5, 4), (9, 0, 3, 3)),
    ("T = 5, as many images as columns", 5, 0.05, 0.5, (4, 3, 4, 4), (4, 1, 2, 0)),
    ("T = 50, rows of six", 50, 0.001, 0.1, (5, 6), (49, 0, 7, 22, 7)),
    ("T = 2, one image", 2, 0.2, 0.3, (1, 1, 5, 4), (1,)),
    ("T = 1000", 1000, 1e-4, 0.02, (3, 2, 3, 3), (999, 400, 20)),
)
_STEPS = (
    ("T = 8, no row at 0", 8, 0.02, 0.4, (4, 1, 5, 4), (7, 1, 3, 3)),
    ("T = 6, three channels, no row at 0", 6, 0.05, 0.3, (4, 3, 4, 4), (1, 5, 2, 4)),
    ("T = 20, rows of six, no row at 0", 20, 0.01, 0.2, (5, 6), (19, 1, 2, 10, 10)),
    ("T = 3, one image", 3, 0.1, 0.3, (1, 1, 5, 4), (2,)),
    ("T = 1000, no row at 0", 1000, 1e-4, 0.02, (3, 1, 3, 4), (999, 450, 30)),
)
_WITHOUT_NOISE = ("T = 6, rows at 0 and zeros as noise", 6, 0.05, 0.3, (3, 1, 5, 4), (0, 5, 0))
_LAST = (
    ("T = 6, first row at 0", 6, 0.05, 0.3, (4, 1, 5, 4), (0, 5, 0, 1)),
    ("T = 6, last row at 0", 6, 0.05, 0.3, (4, 3, 4, 4), (1, 3, 5, 0)),
    ("T = 6, none of three rows at 0", 6, 0.05, 0.3, (3, 6), (1, 5, 3)),
    ("T = 6, all rows at 0", 6, 0.05, 0.3, (3, 6), (0, 0, 0)),
)
_SIDE_EFFECTS = ("T = 6, two channels", 6, 0.05, 0.3, (3, 2, 5, 4), (0, 5, 2))


def schedule_rows(steps: int, first: float, last: float) -> torch.Tensor:
    """β evenly spaced, α, ᾱ and posterior variance, (4, T), computed in float64."""
    beta = torch.linspace(first, last, steps, dtype=torch.float64)
    alpha_bar = torch.cumprod(1 - beta, 0)
    before = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
    return torch.stack([beta, 1 - beta, alpha_bar, beta * (1 - before) / (1 - alpha_bar)]).float()


def _inputs(
    generator: torch.Generator, steps: int, first: float, last: float, shape: tuple[int, ...], t: tuple[int, ...]
) -> dict:
    return {
        "x_t": 1.5 * torch.randn(shape, generator=generator),
        "t": torch.tensor(t),
        "schedule": schedule_rows(steps, near(generator, first), near(generator, last)),
        # For one step more than there are: a model that gets t + 1 answers too, and its values show it.
        "start": 0.7 * torch.randn(2 * (steps + 1) + 1, generator=generator),
    }


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Images, steps that differ by row, and the parameters of a small given model."""

    def noise(shape: tuple[int, ...]) -> dict:
        return {"noise": torch.randn(shape, generator=generator)}

    name, *rest = _WITHOUT_NOISE
    return (
        *(Case(name, _inputs(generator, *rest)) for name, *rest in _MOMENTS),
        *(
            Case(name, {**_inputs(generator, *rest), **noise(rest[3])})
            for name, *rest in (*_STEPS, *_LAST, _SIDE_EFFECTS)
        ),
        Case(name, {**_inputs(generator, *rest), "noise": torch.zeros(rest[3])}),
    )


def _names(table: tuple) -> tuple[str, ...]:
    return tuple(row[0] for row in table)


_INPUTS = {"x_t": "x_t", "t": "t", "schedule": "the schedule"}


def _side_effects(function: str, inputs: dict[str, str], prefix: str) -> dict[str, Comparison]:
    return {
        **comparisons(function, inputs, prefix=prefix),
        **float32_result(function, prefix),
        f"{prefix}frozen": Exact(advice=f"You switch off the gradients of the model's parameters in {function}"),
    }


_STEP = Test(
    id="step",
    title="p_sample is mean plus deviation times noise",
    probe=probes.reverse_step,
    cases=(*_names(_STEPS), _WITHOUT_NOISE[0]),
    outputs={
        "x": Close(1e-3, what="the step", advice="The step is not the mean plus the standard deviation times the noise")
    },
)
_LAST_STEP = Test(
    id="last",
    title="p_sample adds no noise in the rows at t = 0, and only there",
    probe=probes.last_step,
    cases=_names(_LAST),
    outputs={
        "noise_added_last": Close(
            0.0, 1e-3, what="what the noise changes in the rows at t = 0", advice="The noise changes rows at t = 0"
        ),
        "noisy_rows": Exact(advice="Your noise does not reach the rows with t > 0, or it reaches the others"),
    },
    count=counts.last_step,
    needs=("mean", "variance", "step"),
)
_GIVEN = {"after": ("mean", "variance"), "stand_ins": {"p_mean_variance": other_moments}}

STUBS = ("p_mean_variance", "p_sample")
TESTS = (
    Test(
        id="mean",
        title="mean of the reverse step",
        probe=probes.reverse_mean,
        cases=_names(_MOMENTS),
        outputs={
            "mean": Close(
                1e-3, what="the mean", advice="The mean is not (x_t − β / √(1 − ᾱ) · ε_θ(x_t, t)) / √α at each row's t"
            )
        },
    ),
    Test(
        id="variance",
        title="variance of the reverse step",
        probe=probes.reverse_variance,
        cases=_names(_MOMENTS),
        outputs={"variance": Close(1e-3, what="the variance", advice="The variance is not β at each row's t")},
    ),
    _STEP,
    variant(
        _STEP,
        "step_given",
        "p_sample is correct: it was given another mean and variance in the place of yours.",
        **_GIVEN,
    ),
    _LAST_STEP,
    variant(
        _LAST_STEP,
        "last_given",
        "p_sample leaves the noise out at t = 0: it was given another mean and variance in the place of yours.",
        **_GIVEN,
    ),
    Test(
        id="conduct",
        title="inputs and global state stay as they are",
        probe=probes.reverse_side_effects,
        cases=(_SIDE_EFFECTS[0],),
        outputs={
            **_side_effects("p_mean_variance", _INPUTS, "mean_"),
            **_side_effects("p_sample", {**_INPUTS, "noise": "the noise"}, "sample_"),
            "sample_moves": Exact(advice="You return x_t as it is from p_sample"),
        },
        count=counts.reverse_side_effects,
        needs=("mean", "variance", "step"),
    ),
)
