"""The models by their definition, one sum after the other. Functions that make them, so that a stand-in reaches their names."""

import math
from types import SimpleNamespace

import numpy as np

from ..q2a_sigmoid.oracle import sigmoid
from ..q2b_softmax.oracle import softmax


class _Model(SimpleNamespace):
    """``W`` (d, k), ``b`` (k,) and ``answer``, a function of scores."""

    def forward(self, X):
        columns, b = self.W.T.tolist(), self.b.tolist()
        scores = [[math.fsum(map(math.prod, zip(row, w))) + c for w, c in zip(columns, b)] for row in X.tolist()]
        return self.answer(np.array(scores))

    __call__ = forward


def _made(d, k, rng, answer):
    numbers = [rng.standard_normal() / math.sqrt(d) for _ in range(d * k)]
    return _Model(W=np.array(numbers).reshape(d, k), b=np.array([0.0] * k), answer=answer)


def linear_model(d, k, rng):
    return _made(d, k, rng, lambda scores: scores)


def logistic_regression(d, rng):
    return _made(d, 1, rng, lambda scores: sigmoid(scores))


def softmax_regression(d, k, rng):
    return _made(d, k, rng, lambda scores: softmax(scores))


ORACLE = {
    "LinearModel": linear_model,
    "LogisticRegression": logistic_regression,
    "SoftmaxRegression": softmax_regression,
}
