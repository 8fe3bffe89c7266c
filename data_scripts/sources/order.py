"""The fixed shuffled order in which numbered images are written."""

from __future__ import annotations

import hashlib

import numpy as np


def shuffled(split: str, count: int) -> np.ndarray:
    """(count,) int64: the numbers 0..count-1 sorted by the SHA-256 of ``<split>/<number>``.

    It depends on nothing else (no library, seed or platform). Archives may be sorted by class; in this order the first
    rows of a split are a fair sample of it.
    """
    numbers = sorted(range(count), key=lambda k: hashlib.sha256(f"{split}/{k}".encode()).digest())
    return np.array(numbers, np.int64)
