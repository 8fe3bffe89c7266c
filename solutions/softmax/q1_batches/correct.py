"""Correct splits and batches in the styles that people write: each pair must earn all points."""

import numpy as np


def permuted(X, y, test_ratio, rng):
    """The plain form: ``mistakes`` are changes of it."""
    order = rng.permutation(len(X))
    count = int(len(X) * test_ratio)
    test, train = order[:count], order[count:]
    return X[train], y[train], X[test], y[test]


def chosen(X, y, batch_size, rng):
    """The plain form: ``mistakes`` are changes of it."""
    size = min(batch_size, len(X))
    rows = rng.choice(len(X), size, replace=False)
    return X[rows], y[rows]


def split_by_mask(X, y, test_ratio, rng):
    n = X.shape[0]
    mask = np.zeros(n, dtype=bool)
    mask[rng.choice(n, size=int(np.floor(n * test_ratio)), replace=False)] = True
    return X[~mask], y[~mask], X[mask], y[mask]


def split_of_shuffled_copies(X, y, test_ratio, rng):
    indices = np.arange(len(y))
    rng.shuffle(indices)
    X, y = X[indices], y[indices]
    train = len(X) - int(test_ratio * len(X))
    return [X[:train], y[:train], X[train:], y[train:]]


def smallest_of_random_keys(X, y, batch_size, rng):
    rows = np.argsort(rng.random(len(X)))[: min(batch_size, len(X))]
    return np.take(X, rows, axis=0), np.take(y, rows)


def by_a_generator_of_its_own(X, y, batch_size, rng):
    own = np.random.default_rng(int(rng.integers(2**63)))
    together = own.permutation(np.column_stack([X, y]), axis=0)[:batch_size]
    return together[:, :-1].astype(X.dtype), together[:, -1].astype(y.dtype)


_PAIRS = {
    "as taught": (permuted, chosen),
    "masks": (split_by_mask, smallest_of_random_keys),
    "shuffled": (split_of_shuffled_copies, by_a_generator_of_its_own),
}
CORRECT = {name: {"train_test_split": split, "get_data_batch": batch} for name, (split, batch) in _PAIRS.items()}
