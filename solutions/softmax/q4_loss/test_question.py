"""Question 4: the oracle against scikit-learn and SciPy, and what a mistake costs."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.metrics import accuracy_score, log_loss

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import CORRECT, log_sum_exp, share
from .mistakes import MISCONCEPTIONS
from .oracle import calculate_accuracy, calculate_loss

HERE, PLAIN = Path(__file__).parent, CORRECT["as taught"]


class Model(SimpleNamespace):
    def __call__(self, X):
        scores = X @ self.W + self.b
        return softmax(scores, axis=1) if self.b.size > 1 else expit(scores)


def drawn(k, size=1.0):
    rng = np.random.default_rng(k)
    model = Model(W=size * rng.standard_normal((3, k)), b=rng.standard_normal(k))
    return model, rng.standard_normal((20, 3)), np.arange(20) % max(k, 2)


@pytest.mark.parametrize("k", [1, 4])
def test_the_oracle_agrees_with_scikit_learn(k):
    model, X, y = drawn(k)
    P = model(X) if k > 1 else np.hstack([1 - model(X), model(X)])
    assert calculate_loss(model, X, y, k == 1) == pytest.approx(log_loss(y, P))
    assert calculate_accuracy(model, X, y, k == 1) == accuracy_score(y, P.argmax(axis=1))


def test_the_loss_at_large_scores_agrees_with_scipy_where_scikit_learn_clips():
    model, X, y = drawn(4, 1000.0)
    wanted = -log_softmax(X @ model.W + model.b, axis=1)[np.arange(20), y].mean()
    assert calculate_loss(model, X, y, False) == pytest.approx(wanted) and wanted > 3 * log_loss(y, model(X))
    model, X, y = drawn(1, 1000.0)
    signs = np.where(y == 1, 1, -1)
    assert calculate_loss(model, X, y, True) == pytest.approx(-log_expit(signs * (X @ model.W + model.b)[:, 0]).mean())


def test_of_equal_probabilities_the_first_counts():
    zeros = {k: Model(W=np.zeros((1, k)), b=np.zeros(k)) for k in (1, 3)}
    X, y = np.ones((4, 1)), np.array([0, 1, 0, 1])
    assert calculate_accuracy(zeros[1], X, y, True) == calculate_accuracy(zeros[3], X, y, False) == 0.5


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("large_scores",): "log of small probabilities, small number in the logarithm, clipped probabilities",
        (
            "loss",
            "large_scores",
        ): "sum, divided by n and k, labels ignored, logarithm of the mean, sign, only class 1, "
        "all rows against all labels, b forgotten, penalty",
        ("accuracy",): "per cent, binary argmax, all rows against all labels (accuracy)",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    loss = (
        edit("labels from 1", "", "np.arange(len(y)), y]", "np.arange(len(y)), y - 1]"),
        edit("as wide as the largest label", "", "log_p[np.arange(len(y)), y]", "(np.eye(y.max() + 1)[y] * log_p).sum(axis=1)"),
        edit("classes of the batch alone", "", "    s = s -", "    s, y = s[:, np.unique(y)], np.unique(y, return_inverse=True)[1]\n    s = s -"),
        edit("clipped scores", "", "X @ model.W + model.b", "np.clip(X @ model.W + model.b, -500, 500)"),
        edit("b forgotten", "", "X @ model.W + model.b", "X @ model.W"),
        edit("model grown", "", "    s = X @", "    model.W *= 1.01\n    s = X @"),
    )  # fmt: skip
    rate = (
        edit("last of equal ones", "", "p.argmax(axis=1)", "p.shape[1] - 1 - p[:, ::-1].argmax(axis=1)"),
        edit("class 1 at a half", "", "> 0.5", ">= 0.5"),
        edit("warnings off", "", "    p =", "    np.seterr(all='ignore')\n    p ="),
    )
    wrong = (
        *misconceptions("calculate_loss", log_sum_exp, loss, PLAIN),
        *misconceptions("calculate_accuracy", share, rate, PLAIN),
    )
    both = {"loss", "large_scores"}
    found = [set(lost(HERE, one.namespace)) for one in wrong]
    assert found[:6] == [both, {"loss"}, {"loss"}, {"large_scores"}, both, {*both, "conduct"}]
    assert found[6:] == [{"accuracy"}, {"accuracy"}, {"conduct"}]
