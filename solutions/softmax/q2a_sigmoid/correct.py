"""Correct sigmoids in the styles that people write: each must earn all points."""

import math
import warnings

import numpy as np


def by_sign(x):
    """The plain form: ``mistakes`` are changes of it."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def masks(x):
    result, above = np.empty_like(x), x >= 0
    result[above] = 1 / (1 + np.exp(-x[above]))
    result[~above] = np.exp(x[~above]) / (1 + np.exp(x[~above]))
    return result


def warnings_switched_off_inside(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def warnings_hidden_inside(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return 1 / (1 + np.exp(-x))


def number_by_number(x):
    return np.vectorize(lambda one: math.exp(min(one, 0)) / (1 + math.exp(-abs(one))))(x)


def by_tanh(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def of_a_logarithm(x):
    return np.exp(-np.logaddexp(0, -x))


def clipped_far_out(x):
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


_ALL = (
    by_sign, masks, warnings_switched_off_inside, warnings_hidden_inside, number_by_number, by_tanh, of_a_logarithm,
    clipped_far_out,
)  # fmt: skip
CORRECT = {f.__name__: {"sigmoid": f} for f in _ALL}
