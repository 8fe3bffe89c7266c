"""Question 1d: the log density of rows under normal distributions."""

import torch

from ..functions import cases, tests

_SHAPES = {
    "five rows, d = 3": (5, 3),
    "four rows, d = 4": (4, 4),
    "six rows, d = 1": (6, 1),
    "one row, d = 8, logvar near -6 and 8": ((1, 8), (-6.0, 8.0)),
}


def _inputs(generator, shape, logvar=None):
    """``logvar`` is near the given numbers in turn, if there are any, and x then a few deviations from mu."""
    mu, spread, x = (scale * torch.randn(shape, generator=generator) for scale in (1.5, 1, 2))
    if logvar is None:
        return {"mu": mu, "logvar": spread + 0.5, "x": x}
    near = torch.tensor(logvar).repeat(shape[-1] // len(logvar))
    return {"mu": mu, "logvar": near + spread / 3, "x": mu + x * (near / 2).exp()}


def draw(generator):
    """Rows within a few deviations of their means."""
    return cases("log_likelihood_normal", generator, _SHAPES, _inputs, slice(1))


STUBS = ("log_likelihood_normal",)
TESTS = tests("log_likelihood_normal", "the log-likelihood", _SHAPES)
