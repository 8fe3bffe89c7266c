"""Question 1b: the KL divergence of N(mu, sigma²) from N(0, 1), of each row."""

import torch

from ..functions import cases, tests

_SHAPES = {
    "five rows, d = 3": (5, 3),
    "three by two rows, d = 5": (3, 2, 5),
    "four rows, d = 4": (4, 4),
    "six rows, d = 1, logvar near -12": ((6, 1), -12.0),
    "one row, d = 7, logvar near 12": ((1, 7), 12.0),
}


def _inputs(generator, shape, logvar=-0.5):
    mu, spread = (scale * torch.randn(shape, generator=generator) for scale in (1.5, 1))
    return {"mu": mu, "logvar": spread / (1 if abs(logvar) < 1 else 2) + logvar}


def draw(generator):
    """Means and log variances of either sign, some of them far from 0."""
    return cases("kl_divergence", generator, _SHAPES, _inputs, slice(-1))


STUBS = ("kl_divergence",)
TESTS = tests("kl_divergence", "the KL divergence", _SHAPES)
