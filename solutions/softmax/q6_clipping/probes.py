"""Probes of q6."""

from __future__ import annotations

import numpy as np

from autograder.questions.array_probing import as_array
from autograder.questions.array_side_effects.probes import side_effects

from ..probes import Arrays, Student, parts_of, warnings_counted


def clipped(student: Student, grad_W: np.ndarray, grad_b: np.ndarray, max_norm: float) -> Arrays:
    """``grad_W``, ``grad_b``: what ``clip_gradients`` returns; ``warnings``: how many warnings NumPy gave, 0-d int64."""
    with warnings_counted() as caught:
        found = _clipped(student, grad_W.copy(), grad_b.copy(), max_norm)
    return {**found, "warnings": np.array(len(caught))}


def conduct(student: Student, grad_W: np.ndarray, grad_b: np.ndarray, max_norm: float) -> Arrays:
    """What ``side_effects`` returns, of both results in one vector."""

    def call(grad_W: np.ndarray, grad_b: np.ndarray) -> np.ndarray:
        return np.concatenate([part.ravel() for part in _clipped(student, grad_W, grad_b, max_norm).values()])

    return side_effects(call, {"grad_W": grad_W, "grad_b": grad_b})


def _clipped(student: Student, grad_W: np.ndarray, grad_b: np.ndarray, max_norm: float) -> Arrays:
    answer = student["clip_gradients"](grad_W, grad_b, max_norm)
    parts = parts_of(answer, ("grad_W", "grad_b"), "What clip_gradients returns")
    return {f"grad_{name}": as_array(part, f"The clipped grad_{name}") for name, part in zip("Wb", parts)}
