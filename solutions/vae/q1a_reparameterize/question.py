"""Question 1a: a draw from N(mu, sigma²) as a function of mu, logvar and noise."""

import torch

from ..functions import cases, tests

_SHAPES = {
    "five rows of three": (5, 3),
    "square, four by four": (4, 4),
    "two channels, (3, 2, 4, 5)": (3, 2, 4, 5),
    "one row of one number, logvar near -12": ((1, 1), -12.0),
    "seven numbers, logvar near 12": ((7,), 12.0),
}


def _inputs(generator, shape, logvar=None):
    """``logvar`` is near the given number, if there is one, and eps is then not near 0."""
    mu, spread, eps = (scale * torch.randn(shape, generator=generator) for scale in (2, 1.5, 1))
    if logvar is None:
        return {"mu": mu, "logvar": spread - 0.5, "eps": eps}
    return {"mu": mu / 4, "logvar": logvar + spread / 3, "eps": eps + eps.sign()}


def draw(generator):
    """Means and log variances of either sign, some of them far from 0, and noise."""
    return cases("reparameterize", generator, _SHAPES, _inputs, slice(None))


STUBS = ("reparameterize",)
TESTS = tests("reparameterize", "the result of reparameterize", _SHAPES)
