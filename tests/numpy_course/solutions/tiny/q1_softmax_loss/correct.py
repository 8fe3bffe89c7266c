"""Correct solutions of q1."""

import numpy as np


def by_formula(W, x, y):
    """The one that ``mistakes.py`` edits."""
    scores = x @ W
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    target = np.eye(W.shape[1])[y]
    return -log_p[target == 1].mean(), x.T @ (np.exp(log_p) - target) / len(x)


CORRECT = {"by formula": {"softmax_loss": by_formula}}
