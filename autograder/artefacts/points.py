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


def on_ramp(value: float, ramp_from: float, full_above: float, points: float) -> float:
    """Points of a value: 0 up to ``ramp_from``, then a linear ramp, rounded down, towards ``points`` at ``full_above``.

    All ``points`` need strictly more than ``full_above``, so at ``full_above`` itself they are one step below.
    """
    if value > full_above:
        return points
    share = max(0.0, (value - ramp_from) / (full_above - ramp_from))
    return min(in_steps(share * points), max(0.0, last_step(points)))
