"""Probes of q7: evaluation of a given model, and training of the student's models or of another one."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import numpy as np

from autograder.questions.array_probing import NoArray, as_array, as_value
from autograder.questions.array_side_effects.probes import side_effects

from ..probes import Arrays, GivenModel, OtherModel, Student, parts_of
from ..q3_models.probes import with_weights

Steps = tuple[np.ndarray, np.ndarray]
LISTS = ("train_losses", "train_accs", "val_losses", "val_accs")


def evaluation(student: Student, batch_size: int, **given: np.ndarray | bool) -> Arrays:
    """``loss``, ``accuracy``: what ``evaluate_model`` returns, 0-d each."""
    with np.errstate():
        return _evaluated(student, batch_size, **given)


def evaluation_of_another(student: Student, batch_size: int, P: np.ndarray, **given: np.ndarray | bool) -> Arrays:
    """The same for a model of other probabilities."""
    model = OtherModel(given["W"], given["b"], given["is_binary"])
    return evaluation(student, batch_size, P=model(given["X"]), **given)


def _evaluated(student: Student, batch_size: int, W, b, X, y, P, is_binary) -> Arrays:
    answer = student["evaluate_model"](GivenModel(W, b, X, P), X, y, batch_size, is_binary)
    parts = parts_of(answer, ("loss", "accuracy"), "What evaluate_model returns")
    return {name: as_value(part, f"The {name}") for name, part in zip(("loss", "accuracy"), parts)}


def training(student: Student, other: bool = False, **given: object) -> Arrays:
    """``W``, ``b`` after ``fit_model`` of the student's own model, or of one of other probabilities."""
    return _trained(student, other, **given)[0]


def training_of_another(student: Student, **given: object) -> Arrays:
    """The same for a model of other probabilities."""
    return training(student, other=True, **given)


def noted(student: Student, other: bool = False, **given: object) -> Arrays:
    """The four lists by name, (m,) each, for the student's own model, or for one of other probabilities."""
    found = zip(LISTS, parts_of(_trained(student, other, **given)[1], LISTS, "What fit_model returns"))
    return {name: _numbers(values, name) for name, values in found}


def noted_of_another(student: Student, **given: object) -> Arrays:
    """The same for a model of other probabilities."""
    return noted(student, other=True, **given)


def noted_at_rest(student: Student, lr: float, **given: object) -> Arrays:
    """The same, for a learning rate of 0 in the place of ``lr``."""
    return noted(student, other=True, lr=0.0, **given)


def rows_of_the_batch(model: object, X: np.ndarray, y: np.ndarray, l2_lambda: float, is_binary: bool) -> Steps:
    """A stand-in for ``gradients``: for rows of the identity how often each is in the batch, whatever the model is."""
    return X.T @ np.ones((len(X), model.b.size)), 0.0 * model.b


def as_they_are(grad_W: np.ndarray, grad_b: np.ndarray, max_norm: float) -> Steps:
    """A stand-in for ``clip_gradients``."""
    return grad_W, grad_b


def batches(student: Student, **given: object) -> Arrays:
    """``changes``: by how much W changes in trainings with two generators, (2, d, k)."""
    return _changes(student, other=False, **given)


def batches_of_another(student: Student, **given: object) -> Arrays:
    """The same for a model of other probabilities."""
    return _changes(student, other=True, **given)


def conduct(student: Student, other: bool = False, **given: object) -> Arrays:
    """What ``side_effects`` returns of a training of the student's own model, whose result are the weights."""
    rows = {name: given.pop(name) for name in ("X_train", "y_train", "X_val", "y_val")}
    W, b = given.pop("W"), given.pop("b")

    def call(**copies: np.ndarray) -> np.ndarray:
        found = training(student, other, W=W.copy(), b=b.copy(), **copies, **given)
        return np.append(found["W"].ravel(), found["b"].ravel())

    return side_effects(call, rows)


def conduct_of_another(student: Student, **given: object) -> Arrays:
    """The same for a model of other probabilities."""
    return conduct(student, other=True, **given)


def _trained(
    student: Student, other: bool, W, b, is_binary, X_train, y_train, X_val, y_val, num_iters, lr, batch_size, l2_lambda,
    grad_norm_clip, seed,
) -> tuple[Arrays, object]:  # fmt: skip
    """The weights after the training, and what ``fit_model`` returned."""
    name = "LogisticRegression" if is_binary else "SoftmaxRegression"
    model = OtherModel(W, b, is_binary) if other else with_weights(student, name, W, b)
    rng = np.random.default_rng(seed)
    with redirect_stdout(io.StringIO()):
        lists = student["fit_model"](
            model, X_train, y_train, X_val, y_val, num_iters, lr, batch_size, l2_lambda, grad_norm_clip, is_binary, rng
        )
    return {attribute: as_array(getattr(model, attribute), f"model.{attribute}") for attribute in "Wb"}, lists


def _numbers(values: object, name: str) -> np.ndarray:
    if not isinstance(values, list | tuple | np.ndarray):
        raise NoArray(f"{name} is a {type(values).__name__}; return a list of numbers")
    return np.array([float(as_value(value, f"An entry of {name}")) for value in values])


def _changes(student: Student, other: bool, W: np.ndarray, seed: int, **given: object) -> Arrays:
    runs = (training(student, other, W=W.copy(), seed=seed + more, **given)["W"] - W for more in (0, 1))
    return {"changes": np.stack(list(runs))}
