"""Question 2b: the oracle against SciPy, a law, and what a mistake costs."""

from pathlib import Path

import numpy as np
import pytest
import scipy.special

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import shifted
from .mistakes import MISCONCEPTIONS
from .oracle import softmax

HERE = Path(__file__).parent


@pytest.mark.parametrize("size", [1, 40, 1000])
def test_the_oracle_agrees_with_scipy_and_rows_sum_to_one(size):
    x = size * np.random.default_rng(0).standard_normal((20, 5))
    np.testing.assert_allclose(softmax(x), scipy.special.softmax(x, axis=1), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(softmax(x).sum(axis=1), 1)


def test_a_number_added_to_a_row_changes_nothing():
    x = np.random.default_rng(0).standard_normal((4, 3))
    np.testing.assert_allclose(softmax(x + [[5], [-7], [1000], [0]]), softmax(x), rtol=1e-9)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("extreme",): "no maximum subtracted, maximum of all rows, mean subtracted",
        (
            "value",
            "extreme",
        ): "maximum of columns, columns, whole matrix, mean, not divided, sign, logarithms, epsilon, one row squeezed",
        ("conduct",): "in place, warnings off",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("clipped", "", "np.exp(x -", "np.exp(np.clip(x, -100, 100) -"),
        edit("log of a sum", "", "    return ", "    return 0 * np.log(np.exp(x).sum()) + "),
        edit("first entry subtracted", "", "x.max(axis=1, keepdims=True)", "x[:, :1]"),
        edit("square", "", "e / ", "e**2 / "),
        edit("float32", "", "np.exp(x", "np.exp(x.astype(np.float32)"),
    )
    found = [set(lost(HERE, one.namespace)) for one in misconceptions("softmax", shifted, unlisted)]
    assert found == [{"extreme"}, {"extreme"}, {"extreme"}, {"value", "extreme"}, {"value", "extreme"}]
