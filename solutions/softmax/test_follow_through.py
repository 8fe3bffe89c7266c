"""A mistake in one question costs no points in another: names that call each other, as in the solution."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from autograder.release.trial import Solution, raising

from . import probes

SOLUTION = Solution(Path(__file__).parent, np=np, show_progress=lambda *given: None)
QUESTIONS = ("q1", "q2a", "q2b", "q3", "q4", "q5", "q6", "q7")
notebook, changed = SOLUTION.notebook, SOLUTION.changed


def lost(names):
    return SOLUTION.lost(names, QUESTIONS)


WRONG = {
    "q1: not shuffled": changed("train_test_split", "rng.permutation(len(X))", "np.arange(len(X))"),
    "q1: first rows": "def get_data_batch(X, y, batch_size, rng): return X[:3], y[:3]\n",
    "q1: raises": raising("get_data_batch"),
    "q2a: mirrored": changed("sigmoid", "x >= 0", "x < 0"),
    "q2a: missing": "sigmoid = None",
    "q2a: raises": raising("sigmoid"),
    "q2b: columns": changed("softmax", "powers.sum(axis=1", "powers.sum(axis=0"),
    "q2b: overflow": changed("softmax", "np.exp(x - x.max(axis=1, keepdims=True))", "np.exp(x)"),
    "q2b: raises": raising("softmax"),
    "q3: no bias": changed("SoftmaxRegression", "X @ self.W + self.b", "X @ self.W"),
    "q3: vector": changed("SoftmaxRegression", "X @ self.W + self.b", "np.squeeze(X @ self.W + self.b)"),
    "q3: raises": changed("SoftmaxRegression", "self.b = np.zeros(k)", "raise NotImplementedError('later')"),
    "q4: sum": changed("calculate_loss", "y].mean()", "y].sum()", "scores[:, 0]).mean()", "scores[:, 0]).sum()"),
    "q4: none": "def calculate_accuracy(model, X, y, is_binary): return None",
    "q4: raises": raising("calculate_loss"),
    "q5: sums": changed("gradients", "X.T @ errors / len(X)", "X.T @ errors"),
    "q5: sign": changed("gradients", "errors - Y", "Y - errors"),
    "q5: raises": raising("gradients"),
    "q6: nothing clipped": "def clip_gradients(grad_W, grad_b, max_norm): return grad_W, grad_b\n",
    "q6: raises": raising("clip_gradients"),
}  # fmt: skip
ALL = [
    WRONG[name] for name in ("q1: first rows", "q2a: mirrored", "q2b: columns", "q3: no bias", "q4: sum", "q5: sums")
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_function_costs_its_own_question_only(wrong):
    assert set(lost(notebook(WRONG[wrong]))) == {wrong.partition(":")[0]}


def test_a_wrong_sigmoid_costs_no_model_and_wrong_gradients_no_training():
    assert lost(notebook(WRONG["q2a: mirrored"])) == {"q2a": {"value", "extreme"}}
    assert lost(notebook(WRONG["q5: sums"])) == {"q5": {"softmax", "logistic"}}


def test_a_notebook_whose_helpers_are_all_wrong_loses_nothing_else():
    for cells in (ALL, [cell for name, cell in WRONG.items() if name.endswith("raises")]):
        assert set(lost(notebook(*cells))) | {"q6"} == set(QUESTIONS) - {"q7"}


LATER = {
    "q3: scores": (changed("SoftmaxRegression", "return sigmoid(super().forward(X))", "return super().forward(X)"), {"forward"}),
    "q7: mean of means": (changed("evaluate_model", "y_batch, is_binary) * len(X_batch)\n        correct", "y_batch, is_binary)\n        correct",
                                  "loss / len(X)", "loss / -(-len(X) // batch_size)"), {"evaluation"}),
    "q7: not clipped": (changed("fit_model", "grad_W, grad_b = clip_gradients(", "_ = clip_gradients("), {"trajectory"}),
    "q7: uphill": (changed("fit_model", "model.W - lr", "model.W + lr"), {"trajectory"}),
    "q7: all noted": (changed("fit_model", "i % 10 == 0 or i == num_iters", "True"), {"lists"}),
    "q7: one batch": (changed("fit_model", "batch_size, rng)", "batch_size, np.random.default_rng(0))"), {"lists", "batches"}),
}  # fmt: skip


@pytest.mark.parametrize("later", LATER)
def test_what_is_wrong_stays_wrong_with_any_functions_before_it(later):
    (cell, tests), id = LATER[later], later.partition(":")[0]
    assert lost(notebook(cell)) == {id: tests}
    assert lost(notebook(*ALL[: 3 if id == "q3" else 6], cell))[id] == tests


def test_the_student_reads_what_was_given():
    found = SOLUTION.judgements("q7", notebook(WRONG["q5: sums"]), wrong=("q5",))
    assert found["trajectory"].message == "fit_model is correct: it was given other functions in the place of yours."


@pytest.mark.parametrize("name", probes.STEPS)
def test_a_stand_in_depends_on_every_argument(name):
    rng = np.random.default_rng(0)
    model, X = probes.OtherModel(rng.standard_normal((2, 3)), np.ones(3), False), rng.standard_normal((4, 2))
    given = {
        **{"model": model, "X": X, "x": X, "y": np.array([0, 1, 2, 1]), "grad_W": X, "grad_b": X[0]},
        **{"batch_size": 2, "max_norm": 1.0, "l2_lambda": 0.5, "is_binary": False},
    }
    changes = {"model": probes.OtherModel(model.W + 1, model.b, False), "is_binary": True, "batch_size": 3}
    parameters = set(inspect.signature(probes.STEPS[name]).parameters)

    def result(**changed):
        generator = {"rng": np.random.default_rng(5)} if "rng" in parameters else {}
        found = probes.STEPS[name](**{n: v for n, v in {**given, **changed}.items() if n in parameters}, **generator)
        return [np.asarray(part).tolist() for part in (found if isinstance(found, tuple) else (found,))]

    for parameter in parameters - {"rng"} - ({"batch_size"} if name == "evaluate_model" else set()):
        assert result(**{parameter: changes[parameter] if parameter in changes else given[parameter] + 1}) != result()
