"""Question 2: noising an image in one jump (Ho et al. 2020, equation 4)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import comparisons, dtypes_kept

from ..q1a_linear_schedule.oracle import noise_schedule
from . import counts, probes

# Shape of x_0, t of each row, T and the ends of β.
_VALUE = {
    "five images (1, 5, 4), T = 20": ((5, 1, 5, 4), (0, 19, 7, 7, 3), 20, 0.01, 0.2),
    "four images (3, 4, 4), T = 50": ((4, 3, 4, 4), (12, 49, 0, 30), 50, 0.001, 0.1),
    "three images (2, 4, 3), T = 8, six times the noise": ((3, 2, 4, 3), (5, 2, 7), 8, 0.05, 0.4, 6.0),
    "one image (3, 4, 4), T = 100": ((1, 3, 4, 4), (60,), 100, 1e-4, 0.05),
    "three images (1, 2, 6), T = 2": ((3, 1, 2, 6), (0, 1, 0), 2, 0.1, 0.3),
    "four images (1, 3, 3), T = 1000, default ends of β": ((4, 1, 3, 3), (0, 500, 999, 1), 1000, 1e-4, 0.02),
}
_SIDE_EFFECTS = {
    "four images (1, 4, 3), T = 20": ((4, 1, 4, 3), (2, 19, 0, 11), 20, 0.01, 0.2),
    "six points of the plane, T = 10": ((6, 2), (1, 9, 0, 4, 4, 7), 10, 0.02, 0.3),
    "four points with four coordinates, T = 10": ((4, 4), (3, 8, 0, 5), 10, 0.02, 0.3),
    "three rows of two signals, T = 10": ((3, 2, 6), (7, 0, 9), 10, 0.02, 0.3),
    "two volumes, T = 10": ((2, 1, 2, 3, 2), (9, 4), 10, 0.02, 0.3),
}


def inputs(
    generator: torch.Generator,
    shape: tuple[int, ...],
    t: tuple[int, ...],
    T: int,
    beta_start: float,
    beta_end: float,
    scale: float = 1.0,
) -> dict[str, torch.Tensor]:
    """Images in [−1, 1], their steps, noise of a standard deviation ``scale``, and a linear schedule as rows (4, T)."""
    return {
        "x0": 2 * torch.rand(shape, generator=generator) - 1,
        "t": torch.tensor(t),
        "noise": scale * torch.randn(shape, generator=generator),
        "schedule": torch.stack(noise_schedule(T, beta_start, beta_end)),
    }


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Batches of several shapes whose rows lie at steps of their own, 0 and T − 1 among them."""
    return tuple(Case(name, inputs(generator, *setting)) for name, setting in {**_VALUE, **_SIDE_EFFECTS}.items())


# How sentences call the inputs of ``inputs``.
NAMES = {"x0": "x_0", "t": "the steps t", "noise": "the noise", "schedule": "the schedule"}
_X_T = Close(rtol=1e-4, what="x_t")

STUBS = ("q_sample",)
TESTS = (
    Test("value", "x_t", probes.noised, tuple(_VALUE), {"x_t": _X_T}),
    Test(
        "conduct",
        "data of any shape; dtype, inputs and global state stay as they are",
        probes.noised_side_effects,
        tuple(_SIDE_EFFECTS),
        {
            **comparisons("q_sample", NAMES),
            **dtypes_kept("q_sample"),
            "differs_by_shape": Exact(advice="What q_sample returns depends on how many axes the data have"),
            "moved": Exact(
                advice="Return x_t from q_sample, in the shape of x_0; you return an input as it is, or another shape"
            ),
        },
        count=counts.noised_side_effects,
        needs=("value",),
    ),
)
