"""Question 1b: the KL divergence of N(mu, sigma²) from N(0, 1), of each row."""

import torch

from ..functions import cases, tests

_SHAPES = {
    "five rows, d = 3": (5, 3),
    "three by two rows, d = 5": (3, 2, 5),
    "four rows, d = 4": (4, 4),
    "six rows, d = 1": (6, 1),
    "one row, d = 7": (1, 7),
}


def _inputs(generator, shape):
    mu, logvar = (scale * torch.randn(shape, generator=generator) for scale in (1.5, 1))
    return {"mu": mu, "logvar": logvar - 0.5}


def draw(generator):
    """Means and log variances of either sign."""
    return cases("kl_divergence", generator, _SHAPES, _inputs, slice(-1))


STUBS = ("kl_divergence",)
TESTS = tests("kl_divergence", "the KL divergence", _SHAPES)
