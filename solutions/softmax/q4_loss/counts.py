"""Counts of what the probes of q4 produced."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograder.questions.array_side_effects.counts import side_effects

from .probes import FUNCTIONS


def conduct(produced: Mapping[str, np.ndarray], **inputs: np.ndarray | bool) -> dict[str, np.ndarray]:
    """What ``side_effects`` returns for each function, after its name and ``_``."""
    return {name: count for f in FUNCTIONS for name, count in side_effects(produced, f"{f}_", **inputs).items()}
