"""Counts of what the probes of side effects produced. They run in the engine; a test may name one as it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograder.questions.model import Scalar

ROUNDING = 1e-9  # by how much two results of one function may differ


def side_effects(produced: Mapping[str, np.ndarray], prefix: str = "", **inputs: np.ndarray | Scalar) -> dict:
    """What ``probes.side_effects`` produced, counted; ``prefix`` is before its names, and before those of the counts.

    Returns:
        ``changed_<name>``: in how many entries each input differs after the call, see ``differing``.
        ``random_changed``: in how many numbers the state of ``np.random`` differs after the call.
        ``settings_changed``: how many kinds of errors are no longer warned of.
        ``differs_by_seed``: in how many entries the results under two seeds differ.
    """
    own = {name.removeprefix(prefix): array for name, array in produced.items() if name.startswith(prefix)}
    after = {name.removeprefix("after_"): array for name, array in own.items() if name.startswith("after_")}
    counts = {
        **{f"changed_{name}": differing(array, inputs[name]) for name, array in after.items()},
        "random_changed": differing(own["random_before"], own["random_after"]),
        "settings_changed": np.array((~own["settings"].astype(bool)).sum()),
        "differs_by_seed": differing(own["value_seed_1"], own["value_seed_2"], ROUNDING),
    }
    return {prefix + name: value for name, value in counts.items()}


def differing(one: np.ndarray, other: np.ndarray, atol: float = 0.0) -> np.ndarray:
    """In how many entries two arrays differ by more than ``atol``, 0-d int64; -1 if their shapes differ. NaN is NaN."""
    if one.shape != other.shape:
        return np.array(-1)
    return np.array((~np.isclose(one, other, rtol=0.0, atol=atol, equal_nan=True)).sum())
