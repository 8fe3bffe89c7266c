"""Processes and threads that will not end: signals ignored and blocked, double forks, daemons, busy threads."""

from __future__ import annotations

from tests.corpus.hostile.attack import ONE, RIGHT_ONE, Attack
from tests.corpus.hostile.pieces import ATTEMPT, WRONG, WRONG_ONCE

IGNORES = r"""
import signal, time
for number in range(1, 65):
    attempt(signal.signal, number, signal.SIG_IGN)
attempt(signal.pthread_sigmask, signal.SIG_BLOCK, range(1, 65))
signal.setitimer = signal.alarm = signal.signal = lambda *a, **k: None
def during():
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""

SWALLOWS = r"""
import sys, time
def during():
    # What stops late code is an exception: catch it, again and again, and in every destructor.
    class Sticky:
        def __del__(self):
            during()
    while True:
        try:
            sticky = Sticky()
            while True:
                time.sleep(0.01)
        except BaseException:
            continue
        finally:
            continue
"""

DAEMON = r"""
import os, time
def daemon(work, names=("sh", "python3", "systemd")):
    # Two forks, a session of its own, another name, no death with the parent.
    if attempt(os.fork) != 0:
        return
    attempt(os.setsid)
    if attempt(os.fork) != 0:
        os._exit(0)
    import ctypes, signal
    libc = ctypes.CDLL(None)
    libc.prctl(1, 0)
    libc.prctl(15, b"kworker/0:1")
    libc.prctl(4, 0)
    for number in range(1, 65):
        attempt(signal.signal, number, signal.SIG_IGN)
    try:
        work()
    finally:
        os._exit(0)
"""

SLEEPS = r"""
daemon(lambda: time.sleep(3600))
for _ in range(5):
    daemon(lambda: [attempt(os.fork) for _ in range(3)] and time.sleep(3600))
"""

KEEPS_SOCKET = r"""
import socket
def listen():
    # The connection to the grader is inherited: keep it open, and answer on it.
    while True:
        for descriptor in range(3, 64):
            attempt(os.write, descriptor, b"kit1\0\0\0\2" + bytes(8) + b"{}")
        time.sleep(0.05)
"""
KEEPS_IT_AND_DIES = r"""
def during():
    daemon(listen)
    os._exit(0)
"""

CHILD_ANSWERS = r"""
import os
def during():
    # The child comes back into the grader's loop and answers in its parent's place, while the parent waits for ever.
    pid = attempt(os.fork)
    if pid:
        while True:
            attempt(os.waitpid, pid, 0)
            import time; time.sleep(1)
"""

BUSY = r"""
import threading
def spin():
    while True:
        sum(range(1000))
real = nt_xent
def nt_xent(*inputs):
    # Threads that go on when the answer has been given, more with every call.
    if threading.active_count() < 3:
        threading.Thread(target=spin, daemon=True).start()
    return real(*inputs)
"""

NOT_DAEMONIC = r"""
import atexit, threading, time, weakref
def for_ever():
    while True:
        time.sleep(1)
threading.Thread(target=for_ever).start()
atexit.register(for_ever)
class Clings:
    pass
cling = Clings()
weakref.finalize(cling, for_ever)
threading._register_atexit(for_ever)
"""

STOPPED = r"""
import os, signal
# Stopped processes answer no signal but one, and are not seen as running.
for _ in range(5):
    if attempt(os.fork) == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        while True:
            os.kill(os.getpid(), signal.SIGSTOP)
"""

VFORK = r"""
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
# clone() by number: new threads groups that share memory, or claim namespaces, and are nobody's children.
for flags in (0x00008000, 0x00004000 | 0x00000100, 0x10000000, 0x20000000, 0x00020000 | 17):
    pid = libc.syscall(56, flags & ~0x4100, None, None, None, None)
    if pid == 0:
        time.sleep(3600)
        os._exit(0)
"""

ATTACKS = (
    Attack(
        "ignores-signals",
        "Ignores and blocks every signal, replaces the means to set them, and sleeps for ever in a test.",
        "The grader waits for it.",
        (ATTEMPT, IGNORES, WRONG_ONCE),
    ),
    Attack(
        "swallows-exceptions",
        "Catches the exception that stops it, in loops and in destructors.",
        "The grader waits for it.",
        (ATTEMPT, SWALLOWS, WRONG_ONCE),
    ),
    Attack(
        "daemons",
        "Forks twice into sessions of their own, under other names, and sleeps for an hour.",
        "A process of the submission outlives the grading.",
        (*RIGHT_ONE, ATTEMPT, DAEMON, SLEEPS),
        honest=ONE,
    ),
    Attack(
        "daemon-keeps-connection",
        "A daemon keeps the grader's connection and writes answers to it when its parent is dead.",
        "The grader believes it, waits for it, or does not end it.",
        (ATTEMPT, DAEMON, KEEPS_SOCKET, KEEPS_IT_AND_DIES, WRONG_ONCE),
    ),
    Attack(
        "child-answers",
        "A forked child returns into the grader's loop and answers for its parent.",
        "Two processes answer one question.",
        (ATTEMPT, CHILD_ANSWERS, WRONG_ONCE),
    ),
    Attack(
        "busy-threads",
        "Threads that go on computing after each answer.",
        "They slow down or change a later verdict, or outlive the grading.",
        (*RIGHT_ONE, BUSY),
        honest=ONE,
        least=0.0,
        why_less="its own threads take the interpreter from its own answers",
        seconds=150.0,  # each answer that they delay may take its ten seconds, and the session is opened ten times again
    ),
    Attack(
        "not-daemonic",
        "Threads, exit handlers and finalizers that keep an interpreter from ending.",
        "The end of the session waits for them.",
        (*RIGHT_ONE, NOT_DAEMONIC),
        honest=ONE,
    ),
    Attack(
        "stopped-children",
        "Children that stop themselves.",
        "They are overlooked.",
        (*RIGHT_ONE, ATTEMPT, STOPPED),
        honest=ONE,
    ),
    Attack(
        "raw-clone",
        "Processes made by clone with odd flags, which no parent knows.",
        "They are overlooked.",
        (ATTEMPT, WRONG, VFORK),
    ),
)
