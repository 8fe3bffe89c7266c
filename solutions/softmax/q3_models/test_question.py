"""Question 3: the oracle against scikit-learn and by hand, and what a mistake costs."""

from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from autograder.questions.edits import edit, edited
from autograder.release.trial import lost, surprises

from .correct import LinearModel
from .mistakes import MISCONCEPTIONS, PLAIN
from .oracle import linear_model, logistic_regression, softmax_regression

HERE = Path(__file__).parent


def test_scores_by_hand():
    model = linear_model(2, 2, np.random.default_rng(0))
    model.W, model.b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0])
    assert model(np.array([[1.0, -1.0]])).tolist() == [[8.0, 18.0]]


def test_probabilities_agree_with_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 4)), np.arange(30) % 3
    theirs = LogisticRegression().fit(X, y)
    ours = softmax_regression(4, 3, rng)
    ours.W, ours.b = theirs.coef_.T, theirs.intercept_
    np.testing.assert_allclose(ours(X), theirs.predict_proba(X), rtol=1e-9)
    theirs = LogisticRegression().fit(X, y == 1)
    ours = logistic_regression(4, rng)
    ours.W, ours.b = theirs.coef_.T, theirs.intercept_
    np.testing.assert_allclose(ours(X)[:, 0], theirs.predict_proba(X)[:, 1], rtol=1e-9)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("weights",): "not divided, divided by d, uniform, seeded, zeros, b drawn, b is a row",
        ("forward",): "b forgotten, squeezed, logistic scores, logistic vector, softmax scores, softmax of columns",
        ("conduct",): "np.random",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_linear_models_that_nobody_listed_are_seen():
    drawn = "rng.standard_normal((d, k)) / np.sqrt(d)"
    unlisted = (
        edit("W transposed", "", "(d, k)", "(k, d)"),
        edit("one column", "", "rng.standard_normal((d, k))", "np.repeat(rng.standard_normal((d, 1)), k, axis=1)"),
        edit("cut off", "", "rng.standard_normal((d, k))", "np.clip(rng.standard_normal((d, k)), -1, 1)"),
        edit("W kept", "", "d, k, rng):", "d, k, rng, kept={}):", drawn, f"kept.setdefault((d, k), {drawn})"),
        edit("b whole", "", "np.zeros(k)", "np.zeros(k, dtype=int)"),
        edit("clipped", "", "X @ self.W + self.b", "np.clip(X @ self.W + self.b, -30, 30)"),
        edit("rows changed", "", "    return X @", "    X -= X.mean()\n        return X @"),
    )
    found = [set(lost(HERE, {**PLAIN, "LinearModel": edited(LinearModel, one)})) for one in unlisted]
    assert [*found[:5]] == [{"weights"}] * 5 and found[5] == {"forward"} and {"forward", "conduct"} <= found[6]
