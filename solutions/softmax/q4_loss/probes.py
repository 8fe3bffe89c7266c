"""Probes of q4: loss and accuracy of a given model."""

from __future__ import annotations

from functools import partial

import numpy as np

from autograder.questions.array_probing import as_value

from ..probes import Arrays, GivenModel, Student, effects_of_each, warnings_counted

FUNCTIONS = ("calculate_loss", "calculate_accuracy")


def loss(student: Student, **given: np.ndarray | bool) -> Arrays:
    """``loss``: what ``calculate_loss`` returns, 0-d; ``warnings``: how many warnings NumPy gave, 0-d int64."""
    with warnings_counted() as caught:
        found = _measured(student, "calculate_loss", **given)
    return {"loss": found, "warnings": np.array(len(caught))}


def accuracy(student: Student, **given: np.ndarray | bool) -> Arrays:
    """``accuracy``: what ``calculate_accuracy`` returns, 0-d."""
    with np.errstate():
        return {"accuracy": _measured(student, "calculate_accuracy", **given)}


def conduct(student: Student, is_binary: bool, **given: np.ndarray) -> Arrays:
    """What ``side_effects`` returns for each function, after its name and ``_``. ``W`` and ``b`` are those of the model."""
    return effects_of_each({f: partial(_measured, student, f, is_binary=is_binary) for f in FUNCTIONS}, given)


def _measured(student: Student, function: str, W, b, X, y, P, is_binary) -> np.ndarray:
    """What a function of model, rows and labels returns, 0-d."""
    model = GivenModel(W, b, X, P)
    answer = as_value(student[function](model, X, y, is_binary), f"What {function} returns")
    model.kept_in(W, b)
    return answer
