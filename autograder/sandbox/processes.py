"""Ending every process of a submission, whatever it does about it."""

from __future__ import annotations

import itertools
import os
import re
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress

import psutil

DEADLINE_SECONDS = 10.0
UID_LINE = re.compile(rb"^Uid:\s+(\d+)", re.MULTILINE)
THREADS_LINE = re.compile(rb"^Threads:\s+(\d+)", re.MULTILINE)


def kill_all(find: Callable[[], Collection[psutil.Process]], uid: int | None, reap: Callable[[], None]) -> bool:
    """Kill what ``find`` finds, and all of the fresh user ``uid``, until nothing is left; False where some stays.

    ``reap`` collects dead children after each round: a dead process still counts until its parent has done so.
    """
    started = time.monotonic()
    for attempt in itertools.count():
        reap()
        left = find()
        for process in left:
            _kill(process)
        if not left and (uid is None or not tasks_of(uid)):
            return True
        if uid is not None and (not left or attempt > 2):
            _kill_user(uid)
        if time.monotonic() - started > DEADLINE_SECONDS:
            return False
        time.sleep(0.002)


def tasks_of(uid: int) -> int:
    """How many tasks (threads) a user runs now, dead processes included that nobody has collected yet."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/status", "rb") as file:
                status = file.read()
                if int(UID_LINE.search(status)[1]) == uid:
                    count += int(THREADS_LINE.search(status)[1])
    return count


def descendants(pid: int) -> list[psutil.Process]:
    """Children of ``pid``, theirs, and so on."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):  # it ended by itself; where it did not, the next round finds it again
        process.kill()


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
