"""q1: the tests, and how their inputs are drawn."""

from autograder.questions.array_side_effects import counts
from autograder.questions.array_side_effects.question import comparisons
from autograder.questions.model import Case, Close, Test

from . import probes

# Rows, features, classes, size of W. The large W makes exp overflow.
SIZES = {"one row": (1, 4, 3, 1.0), "seven rows": (7, 4, 3, 1.0), "large scores": (6, 5, 4, 2000.0)}


def draw(generator):
    return tuple(Case(name, inputs(generator, *sizes)) for name, sizes in SIZES.items())


def inputs(generator, n, d, k, size):
    W, x = size * generator.standard_normal((d, k)), generator.standard_normal((n, d))
    return {"W": W, "x": x, "y": generator.integers(k, size=n)}


STUBS = ("softmax_loss",)
LOSS = Close(rtol=1e-7, dtype="float64", what="the loss")
GRADIENT = Close(rtol=1e-7, dtype="float64", what="the gradient with respect to W")
EFFECTS = comparisons("softmax_loss", {"W": "W", "x": "the batch"})
TESTS = (
    Test("value", "the loss", probes.value, tuple(SIZES), {"loss": LOSS}),
    Test("gradient", "its gradient", probes.gradient, tuple(SIZES), {"gradient": GRADIENT}),
    Test(
        *("effects", "nothing else changes", probes.effects, ("seven rows",), EFFECTS),
        count=counts.side_effects,
        needs=("value", "gradient"),
    ),
)
