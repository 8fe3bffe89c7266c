"""Question 4: the simplified loss (Ho et al. 2020, equation 14)."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons, float32_result

from ..probes import other_noising
from ..q2_noising.question import NAMES, inputs
from . import counts, probes

# Shape of x_0, t of each row, T and the ends of β.
_LOSSES = {
    "five images (1, 5, 4), T = 20": ((5, 1, 5, 4), (0, 19, 7, 7, 3), 20, 0.01, 0.2),
    "four images (3, 4, 4), T = 50": ((4, 3, 4, 4), (12, 49, 0, 30), 50, 0.001, 0.1),
    "one image (2, 4, 3), T = 8, three times the noise": ((1, 2, 4, 3), (5,), 8, 0.05, 0.4, 3.0),
}
_MANY_STEPS = {"three images (1, 2, 3), T = 1000": ((3, 1, 2, 3), (999, 430, 20), 1000, 1e-4, 0.02)}
_SIDE_EFFECTS = {
    "three images (1, 3, 4), T = 10": ((3, 1, 3, 4), (1, 9, 4), 10, 0.02, 0.3),
    "two images (2, 3, 5), T = 6": ((2, 2, 3, 5), (3, 0), 6, 0.05, 0.4),
}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Batches as in question 2, and parameters of the given model: a scale and a shift for each step, and one number."""

    def case(name: str, setting: tuple) -> Case:
        given = inputs(generator, *setting)
        return Case(name, {"start": torch.randn(2 * given["schedule"].shape[1] + 1, generator=generator), **given})

    return tuple(case(name, setting) for name, setting in {**_LOSSES, **_MANY_STEPS, **_SIDE_EFFECTS}.items())


_VALUES = (*_LOSSES, *_MANY_STEPS)  # a gradient for each of 1000 steps says no more
_GRADIENT = {
    "gradient": Close(rtol=1e-4, what="the gradient to the model's parameters"),
    "left": Exact("float32", "You call backward in ddpm_loss; the loop that trains the model calls it"),
}
_CONDUCT = {
    **comparisons("ddpm_loss", NAMES),
    **float32_result("ddpm_loss"),
    "parameters": Exact("float32", "You change the parameters of the model in ddpm_loss"),
    "gradients_cleared": Exact(advice="You clear the gradients of the model in ddpm_loss; the training loop does that"),
    "modes_switched": Exact(advice="You switch the mode of the model in ddpm_loss; the training loop does that"),
    "moves": Exact(advice="What ddpm_loss returns does not depend on the noise"),
}

STUBS = ("ddpm_loss",)
_TESTS = (
    Test(
        "value", "value of the loss", probes.denoising_loss_value, _VALUES, {"value": Close(rtol=1e-4, what="the loss")}
    ),
    Test("gradient", "gradient to the model's parameters", probes.denoising_loss_gradient, tuple(_LOSSES), _GRADIENT),
    Test(
        "conduct",
        "float32, inputs, model and global state stay as they are",
        probes.denoising_loss_side_effects,
        tuple(_SIDE_EFFECTS),
        _CONDUCT,
        count=counts.denoising_loss_side_effects,
        needs=("value", "gradient"),
    ),
)
_GIVEN = (
    "The loss is correct: it was given other noised images in the place of those of your q_sample.",
    "The gradient is correct: ddpm_loss was given other noised images in the place of those of your q_sample.",
    "ddpm_loss leaves everything as it is: it was given other noised images in the place of those of your q_sample.",
)
TESTS = (
    *_TESTS,
    *(
        variant(test, f"{test.id}_given", title, after=("q2",), stand_ins={"q_sample": other_noising})
        for test, title in zip(_TESTS, _GIVEN, strict=True)
    ),
)
