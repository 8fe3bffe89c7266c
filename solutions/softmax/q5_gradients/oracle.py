"""The gradients by their definition: for each weight the mean over rows, then the penalty."""

import math

import numpy as np


def gradients(model, X, y, l2_lambda, is_binary):
    P, rows, labels = model(X).tolist(), X.tolist(), y.tolist()
    W, b, n = model.W.tolist(), model.b.tolist(), len(rows)
    errors = [[p - (label if is_binary else label == j) for j, p in enumerate(row)] for row, label in zip(P, labels)]
    grad_W = [
        [math.fsum(rows[i][a] * errors[i][j] for i in range(n)) / n + l2_lambda * w for j, w in enumerate(line)]
        for a, line in enumerate(W)
    ]
    grad_b = [math.fsum(errors[i][j] for i in range(n)) / n + l2_lambda * c for j, c in enumerate(b)]
    return np.array(grad_W), np.array(grad_b)


ORACLE = {"gradients": gradients}
