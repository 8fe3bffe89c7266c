"""How the questions draw a model and rows with labels, and what the model answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .q2a_sigmoid.oracle import sigmoid
from .q2b_softmax.oracle import softmax


def model_and_rows(
    generator: np.random.Generator, n: int, d: int, k: int, labels: Sequence[int] = (), largest: float | None = None
) -> dict:
    """``W`` (d, k), ``b`` (k,), ``X`` (n, d), ``y`` (n,), ``P`` (n, k) and ``is_binary``, which is true for k = 1.

    ``labels`` are those that occur, all of them where there are enough rows; for d = 1 they are int32. ``largest`` is
    the largest size of X W: then the first class lies far above all others, or far below them.
    """
    W, b, X = (generator.standard_normal(shape) for shape in ((d, k), k, (n, d)))
    X[n // 2] *= n < 3  # a row of zeros where there are enough
    if largest is not None:
        X = np.concatenate([X[: n // 2], -X[: n - n // 2]])
        W[:, 1:] = -W[:, :1] * generator.uniform(0.9, 1, k - 1)
        W *= largest / np.abs(X @ W).max()
    labels = np.array(labels or range(max(k, 2)))
    y = generator.permutation(np.resize(labels, n)).astype(np.int32 if d == 1 else np.int64)
    given = {"W": W, "b": b, "X": X, "y": y, "is_binary": k == 1}
    return {**given, "P": answers(given)}


def answers(given: dict) -> np.ndarray:
    """The probabilities of the rows ``X``, (n, k)."""
    scores = given["X"] @ given["W"] + given["b"]
    return sigmoid(scores) if given["is_binary"] else softmax(scores)
