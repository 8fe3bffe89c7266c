"""Counts of what the probes of q6 produced."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograder.questions.array_side_effects.counts import side_effects


def conduct(produced: Mapping[str, np.ndarray], **inputs: np.ndarray | float) -> dict[str, np.ndarray]:
    """What ``side_effects`` counts, and ``moved``: 1 if the results are not the given gradients, 0-d int64."""
    given = np.concatenate([inputs["grad_W"].ravel(), inputs["grad_b"]])
    moved = not np.array_equal(produced["value_seed_1"], given)
    return {**side_effects(produced, **inputs), "moved": np.array(int(moved))}
