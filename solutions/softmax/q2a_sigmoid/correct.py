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


_FUNCTIONS = {
    **{f.__name__: f for f in (by_sign, masks, warnings_switched_off_inside, warnings_hidden_inside, number_by_number)},
    "tanh": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "of a logarithm": lambda x: np.exp(-np.logaddexp(0, -x)),
    "clipped far out": lambda x: 1 / (1 + np.exp(-np.clip(x, -700, 700))),
}
CORRECT = {name: {"sigmoid": function} for name, function in _FUNCTIONS.items()}
