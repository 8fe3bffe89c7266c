"""Question 1d: the log density of rows under normal distributions."""

import torch

from ..functions import cases, tests

_SHAPES = {"five rows, d = 3": (5, 3), "four rows, d = 4": (4, 4), "six rows, d = 1": (6, 1), "one row, d = 7": (1, 7)}


def _inputs(generator, shape):
    mu, logvar, x = (scale * torch.randn(shape, generator=generator) for scale in (1.5, 1, 2))
    return {"mu": mu, "logvar": logvar + 0.5, "x": x}


def draw(generator):
    """Rows within a few deviations of their means."""
    return cases("log_likelihood_normal", generator, _SHAPES, _inputs, slice(1))


STUBS = ("log_likelihood_normal",)
TESTS = tests("log_likelihood_normal", "the log-likelihood", _SHAPES)
