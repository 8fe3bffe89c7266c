"""Correct models in the styles that people write: each set must earn all points."""

import numpy as np

from ..q2a_sigmoid.correct import by_sign as sigmoid
from ..q2b_softmax.correct import shifted as softmax


class LinearModel:
    """The plain form: ``mistakes`` are changes of it."""

    def __init__(self, d, k, rng):
        self.W = rng.standard_normal((d, k)) / np.sqrt(d)
        self.b = np.zeros(k)

    def __call__(self, X):
        return self.forward(X)

    def forward(self, X):
        return X @ self.W + self.b


class LogisticRegression(LinearModel):
    def __init__(self, d, rng):
        super().__init__(d, 1, rng)

    def forward(self, X):
        return sigmoid(super().forward(X))


class SoftmaxRegression(LinearModel):
    def forward(self, X):
        return softmax(super().forward(X))


class Transposed:
    """W drawn by columns, no class above the others."""

    def __init__(self, d, k, rng):
        self.W = np.stack([rng.normal(0.0, d**-0.5, size=d) for _ in range(k)], axis=1)
        self.b = 0.0 * self.W[0]

    def forward(self, X):
        return np.einsum("nd,dk->nk", X, self.W) + self.b[None, :]

    __call__ = forward


class OneUnit:
    def __init__(self, d, rng, k=1):
        self.W, self.b = rng.normal(size=(d, k)) * np.sqrt(1 / d), np.zeros((k,), dtype=np.float64)

    def scores(self, X):
        return np.dot(X, self.W) + self.b

    def forward(self, X):
        return sigmoid(x=self.scores(X))

    def __call__(self, X):
        return self.forward(X)


class ByKeyword(Transposed):
    def forward(self, X):
        return softmax(x=Transposed.forward(self, X))

    def __call__(self, X):
        return self.forward(X)


class OneMatrix:
    """W and b are the rows of one matrix."""

    def __init__(self, d, k, rng):
        self.both = np.vstack([rng.normal(size=(d, k)) / d**0.5, np.zeros((1, k))])

    @property
    def W(self):
        return self.both[:-1]

    @W.setter
    def W(self, rows):
        self.both = np.vstack([rows, self.both[-1:]])

    @property
    def b(self):
        return self.both[-1]

    @b.setter
    def b(self, row):
        self.both = np.vstack([self.both[:-1], row])

    def __call__(self, X):
        return self.forward(X)

    def forward(self, X):
        return np.array([[*row, 1.0] @ self.both for row in X])


class SigmoidInside(OneMatrix):
    def __init__(self, d, rng):
        OneMatrix.__init__(self, d, 1, rng)

    def forward(self, X):
        return 0.5 + 0.5 * np.tanh(OneMatrix.forward(self, X) / 2)


class SoftmaxInside(OneMatrix):
    def forward(self, X):
        return np.vstack([softmax(row[None])[0] for row in OneMatrix.forward(self, X)])


_SETS = {
    "as taught": (LinearModel, LogisticRegression, SoftmaxRegression),
    "no parent": (Transposed, OneUnit, ByKeyword),
    "one matrix, row by row": (OneMatrix, SigmoidInside, SoftmaxInside),
}
NAMES = ("LinearModel", "LogisticRegression", "SoftmaxRegression")
CORRECT = {name: dict(zip(NAMES, classes, strict=True)) for name, classes in _SETS.items()}
