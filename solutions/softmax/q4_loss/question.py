"""Question 4: loss and accuracy."""

import numpy as np

from autograder.questions.model import Case, Close, Exact, Test

from ..common_tests import conduct
from ..inputs import answers, model_and_rows
from . import probes

# n, d, k (1: two classes, one score), labels
_ORDINARY = {
    "7 rows, 4 classes": (7, 5, 4, ()),
    "7 rows, two classes": (7, 5, 1, ()),
    "a class that no row has": (6, 3, 5, (0, 1, 3)),
    "one row, 3 classes": (1, 4, 3, (1,)),
    "one row, two classes": (1, 4, 1, (0,)),
    "d = 1, 3 classes": (5, 1, 3, ()),
    "rows of class 1 alone": (4, 2, 1, (1,)),
}
_LARGE = {"scores up to ±1000, 4 classes": 4, "scores up to ±1000, two classes": 1}
_SHARE = {"23 rows, 4 classes": 4, "23 rows, two classes": 1}
_TIES = {"equal probabilities, 4 classes": 4, "equal probabilities, two classes": 1}


def draw(generator):
    """Ordinary models and rows, large scores, and scores that are equal."""
    given = {name: model_and_rows(generator, n, d, k, labels) for name, (n, d, k, labels) in _ORDINARY.items()}
    for name, k in _LARGE.items():
        large = given[name] = model_and_rows(generator, 8, 3, k, largest=1000.0)
        worst = large["P"].argmin(axis=1) if k > 1 else (large["P"][:, 0] < 0.5).astype(np.int64)
        large["y"][::2], large["y"][1::2] = worst[::2], np.resize(generator.permutation(max(k, 2)), 4)  # every class
    for name, k in _SHARE.items():
        share = given[name] = model_and_rows(generator, 23, 3, k)
        best = share["P"].argmax(axis=1) if k > 1 else (share["P"][:, 0] > 0.5).astype(np.int64)
        share["y"][:9] = best[:9]
    for name, k in _TIES.items():
        ties = given[name] = model_and_rows(generator, 10, 2, k, (0, 1, 1, 2, 3) if k > 1 else (0, 0, 1))
        ties["W"], ties["X"] = 0 * ties["W"], generator.integers(-3, 4, (10, 2)).astype(float)
        ties["b"] = np.array([-1.0, 2.0, 0.0, 2.0][:k]) if k > 1 else np.zeros(1)
        ties["P"] = answers(ties)
    return tuple(Case(name, inputs) for name, inputs in given.items())


_LOSS = {"loss": Close(1e-6, dtype="float64", what="the loss")}
_QUIET = {"warnings": Exact(advice="NumPy warns of an overflow or an infinite logarithm in calculate_loss")}
_ACCURACY = {"accuracy": Close(1e-9, 1e-9, dtype="float64", what="the accuracy")}
STUBS = probes.FUNCTIONS
TESTS = (
    Test("loss", "the mean loss", probes.loss, tuple(_ORDINARY), _LOSS),
    Test("large_scores", "the loss at scores of ±1000, without warnings", probes.loss, tuple(_LARGE), {**_LOSS, **_QUIET}),
    Test("accuracy", "the share of correct rows", probes.accuracy, (*_SHARE, *_TIES, *tuple(_ORDINARY)[3:5]), _ACCURACY),
    conduct(probes.FUNCTIONS, {"W": "model.W", "b": "model.b", "X": "X", "y": "y"}, probes.conduct, tuple(_SHARE), ("loss", "accuracy")),
)  # fmt: skip
