"""Counts of what the probes of q5 produced."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograder.questions.model import Unreadable


def penalty(produced: Mapping[str, np.ndarray], **inputs: object) -> dict[str, np.ndarray]:
    """``penalty_W``, ``penalty_b``: what a lambda adds to each gradient.

    Raises:
        Unreadable: a gradient has another shape with lambda than without it.
    """
    found = {}
    for name in "Wb":
        with_it, bare = produced[f"grad_{name}"], produced[f"bare_{name}"]
        if with_it.shape != bare.shape:
            raise Unreadable(f"grad_{name} has another shape with l2_lambda above 0 than without it")
        found[f"penalty_{name}"] = with_it - bare
    return found
