"""Question 2a: the oracle against SciPy, and what a mistake costs."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import by_sign
from .mistakes import MISCONCEPTIONS
from .oracle import sigmoid

HERE = Path(__file__).parent


@pytest.mark.parametrize("size", [1, 40, 1000, 1e300])
def test_the_oracle_agrees_with_scipy(size):
    x = size * np.random.default_rng(0).uniform(-1, 1, (50, 2))
    np.testing.assert_allclose(sigmoid(x), expit(x), rtol=1e-13, atol=1e-300)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("extreme",): "overflow below, overflow above",
        (
            "value",
            "extreme",
        ): "negative side forgotten, mirrored, tanh without halves, tanh, clipped early, exponential alone, "
        "softmax, rounded, squeezed, float32",
        ("conduct",): "in place, warnings off, warnings filtered",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    both = "np.where(x >= 0, 1.0, small) / (1.0 + small)"
    unlisted = (
        edit("a list", "", both, f"({both}).tolist()"),
        edit("seeds", "", "return ", "np.random.seed(0)\n    return "),
        edit("both branches", "", both, "np.where(x > 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))"),
        edit("flat", "", both, f"({both}).ravel()"),
    )
    found = [set(lost(HERE, m.namespace)) for m in misconceptions("sigmoid", by_sign, unlisted)]
    assert found == [{"value", "extreme", "conduct"}, {"conduct"}, {"extreme"}, {"value", "extreme"}]
