"""Correct softmaxes in the styles that people write: each must earn all points."""

import math

import numpy as np


def shifted(x):
    """The plain form: ``mistakes`` are changes of it."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def transposed(x):
    e = np.exp(x.T - np.max(x, axis=-1))
    return np.divide(e, e.sum(0)).T


def row_by_row(x):
    result = np.zeros_like(x)
    for i, row in enumerate(x):
        powers = [math.exp(value - max(row)) for value in row]
        result[i] = np.array(powers) / math.fsum(powers)
    return result


def quotients_of_pairs(x):
    """1 / Σ_j exp(x_j − x_i); exp may overflow to inf, and 1 / inf is the right 0."""
    with np.errstate(over="ignore"):
        return 1 / np.exp(x[:, None, :] - x[:, :, None]).sum(axis=2)


CORRECT = {f.__name__: {"softmax": f} for f in (shifted, transposed, row_by_row, quotients_of_pairs)}
