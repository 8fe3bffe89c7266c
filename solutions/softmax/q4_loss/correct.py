"""Correct losses and accuracies in the styles that people write: each pair must earn all points."""

import math
from fractions import Fraction

import numpy as np


def log_sum_exp(model, X, y, is_binary):
    """The plain form: ``mistakes`` are changes of it."""
    s = X @ model.W + model.b
    if is_binary:
        return np.mean(np.logaddexp(0, s[:, 0]) - y * s[:, 0])
    s = s - s.max(axis=1, keepdims=True)
    log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    return -np.mean(log_p[np.arange(len(y)), y])


def share(model, X, y, is_binary):
    """The plain form: ``mistakes`` are changes of it."""
    p = model(X)
    predicted = p[:, 0] > 0.5 if is_binary else p.argmax(axis=1)
    return np.mean(predicted == y)


def two_classes_as_softmax(model, X, y, is_binary):
    s = np.dot(X, model.W) + model.b.reshape(1, -1)
    if is_binary:
        s = np.concatenate([np.zeros_like(s), s], axis=1)
    return float((np.logaddexp.reduce(s, axis=1) - np.take_along_axis(s, y[:, None], axis=1).squeeze(1)).mean())


def counted(model, X, y, is_binary):
    right = 0
    for row, label in zip(model.forward(X), y):
        right += (int(row[0] > 0.5) if is_binary else int(np.argmax(row))) == label
    return right / len(y)


def row_by_row(model, X, y, is_binary):
    total = 0.0
    for x, label in zip(X, y):
        s = [float(x @ model.W[:, j] + model.b[j]) for j in range(model.W.shape[1])]
        s = [0.0, *s] if is_binary else s
        total += max(s) + math.log(math.fsum(math.exp(v - max(s)) for v in s)) - s[int(label)]
    return total / len(X)


def of_scores(model, X, y, is_binary):
    """The sign of the score, which is that of p - 1/2; the order of the scores, which is that of p."""
    s = X @ model.W + model.b
    return ((s > 0)[:, 0] == (y == 1)).mean() if is_binary else (s.argmax(1) == y).mean()


def of_differences(model, X, y, is_binary):
    s = X @ model.W + model.b
    s = np.hstack([0 * s, s]) if is_binary else s
    above = s - np.take_along_axis(s, y.reshape(-1, 1).astype(np.int64), 1)
    top = above.max(axis=1)
    return float(np.average(top + np.log(np.exp(above - top[:, None]).sum(axis=1))))


def as_fraction(model, X, y, is_binary):
    p = model(X)
    p = np.hstack([1 - p, p]) if is_binary else p
    return Fraction(int(np.count_nonzero(np.argmax(p, axis=1) == y)), len(y))


_PAIRS = {
    "as taught": (log_sum_exp, share),
    "two classes": (two_classes_as_softmax, counted),
    "row by row": (row_by_row, of_scores),
    "differences": (of_differences, as_fraction),
}
CORRECT = {name: {"calculate_loss": loss, "calculate_accuracy": rate} for name, (loss, rate) in _PAIRS.items()}
