"""Split and batch, one row drawn after the other from those that are left."""

import math

import numpy as np


def _draw(n, size, rng):
    """``size`` different numbers below n, each set with the same chance: in the order of the draw, and those that are left."""
    left, drawn = list(range(n)), []
    for _ in range(size):
        drawn.append(left.pop(int(rng.integers(len(left)))))
    return np.array(drawn, dtype=int), np.array(left, dtype=int)


def train_test_split(X, y, test_ratio, rng):
    test, train = _draw(len(X), math.floor(len(X) * test_ratio), rng)
    return X[train], y[train], X[test], y[test]


def get_data_batch(X, y, batch_size, rng):
    rows, _ = _draw(len(X), min(batch_size, len(X)), rng)
    return X[rows], y[rows]


ORACLE = {"train_test_split": train_test_split, "get_data_batch": get_data_batch}
