"""Counts that questions of the assignment share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograder.questions.array_side_effects.counts import side_effects

_STATE = "_rng_before"


def effects_of_each(produced: Mapping[str, np.ndarray], **inputs: object) -> dict[str, np.ndarray]:
    """What ``side_effects`` counts in what ``probes.effects_of_each`` produced, with the same prefixes."""
    counts = {}
    for prefix in [name.removesuffix(_STATE) + "_" for name in produced if name.endswith(_STATE)]:
        own = {name.removeprefix(prefix): array for name, array in produced.items() if name.startswith(prefix)}
        counts |= {prefix + name: count for name, count in side_effects(own, **inputs).items()}
    return counts
