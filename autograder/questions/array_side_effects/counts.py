"""Counts of what the probes of side effects produced. They run in the engine; a test may name one as it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograder.questions.model import Scalar

_STATE = "random_before"
ROUNDING = 1e-9  # by how much two results of one function may differ


def side_effects(produced: Mapping[str, np.ndarray], **inputs: np.ndarray | Scalar) -> dict[str, np.ndarray]:
    """What ``probes.side_effects`` produced, counted; the names of the counts have the prefixes of what was produced.

    Returns, 0-d int64 each:
        ``changed_<name>``: in how many entries each input differs after the call, see ``differing``.
        ``random_changed``: in how many numbers the state of ``np.random`` differs after the call.
        ``settings_changed``: how many kinds of errors are no longer warned of.
        ``differs_by_seed``: in how many entries the results under two seeds differ.
    """
    counts = {}
    for prefix in [name.removesuffix(_STATE) for name in produced if name.endswith(_STATE)]:
        after = f"{prefix}after_"
        for name in [name.removeprefix(after) for name in produced if name.startswith(after)]:
            counts[f"{prefix}changed_{name}"] = differing(produced[after + name], inputs[name])
        counts[f"{prefix}random_changed"] = differing(produced[prefix + _STATE], produced[f"{prefix}random_after"])
        counts[f"{prefix}settings_changed"] = np.array((~produced[f"{prefix}settings"].astype(bool)).sum())
        results = (produced[f"{prefix}value_seed_{seed}"] for seed in (1, 2))
        counts[f"{prefix}differs_by_seed"] = differing(*results, ROUNDING)
    return counts


def differing(one: np.ndarray, other: np.ndarray, atol: float = 0.0) -> np.ndarray:
    """In how many entries two arrays differ by more than ``atol``, 0-d int64; -1 if their shapes differ. NaN is NaN."""
    if one.shape != other.shape:
        return np.array(-1)
    return np.array((~np.isclose(one, other, rtol=0.0, atol=atol, equal_nan=True)).sum())
