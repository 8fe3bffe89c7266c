"""Probes of q4: loss and accuracy of a given model."""

from __future__ import annotations

import numpy as np

from autograder.questions.array_side_effects.probes import global_state_kept, side_effects

from ..probes import Arrays, GivenModel, Student, as_value, warnings_counted

FUNCTIONS = ("calculate_loss", "calculate_accuracy")


def loss(student: Student, **given: np.ndarray | bool) -> Arrays:
    """``loss``: what ``calculate_loss`` returns, 0-d; ``warnings``: how many warnings NumPy gave, 0-d int64."""
    with global_state_kept(), warnings_counted() as caught:
        found = _measured(student, "calculate_loss", **given)
    return {"loss": found, "warnings": np.array(len(caught))}


def accuracy(student: Student, **given: np.ndarray | bool) -> Arrays:
    """``accuracy``: what ``calculate_accuracy`` returns, 0-d."""
    with global_state_kept():
        return {"accuracy": _measured(student, "calculate_accuracy", **given)}


def conduct(student: Student, is_binary: bool, **given: np.ndarray) -> Arrays:
    """What ``side_effects`` returns for each function, after its name and ``_``. ``W`` and ``b`` are those of the model."""
    found = {}
    for function in FUNCTIONS:

        def call(function: str = function, **copies: np.ndarray) -> np.ndarray:
            return _measured(student, function, is_binary=is_binary, **copies)

        found |= side_effects(call, given, f"{function}_")
    return found


def _measured(student: Student, function: str, W, b, X, y, P, is_binary) -> np.ndarray:
    """What a function of model, rows and labels returns, 0-d."""
    model = GivenModel(W, b, X, P)
    answer = as_value(student[function](model, X, y, is_binary), f"What {function} returns")
    model.kept_in(W, b)
    return answer
