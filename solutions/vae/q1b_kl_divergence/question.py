"""Question 1b: the KL divergence of N(mu, sigma²) from N(0, 1), of each row."""

from __future__ import annotations

import torch

from autograder.questions.model import Case

from ..functions import case, conduct_test, gradient_test, value_test

_SHAPES = {
    "five rows, d = 3": (5, 3),
    "four rows, d = 4": (4, 4),
    "six rows, d = 1": (6, 1),
    "one row, d = 7": (1, 7),
    "three by two rows, d = 5": (3, 2, 5),
}
_CONDUCT = {"three rows, d = 6": (3, 6)}
NAMES = {"mu": "mu", "logvar": "logvar"}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Means and log variances of either sign."""

    def inputs(name: str, shape: tuple[int, ...]) -> Case:
        mu, logvar = (scale * torch.randn(shape, generator=generator) for scale in (1.5, 1))
        return case(name, "kl_divergence", generator, shape[:-1], mu=mu, logvar=logvar - 0.5)

    return tuple(inputs(name, shape) for name, shape in {**_SHAPES, **_CONDUCT}.items())


STUBS = ("kl_divergence",)
TESTS = (
    value_test("the KL divergence", _SHAPES),
    gradient_test(NAMES, _SHAPES),
    conduct_test("kl_divergence", NAMES, tuple(_CONDUCT)),
)
