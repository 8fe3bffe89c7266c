"""Counts of what the probes of q3 produced."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


from .probes import MODELS


def begun(produced: Mapping[str, np.ndarray], d: int, **inputs: object) -> dict[str, np.ndarray]:
    """Statistics of new weights, over all entries of W √d, which should be standard normal.

    Returns, after the name of each model and ``_``:
        ``W``: (d, k), zeros if W is finite: its shape is compared. ``b``: as produced.
        ``mean``, ``deviation``, ``inside``: of W √d, and the share of its entries within ±1.
        ``again``: how many entries are equal in the next model, or equal to another of the same W.
    """
    found = {}
    for name in MODELS:
        W, b, other = (produced[f"{name}_{attribute}"] for attribute in ("W", "b", "next"))
        numbers = W.ravel() * np.sqrt(d)
        equal = np.count_nonzero(other == W) if W.shape == other.shape else 0
        found |= {
            f"{name}_W": np.where(np.isfinite(W), 0.0 * np.nan_to_num(W), W),
            f"{name}_b": b,
            f"{name}_mean": numbers.mean(),
            f"{name}_deviation": numbers.std(),
            f"{name}_inside": np.mean(np.abs(numbers) < 1),
            f"{name}_again": np.array(equal + W.size - np.unique(W).size),
        }
    return found
