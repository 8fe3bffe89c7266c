"""Question 1a: a draw from N(mu, sigma²) as a function of mu, logvar and noise."""

import torch

from ..functions import cases, tests

_SHAPES = {
    "five rows of three": (5, 3),
    "one row of one number": (1, 1),
    "square, four by four": (4, 4),
    "two channels, (3, 2, 4, 5)": (3, 2, 4, 5),
    "seven numbers": (7,),
}


def _inputs(generator, shape):
    mu, logvar, eps = (scale * torch.randn(shape, generator=generator) for scale in (2, 1.5, 1))
    return {"mu": mu, "logvar": logvar - 0.5, "eps": eps}


def draw(generator):
    """Means and log variances of either sign, and noise."""
    return cases("reparameterize", generator, _SHAPES, _inputs, slice(None))


STUBS = ("reparameterize",)
TESTS = tests("reparameterize", "the result of reparameterize", _SHAPES)
