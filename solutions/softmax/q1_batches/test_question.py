"""Question 1: the oracle's laws, and what a mistake costs."""

from pathlib import Path

import numpy as np
import pytest

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import CORRECT, chosen, permuted
from .mistakes import MISCONCEPTIONS
from .oracle import get_data_batch, train_test_split

HERE, PLAIN = Path(__file__).parent, CORRECT["as taught"]


@pytest.mark.parametrize(("n", "ratio", "size"), [(10, 0.25, 2), (7, 0.5, 3), (1, 0.9, 0), (4, 1.0, 4)])
def test_a_split_is_a_partition_whose_test_part_is_rounded_down(n, ratio, size):
    X, y = np.arange(2.0 * n).reshape(n, 2), np.arange(n)
    X_train, y_train, X_test, y_test = train_test_split(X, y, ratio, np.random.default_rng(1))
    assert len(X_test) == size and sorted([*y_train, *y_test]) == list(range(n))
    np.testing.assert_array_equal(np.vstack([X_train, X_test]), X[np.append(y_train, y_test)])


def test_every_row_has_the_same_chance_to_be_in_a_batch():
    X, y, rng = np.zeros((5, 1)), np.arange(5), np.random.default_rng(2)
    times = np.bincount(np.concatenate([get_data_batch(X, y, 2, rng)[1] for _ in range(2000)]))
    assert np.abs(times / 2000 - 2 / 5).max() < 0.06  # over five standard deviations


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("split",): "ratio of the training part, rounded up, labels shuffled apart, one row in both parts",
        ("split", "chances"): "other order",
        ("batch",): "larger than n, first labels",
        ("batch", "chances"): "with replacement",
        ("chances",): "not shuffled, split seeded, neighbours, batch seeded",
        ("conduct",): "split from np.random, batch from np.random, shuffled in place",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    split = (
        edit("turned", "", "rng.permutation(len(X))", "np.roll(np.arange(len(X)), rng.integers(len(X)))"),
        edit("clock", "", "rng.permutation(len(X))", "np.random.default_rng().permutation(len(X))"),
        edit("sorted in place", "", "    order =", "    X.sort(axis=0)\n    order ="),
    )
    batch = (
        edit("first row always", "", "return", "rows[0] = 0\n    return"),
        edit("last row never", "", "rng.choice(len(X), size", "rng.choice(max(len(X) - 1, size), size"),
    )
    wrong = (
        *misconceptions("train_test_split", permuted, split, PLAIN),
        *misconceptions("get_data_batch", chosen, batch, PLAIN),
    )
    found = [set(lost(HERE, one.namespace)) for one in wrong]
    assert found == [{"chances"}, {"conduct"}, {"split", "chances", "conduct"}, {"batch", "chances"}, {"chances"}]


def test_labels_stay_whole_numbers():
    matrix = "both = np.column_stack([X, y])[rows]\n    return both[:, :-1], both[:, -1]"
    floats = (
        *misconceptions("train_test_split", permuted, [edit("test", "", "y[test]", "y[test].astype(float)")], PLAIN),
        *misconceptions("train_test_split", permuted, [edit("train", "", "y[train]", "1.0 * y[train]")], PLAIN),
        *misconceptions("get_data_batch", chosen, [edit("one matrix", "", "return X[rows], y[rows]", matrix)], PLAIN),
    )
    told = [lost(HERE, one.namespace) for one in floats]
    assert [set(tests) for tests in told] == [{"conduct"}] * 3
    assert all("returns labels as floating-point numbers" in tests["conduct"] for tests in told)
    small = edit("int8", "", "X[rows], y[rows]", "X[rows], y[rows].astype(np.int8)")
    assert not lost(HERE, misconceptions("get_data_batch", chosen, [small], PLAIN)[0].namespace)
