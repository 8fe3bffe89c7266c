"""Ending every process of a submission, whatever it does about it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress

import psutil

DEADLINE_SECONDS = 10.0


def kill_all(find: Callable[[], Collection[psutil.Process]], uid: int | None, reap: Callable[[], None]) -> bool:
    """Kill what ``find`` finds, and all of the fresh user ``uid``, until nothing is left; False where some stays.

    ``reap`` collects dead children after each round: a dead process still counts until its parent has done so.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        reap()
        left = list(find())
        for process in left:
            _kill(process)
        if uid is not None and user_runs(uid):
            left = left or [None]
            _kill_user(uid)
        if not left:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)


def user_runs(uid: int) -> bool:
    """Whether any process, dead ones not yet collected included, belongs to ``uid``."""
    return any(uid in _uids(process) for process in psutil.process_iter())


def descendants(pid: int) -> list[psutil.Process]:
    """Children of ``pid``, theirs, and so on."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):  # it ended by itself; where it did not, the next round finds it again
        process.kill()


def _uids(process: psutil.Process) -> tuple[int, ...]:
    try:
        return tuple(process.uids())
    except psutil.Error:
        return ()


def _kill_user(uid: int) -> None:
    """Kill all of ``uid`` in one system call, which a fork bomb cannot outrun. A child does it under that user."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
