"""Question 5: the gradients of loss and penalty."""

from autograder.questions.model import Case, Close, Test, variant

from ..common_tests import conduct
from ..inputs import model_and_rows
from . import counts, probes

# n, d, k, labels
_SOFTMAX = {
    "9 rows, 4 classes": (9, 5, 4, ()),
    "a class that no row has": (6, 3, 5, (0, 1, 3)),
    "one row, 3 classes": (1, 4, 3, (1,)),
    "d = 1, 3 classes": (5, 1, 3, ()),
    "4 rows, 4 classes, d = 4": (4, 4, 4, ()),
}
_LOGISTIC = {
    "9 rows, two classes": (9, 5, 1, ()),
    "one row, two classes": (1, 4, 1, (1,)),
    "d = 1, two classes": (5, 1, 1, ()),
    "rows of class 0 alone": (4, 3, 1, (0,)),
}
_PENALTY = {
    "9 rows, 4 classes, with lambda": (9, 5, 4, ()),
    "one row, two classes, with lambda": (1, 3, 1, (0,)),
    "6 rows, two classes, with lambda": (6, 2, 1, ()),
}


def draw(generator):
    """Models and rows without and with a penalty."""
    cases = []
    for name, size in {**_SOFTMAX, **_LOGISTIC, **_PENALTY}.items():
        given = model_and_rows(generator, *size)
        l2_lambda = float(generator.uniform(0.3, 2)) if name in _PENALTY else 0.0
        cases.append(Case(name, {**given, "l2_lambda": l2_lambda}))
    return tuple(cases)


_GRADIENTS = {f"grad_{name}": Close(1e-7, 1e-9, dtype="float64", what=f"grad_{name}") for name in "Wb"}
_ADDED = {
    f"penalty_{name}": Close(1e-7, 1e-9, dtype="float64", what=f"what the penalty adds to grad_{name}") for name in "Wb"
}
STUBS = ("gradients",)
_TWO = Test("logistic", "gradients of the loss of two classes", probes.gradient, tuple(_LOGISTIC), _GRADIENTS)
_TOLD = "These numbers are correct; an axis of grad_b too many or too few costs points in one test alone."
TESTS = (
    Test("softmax", "gradients of the loss of k classes", probes.gradient, tuple(_SOFTMAX), _GRADIENTS),
    _TWO,
    variant(_TWO, "logistic_in_shape", _TOLD, ("softmax",), count=counts.in_shape),
    Test("penalty", "what the penalty adds", probes.with_and_without, tuple(_PENALTY), _ADDED, count=counts.penalty),
    conduct("gradients", {"W": "model.W", "b": "model.b", "X": "X", "y": "y"}, probes.conduct, tuple(_PENALTY)[::2],
            ("softmax", "logistic", "penalty")),
)  # fmt: skip
