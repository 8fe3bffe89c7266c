"""Points in steps of a tenth."""

from __future__ import annotations

import math

STEPS_PER_POINT = 10


def in_steps(points: float) -> float:
    """Points rounded down to a tenth."""
    return math.floor(points * STEPS_PER_POINT + 1e-9) / STEPS_PER_POINT


def last_step(points: float) -> float:
    """The last step below full marks."""
    return (math.ceil(points * STEPS_PER_POINT) - 1) / STEPS_PER_POINT
