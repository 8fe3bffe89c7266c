"""Correct sigmoids in the styles that people write: each must earn all points."""

import math

import numpy as np


def by_sign(x):
    """The plain form: ``mistakes`` are changes of it."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def masks(x):
    result = np.empty_like(x)
    above = x >= 0
    result[above] = 1 / (1 + np.exp(-x[above]))
    below = np.exp(x[~above])
    result[~above] = below / (1 + below)
    return result


def hyperbolic(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def of_a_logarithm(x):
    return np.exp(-np.logaddexp(0, -x))


def clipped_far_out(x):
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def warnings_switched_off_inside(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def number_by_number(x):
    def one(value):
        return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))

    return np.array([one(value) for value in x.ravel().tolist()]).reshape(x.shape)


CORRECT = {
    f.__name__: {"sigmoid": f}
    for f in (
        by_sign,
        masks,
        hyperbolic,
        of_a_logarithm,
        clipped_far_out,
        warnings_switched_off_inside,
        number_by_number,
    )
}
