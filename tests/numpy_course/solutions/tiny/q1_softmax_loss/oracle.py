"""The loss and its gradient: one row and one class after the other."""

import math

import numpy as np


def softmax_loss(W, x, y):
    loss, gradient = 0.0, np.zeros_like(W)
    for row, label in zip(x, y.tolist()):
        scores = [float(row @ column) for column in W.T]
        total = sum(math.exp(score - max(scores)) for score in scores)
        loss += (max(scores) + math.log(total) - scores[label]) / len(x)
        for k, score in enumerate(scores):
            gradient[:, k] += (math.exp(score - max(scores)) / total - (k == label)) * row / len(x)
    return loss, gradient


ORACLE = {"softmax_loss": softmax_loss}
