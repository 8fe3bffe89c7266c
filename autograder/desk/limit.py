"""Ends code of a student that never ends, in the kernel that runs it, and leaves the student's own interrupt alone."""

from __future__ import annotations

import signal
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager


class OutOfTime(Exception):
    """The code was stopped after so many seconds, the only argument. The traceback leads to where it was."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt the body after ``seconds``, as Ctrl-C would, and again each second while it catches this.

    Only the main thread can be interrupted; elsewhere, the body runs without a limit.

    Raises:
        OutOfTime: the body was interrupted for this. An interrupt that comes from elsewhere stays what it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    done, late = threading.Event(), threading.Event()

    def watch() -> None:
        if not done.wait(seconds):
            late.set()
            _interrupt()
        while not done.wait(1):
            _interrupt()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    watcher = threading.Thread(target=watch, daemon=True)
    try:
        watcher.start()
        yield
        done.set()
        watcher.join()  # an interrupt that is on its way arrives here
    except KeyboardInterrupt as interrupt:
        done.set()
        if late.is_set():
            raise OutOfTime(seconds).with_traceback(interrupt.__traceback__) from None
        raise
    finally:
        done.set()
        if before is not None:  # None: it was not set from Python
            signal.signal(signal.SIGINT, before)


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):  # a signal also ends a wait, such as sleep
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        interrupt_main()
