"""Ends every process of a submission, even if the submission tries to prevent it."""

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
THREADS_LINE = re.compile(rb"^Threads:\s+(\d+)", re.MULTILINE)


def kill_all(
    find: Callable[[], Collection[psutil.Process]],
    uid: int | None,
    reap: Callable[[], None],
    ended: Callable[[], bool],
) -> bool:
    """Kill the processes of ``find`` and of the fresh user ``uid`` until none is left; False if some remain.

    ``reap`` collects dead children in each round, because a dead process counts until its parent has collected it. Once the
    worker itself has ``ended``, only processes of its fresh user can be left.
    """
    started = time.monotonic()
    for attempt in itertools.count():
        reap()
        if uid is not None and ended() and not tasks_of(uid):
            return True
        left = find()
        for process in left:
            _kill(process)
        if not left and uid is None:
            return True
        if uid is not None and (not left or attempt > 2):
            _kill_user(uid)
        if time.monotonic() - started > DEADLINE_SECONDS:
            return False
        time.sleep(0.002)


def tasks_of(uid: int) -> int:
    """How many tasks (threads) a user runs now, including dead processes that are not collected yet."""
    count, of_the_user = 0, b"\nUid:\t%d\t" % uid
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                status = _read(f"/proc/{name}/status")
                if of_the_user in status:
                    count += int(THREADS_LINE.search(status)[1])
    return count


def _read(path: str) -> bytes:
    """A file of /proc, which the kernel writes as it is read. Python's own files cost twice as much."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 1 << 16)
    finally:
        os.close(descriptor)


def descendants(pid: int) -> list[psutil.Process]:
    """All descendants of ``pid``."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):  # it has ended; if not, the next round finds it again
        process.kill()


def _kill_user(uid: int) -> None:
    """Kill all processes of ``uid`` in one system call, faster than a fork bomb. A child does it as that user."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
