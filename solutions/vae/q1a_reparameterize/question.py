"""Question 1a: a draw from N(mu, sigma²) as a function of mu, logvar and noise."""

from __future__ import annotations

import torch

from autograder.questions.model import Case

from ..functions import case, conduct_test, gradient_test, value_test

_SHAPES = {
    "five rows of three": (5, 3),
    "one row of one number": (1, 1),
    "square, four by four": (4, 4),
    "two channels, (3, 2, 4, 5)": (3, 2, 4, 5),
    "seven numbers": (7,),
}
_CONDUCT = {"three rows of four": (3, 4)}
NAMES = {"mu": "mu", "logvar": "logvar", "eps": "eps"}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Means and log variances of either sign, and noise."""

    def inputs(name: str, shape: tuple[int, ...]) -> Case:
        mu, logvar, eps = (scale * torch.randn(shape, generator=generator) for scale in (2, 1.5, 1))
        return case(name, "reparameterize", generator, shape, mu=mu, logvar=logvar - 0.5, eps=eps)

    return tuple(inputs(name, shape) for name, shape in {**_SHAPES, **_CONDUCT}.items())


STUBS = ("reparameterize",)
TESTS = (
    value_test("the result of reparameterize", _SHAPES),
    gradient_test({"mu": "mu", "logvar": "logvar"}, _SHAPES),
    conduct_test("reparameterize", NAMES, tuple(_CONDUCT)),
)
