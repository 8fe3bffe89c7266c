"""The cosine schedule in Python's float64, one step at a time (Nichol & Dhariwal 2021, equation 17)."""

from __future__ import annotations

import math

from ..q1a_linear_schedule.oracle import schedule_of
from ..probes import Schedule


def cosine_schedule(T: int, s: float = 0.008) -> Schedule:
    """β_t = min(1 − f(t)/f(t − 1), 0.999) with f(u) = cos²((u/T + s)/(1 + s) · π/2)."""

    def cosine(u: int) -> float:
        return math.cos((u / T + s) / (1 + s) * math.pi / 2)

    return schedule_of([min(1.0 - (cosine(t) / cosine(t - 1)) ** 2, 0.999) for t in range(1, T + 1)])


ORACLE = {"cosine_schedule": cosine_schedule}
