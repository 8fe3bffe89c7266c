"""Probes of q5: gradients of a given model."""

from __future__ import annotations

import numpy as np

from autograder.questions.array_probing import as_array
from autograder.questions.array_side_effects.probes import side_effects

from ..probes import Arrays, GivenModel, Student, parts_of


def gradient(student: Student, l2_lambda: float, **given: np.ndarray | bool) -> Arrays:
    """``grad_W``, ``grad_b``: what ``gradients`` returns."""
    with np.errstate():
        return _gradients(student, l2_lambda, **given)


def with_and_without(student: Student, l2_lambda: float, **given: np.ndarray | bool) -> Arrays:
    """The same, and ``bare_W``, ``bare_b``: what it returns for a lambda of 0."""
    copies = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in given.items()}
    found = gradient(student, l2_lambda, **given)
    bare = gradient(student, 0.0, **copies)
    return {**found, "bare_W": bare["grad_W"], "bare_b": bare["grad_b"]}


def conduct(student: Student, l2_lambda: float, is_binary: bool, **given: np.ndarray) -> Arrays:
    """What ``side_effects`` returns, of both gradients in one vector. ``W`` and ``b`` are those of the model."""

    def call(**copies: np.ndarray) -> np.ndarray:
        found = _gradients(student, l2_lambda, is_binary=is_binary, **copies)
        return np.concatenate([part.ravel() for part in found.values()])

    return side_effects(call, given)


def _gradients(student: Student, l2_lambda: float, W, b, X, y, P, is_binary) -> Arrays:
    model = GivenModel(W, b, X, P)
    answer = student["gradients"](model, X, y, l2_lambda, is_binary)
    model.kept_in(W, b)
    parts = parts_of(answer, ("grad_W", "grad_b"), "What gradients returns")
    return {f"grad_{name}": as_array(part, f"grad_{name}").copy() for name, part in zip("Wb", parts)}
