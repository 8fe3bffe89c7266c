"""Question 5: the oracle vanishes where scikit-learn ends, agrees with differences of the loss, and what a mistake costs."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from ..inputs import answers, model_and_rows
from ..q4_loss.oracle import calculate_loss
from .correct import one_product
from .mistakes import MISCONCEPTIONS
from .oracle import gradients

HERE = Path(__file__).parent


class Model(SimpleNamespace):
    def __call__(self, X):
        return answers({"X": X, **vars(self)})


@pytest.mark.parametrize("k", [1, 3])
def test_the_gradients_are_0_where_scikit_learn_ends(k):
    """It has no penalty on its own intercept, so b is the weight of a column of ones."""
    given, l2_lambda = model_and_rows(np.random.default_rng(k), 12, 2, k), 0.3
    theirs = LogisticRegression(C=1 / (12 * l2_lambda), fit_intercept=False, tol=1e-10, max_iter=1000)
    coef = theirs.fit(np.column_stack([given["X"], np.ones(12)]), given["y"]).coef_
    model = Model(W=coef[:, :-1].T, b=coef[:, -1], is_binary=k == 1)
    for gradient in gradients(model, given["X"], given["y"], l2_lambda, k == 1):
        np.testing.assert_allclose(gradient, 0, atol=1e-5)


@pytest.mark.parametrize("k", [1, 3])
def test_the_gradients_are_differences_of_loss_and_penalty(k):
    given = model_and_rows(np.random.default_rng(k), 7, 2, k)

    def objective(both):
        model = Model(W=both[:-k].reshape(2, k), b=both[-k:])
        return calculate_loss(model, given["X"], given["y"], k == 1) + 0.4 * np.sum(both**2)

    model = Model(W=given["W"], b=given["b"], is_binary=k == 1)
    found = gradients(model, given["X"], given["y"], 0.8, k == 1)
    wanted = approx_fprime(np.append(given["W"], given["b"]), objective, 1e-7)
    np.testing.assert_allclose(np.concatenate([part.ravel() for part in found]), wanted, atol=1e-5)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("softmax", "logistic"): "sum for W, sum for b, sums, sign",
        ("logistic", "penalty"): "all rows against all labels",
        ("penalty",): "no penalty, penalty twice, penalty divided by n, penalty without b, penalty halved",
        ("softmax",): "divided by n and k, width from the labels, grad_b is a row",
        ("softmax", "logistic", "penalty"): "order",
        ("conduct",): "weights changed",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("binary labels ±1", "", "y[:, None] if", "2 * y[:, None] - 1 if"),
        edit("right class alone", "", "errors = P - Y", "errors = (P - Y) * Y"),
        edit("penalty of signs", "", "l2_lambda * model.W", "l2_lambda * np.sign(model.W)"),
        edit("transposed", "", "return grad_W,", "return grad_W.T,"),
        edit("grad_b doubled", "", "return grad_W, grad_b", "return grad_W, 2 * grad_b"),
        edit("rows normalised", "", "    P =", "    X -= X.mean(axis=0)\n    P ="),
    )
    found = [set(lost(HERE, one.namespace)) for one in misconceptions("gradients", one_product, unlisted)]
    both = {"softmax", "logistic"}
    assert found[:3] == [{"logistic"}, both, {"penalty"}] and all(both <= tests for tests in found[3:])


def test_an_axis_of_length_1_costs_one_test():
    whole = "errors.sum(axis=0) / len(X) + l2_lambda * model.b"
    forms = (
        edit("a column", "", whole, f"({whole})[:, None]"),
        edit("a row for two classes", "", whole, f"({whole})[None] if is_binary else {whole}"),
        edit("a number for two classes", "", whole, f"({whole}) if not is_binary else ({whole})[0]"),
        edit("a column of sums", "", whole, "errors.sum(axis=0)[:, None] + l2_lambda * model.b[:, None]"),
        edit("all twice", "", whole, f"np.stack([{whole}] * 2)"),
    )
    found = [lost(HERE, one.namespace) for one in misconceptions("gradients", one_product, forms)]
    assert [set(tests) for tests in found[:3]] == [{"softmax"}, {"logistic"}, {"logistic"}]
    assert set(found[3]) == {"softmax", "logistic"} and set(found[4]) == {"softmax", "logistic", "penalty"}
    assert "one axis of length 1 too many" in found[0]["softmax"] and "it is a single number" in found[2]["logistic"]
