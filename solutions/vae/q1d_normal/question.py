"""Question 1d: the log density of rows under normal distributions."""

from __future__ import annotations

import torch

from autograder.questions.model import Case

from ..functions import case, conduct_test, gradient_test, value_test

_SHAPES = {
    "five rows, d = 3": (5, 3),
    "four rows, d = 4": (4, 4),
    "six rows, d = 1": (6, 1),
    "one row, d = 7": (1, 7),
}
_CONDUCT = {"three rows, d = 6": (3, 6)}
NAMES = {"mu": "mu", "logvar": "logvar", "x": "x"}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Rows within a few deviations of their means."""

    def inputs(name: str, shape: tuple[int, ...]) -> Case:
        mu, logvar, x = (scale * torch.randn(shape, generator=generator) for scale in (1.5, 1, 2))
        return case(name, "log_likelihood_normal", generator, shape[:1], mu=mu, logvar=logvar + 0.5, x=x)

    return tuple(inputs(name, shape) for name, shape in {**_SHAPES, **_CONDUCT}.items())


STUBS = ("log_likelihood_normal",)
TESTS = (
    value_test("the log-likelihood", _SHAPES),
    gradient_test(NAMES, _SHAPES),
    conduct_test("log_likelihood_normal", NAMES, tuple(_CONDUCT)),
)
