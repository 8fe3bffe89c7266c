"""Probes of q1: what split and batch return, once and many times."""

from __future__ import annotations

from functools import partial

import numpy as np

from autograder.questions.array_probing import NoArray, as_array

from ..probes import Arrays, Student, effects_of_each, parts_of

PARTS = {
    "train_test_split": ("X_train", "y_train", "X_test", "y_test"),
    "get_data_batch": ("X_batch", "y_batch"),
}


def drawn(student: Student, function: str, X: np.ndarray, y: np.ndarray, size: float, seed: int) -> Arrays:
    """The parts by name. ``size`` is the ratio of the test part, or the size of a batch."""
    with np.errstate():
        return _parts(student, function, X.copy(), y.copy(), size, np.random.default_rng(seed))


def often(student: Student, function: str, X: np.ndarray, y: np.ndarray, size: float, seed: int, times: int) -> Arrays:
    """``rows``: those of the test part, or of the batch, of ``times`` calls in turn with one generator, (times, size, d).

    Raises:
        NoArray: their number changes from call to call.
    """
    rng, names, call = np.random.default_rng(seed), PARTS[function], student[function]
    what, found = f"What {function} returns", []
    with np.errstate():
        for _ in range(times):
            rows = parts_of(call(X.copy(), y.copy(), size, rng), names, what)[-2]
            found.append(as_array(rows, names[-2]))
    if len({rows.shape for rows in found}) != 1:
        raise NoArray(f"{function} returns {names[-2]} of changing shapes for the same X, y and size")
    return {"rows": np.stack(found)}


def conduct(student: Student, X: np.ndarray, y: np.ndarray, ratio: float, batch_size: int, seed: int) -> Arrays:
    """What ``side_effects`` returns for each function, after its name and ``_``: of all parts in one vector.

    And ``<function>_labels``: all labels that it returned, (m,) in their dtype.
    """
    sizes = dict(zip(PARTS, (ratio, batch_size)))
    calls = {f: partial(_together, student, f, size, seed) for f, size in sizes.items()}
    labels = {f"{f}_labels": _labels(drawn(student, f, X, y, size, seed), y) for f, size in sizes.items()}
    return {**labels, **effects_of_each(calls, {"X": X, "y": y})}


def _labels(parts: Arrays, y: np.ndarray) -> np.ndarray:
    """All vectors that are called labels: what else stands in their place costs no point here."""
    return np.concatenate([y[:0], *(part for name, part in parts.items() if name[0] == "y" and part.ndim == 1)])


def _together(student: Student, function: str, size: float, seed: int, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    parts = _parts(student, function, X, y, size, np.random.default_rng(seed))
    return np.concatenate([part.ravel().astype(float) for part in parts.values()])


def _parts(student: Student, function: str, X, y, size, rng) -> Arrays:
    names = PARTS[function]
    parts = parts_of(student[function](X, y, size, rng), names, f"What {function} returns")
    return {name: as_array(part, f"{name} of {function}") for name, part in zip(names, parts)}
