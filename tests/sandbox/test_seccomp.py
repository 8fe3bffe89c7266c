"""The filter of system calls by itself, in a forked process: what works, what fails, and how it fails."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import pickle
import platform
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.sandbox import seccomp

pytestmark = pytest.mark.skipif(
    seccomp.missing() is not None or platform.machine() != "x86_64", reason="the numbers here are those of x86"
)
LIBC = ctypes.CDLL(None, use_errno=True)
# Numbers of calls.
FCNTL, CLONE, CLONE3, MQ_NOTIFY, KCMP, NEWER = 72, 56, 435, 244, 312, 1000
BEYOND_32_BITS = 1 << 32


def confined(ask: Callable[[], object], **options: object) -> object:
    """What ``ask()`` returns in a process with the filter of a worker that shares the grader's user."""
    program = seccomp.program(**{"owns_files": True, "only_own_pid": None, "shares_memory": False, **options})
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        seccomp.restrict(program)
        os.write(writer, pickle.dumps(ask()))
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:
        found = pickle.load(answer)
    os.waitpid(pid, 0)
    return found


def call(number: int, *arguments: int) -> int:
    """The error's number of a call, 0 if it works."""
    return ctypes.get_errno() if LIBC.syscall(*map(ctypes.c_long, (number, *arguments))) < 0 else 0


def error_of(action: Callable[..., object], *arguments: object) -> int:
    try:
        action(*arguments)
    except OSError as error:
        return error.errno
    return 0


@pytest.mark.parametrize(
    ("number", "arguments", "error"),
    [
        (NEWER, (), errno.ENOSYS),
        (CLONE3, (0, 0), errno.ENOSYS),
        (MQ_NOTIFY, (0, 0), errno.EPERM),
        (KCMP, (1, 1, 0, 0, 0), errno.EPERM),
        (CLONE, (0x8000 | signal.SIGCHLD, 0, 0, 0, 0), errno.EPERM),
        (CLONE, (signal.SIGKILL, 0, 0, 0, 0), errno.EPERM),
        (FCNTL, (0, fcntl.F_SETOWN, 1), errno.EPERM),
        (FCNTL, (0, fcntl.F_SETOWN | BEYOND_32_BITS, 1), errno.EPERM),
        (FCNTL, (0, fcntl.F_SETFL, os.O_ASYNC), errno.EPERM),
        (FCNTL, (0, fcntl.F_GETFL), 0),
    ],
)
def test_a_call_fails_as_it_should(number, arguments, error):
    assert confined(lambda: call(number, *arguments)) == error


def test_files_of_the_same_user_keep_their_modes_times_and_content(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    before = file.stat()

    def change() -> list[int]:
        named = [(os.chmod, file, 0o000), (os.utime, file, (1, 1)), (os.setxattr, file, "user.x", b"x")]
        emptied = [(os.open, file, mode | os.O_TRUNC) for mode in (os.O_RDONLY, os.O_ACCMODE)]
        return [error_of(*one) for one in (*named, (os.truncate, file, 0), *emptied)]

    assert confined(change) == [0, 0, 0, errno.EPERM, errno.EPERM, errno.EPERM]
    assert file.read_text() == "x" and not os.listxattr(file)
    assert (file.stat().st_mode, file.stat().st_mtime) == (before.st_mode, before.st_mtime)


def test_only_the_named_process_can_be_signalled():
    asked = {"only_own_pid": os.getpid()}
    assert confined(lambda: error_of(os.kill, os.getppid(), 0), **asked) == 0  # the process that asks here
    assert confined(lambda: error_of(os.kill, 1, 0), **asked) == errno.EPERM
    assert confined(lambda: error_of(os.kill, 0, 0), **asked) == errno.EPERM


def test_a_pair_of_sockets_is_a_stream_without_urgent_data():
    def talk() -> list[int]:
        ours, theirs = socket.socketpair()
        ours.send(b"x")
        datagrams = error_of(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
        return [theirs.recv(1)[0], datagrams, error_of(ours.send, b"x", socket.MSG_OOB)]

    assert confined(talk) == [ord("x"), errno.EPERM, errno.EPERM]


def test_locks_and_advice_reach_no_other_reader_of_a_file(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(bytes(4096))

    def lock_and_ask() -> list[int]:
        descriptor = os.open(file, os.O_RDWR)
        done = [error_of(fcntl.flock, descriptor, fcntl.LOCK_EX), error_of(fcntl.lockf, descriptor, fcntl.LOCK_EX)]
        done += [error_of(os.posix_fadvise, descriptor, 0, 4096, os.POSIX_FADV_DONTNEED)]
        free = os.fork() or os._exit(free_for_another(file))
        done += [os.waitstatus_to_exitcode(os.waitpid(free, 0)[1]), os.preadv(descriptor, [bytearray(7)], 0)]
        return [*done, error_of(os.preadv, descriptor, [bytearray(1)], 0, os.RWF_NOWAIT)]

    assert confined(lock_and_ask) == [0, 0, 0, 1, 7, errno.EPERM]
    with open(file, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert confined(lambda: free_for_another(file)) == 1  # what it asks for is done without a look


def free_for_another(file: Path) -> int:
    """1 if neither kind of lock on a file is held by another process."""
    with open(file, "r+b") as other:
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0)
        held = struct.unpack("hhqqi4x", fcntl.fcntl(other, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK
        return int(not held and not error_of(fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB))
