"""The clock that the time of a submission is counted by."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

# Seconds from some start, as ``time.monotonic`` counts them.
Clock = Callable[[], float]


class Works(Protocol):
    """What a fair clock needs of a sandbox: the processor time of its sessions."""

    worked: float


def clock_of(sandbox: Works, patience: float) -> Clock:
    """The clock on the wall, or a fair one if ``patience`` (``Limits.patience``) is larger than 1.

    A fair clock runs while this thread or a session has a processor, and never ``patience`` times slower than the one on
    the wall. So a busy machine takes no time from a submission.
    """
    if patience <= 1:
        return time.monotonic
    wall, own, worked = time.monotonic(), time.thread_time(), sandbox.worked

    def now() -> float:
        passed = time.monotonic() - wall
        used = time.thread_time() - own + sandbox.worked - worked
        return wall + max(min(used, passed), passed / patience)

    return now
