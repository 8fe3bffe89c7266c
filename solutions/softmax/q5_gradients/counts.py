"""Counts of what the probes of q5 produced."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograder.questions.model import Unreadable


def in_shape(produced: Mapping[str, np.ndarray], b: np.ndarray, **inputs: object) -> dict[str, np.ndarray]:
    """``grad_W``, ``grad_b``: as produced, but for axes of length 1 too many or too few in ``grad_b``."""
    return {**produced, "grad_b": _as_vector(produced["grad_b"], len(b))}


def penalty(produced: Mapping[str, np.ndarray], b: np.ndarray, **inputs: object) -> dict[str, np.ndarray]:
    """``penalty_W``, ``penalty_b``: what a lambda adds to each gradient; in ``grad_b``, axes of length 1 do not count.

    Raises:
        Unreadable: a gradient has another shape with lambda than without it.
    """
    found = {}
    for name in "Wb":
        with_it, bare = produced[f"grad_{name}"], produced[f"bare_{name}"]
        if with_it.shape != bare.shape:
            raise Unreadable(f"grad_{name} has another shape with l2_lambda above 0 than without it")
        found[f"penalty_{name}"] = with_it - bare
    return {**found, "penalty_b": _as_vector(found["penalty_b"], len(b))}


def _as_vector(gradient: np.ndarray, k: int) -> np.ndarray:
    """The gradient as (k,), if all its other axes have length 1: only a test of the gradients speaks of shapes."""
    return gradient.reshape(k) if max(gradient.shape, default=1) == gradient.size == k else gradient
