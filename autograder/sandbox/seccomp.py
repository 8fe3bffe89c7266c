"""A seccomp filter, built with libseccomp: only the system calls of ``ALLOWED`` and ``LIMITED`` work, others fail.

Each allowed call was read with one question: can it signal, stop, slow or trace a process outside, change a file that is
not the submission's, or reach a network? Calls with some harmless uses are limited to these by their arguments. A call
that a later kernel adds fails until somebody has asked the question.

Calls fail instead of killing the process, because libraries test for optional calls. libseccomp knows the call numbers of
every architecture and is a package of Debian and Ubuntu. It is called through ctypes, because its binding on PyPI,
``pyseccomp`` 0.1.2, is from 2021.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import signal
import socket
import struct
import termios
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from autograder.sandbox.linux import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, checked, libc, prctl

ALLOW = 0x7FFF0000
FAIL = 0x00050000  # with the error's number in the low half
REFUSE = FAIL | errno.EPERM
NOT_THERE = FAIL | errno.ENOSYS
DO_NOTHING = FAIL | 0  # the call returns 0, as if it had worked
OTHER_ARCHITECTURES, OPTIMIZE = 2, 8  # attributes of a filter: its action for 32-bit calls; 2 makes it a binary tree
EQUAL, MASKED_EQUAL = 4, 7
UNKNOWN_CALL = -1

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
INSTRUCTION = struct.Struct("HBBI")
LOAD_NUMBER, JUMP_IF_GREATER, RETURN = 0x20, 0x25, 0x06

ALLOWED = {
    "files that are open": """
        read write readv writev pread64 pwrite64 preadv pwritev lseek close close_range dup dup2 dup3
        fsync fdatasync ftruncate fallocate sendfile copy_file_range getdents getdents64
        pipe pipe2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
        poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
    """,
    "files by name, which namespaces, the fresh user and Landlock guard": """
        creat stat lstat fstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat
        mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mknod mknodat
        getcwd chdir fchdir umask getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    """,
    "a socket that is connected": """
        recvfrom recvmsg recvmmsg shutdown getsockname getpeername getsockopt setsockopt
    """,
    "its own memory": """
        brk munmap mremap mprotect madvise msync mseal mbind get_mempolicy set_mempolicy arch_prctl
        futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list rseq
    """,
    "its own processes and time": """
        fork vfork exit exit_group wait4 waitid set_tid_address setsid setpgid restart_syscall sched_yield
        rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause
        nanosleep clock_nanosleep alarm getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun
        timer_delete setrlimit
    """,
    "what only reads": """
        getpid getppid gettid getpgrp getpgid getsid getuid geteuid getgid getegid getgroups getresuid getresgid capget
        getpriority ioprio_get sched_getaffinity sched_getparam sched_getscheduler sched_getattr sched_rr_get_interval
        sched_get_priority_max sched_get_priority_min getrlimit getrusage times time gettimeofday clock_gettime
        clock_getres uname sysinfo getcpu getrandom
    """,
}
# Locks and advice reach every process that reads the same file of the library: one submission could tell another something,
# or drop from memory what others need. These calls, and these uses of fcntl, do nothing; nobody else uses the own files.
SHARED = ("flock", "fadvise64")
LOCKS = (fcntl.F_SETLK, fcntl.F_SETLKW, fcntl.F_OFD_SETLK, fcntl.F_OFD_SETLKW)
# What the C library tries before an older call: it must look as if the kernel did not have it, since a filter cannot
# read arguments that are in memory.
LEFT_OUT = ("clone3", "openat2")
# Only a signal guard elsewhere lets these through as they are.
SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
# Landlock lets the owner of any file use these.
METADATA = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
)
# Flags of clone: namespaces, a sibling instead of a child, tracing, a descriptor of a process.
CLONE_FLAGS = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
CLONE_FLAGS |= 0x00008000 | 0x00002000 | 0x00800000 | 0x00001000
EXIT_SIGNAL, MAP_TYPE = 0xFF, 0x0F


class Comparison(ctypes.Structure):
    """libseccomp's ``scmp_arg_cmp``: argument ``number`` of a call, compared with ``first`` (and ``second``)."""

    _fields_ = (
        ("number", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class Rule(NamedTuple):
    """What happens to a call if all comparisons hold. Without a rule that fits, a filter's default happens."""

    call: str
    action: int
    comparisons: tuple[Comparison, ...] = ()


def equals(argument: int, value: int) -> Comparison:
    """Whether an argument has a value, in all 64 bits."""
    return Comparison(argument, EQUAL, value, 0)


def has_bits(argument: int, mask: int, value: int) -> Comparison:
    """Whether the bits ``mask`` of an argument have a value."""
    return Comparison(argument, MASKED_EQUAL, mask, value)


def _any_of(argument: int, *values: int) -> tuple[tuple[Comparison, ...], ...]:
    return tuple((equals(argument, value),) for value in values)


PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS = 15, 16, 3, 23, 39
PR_SET_TIMERSLACK, PR_SET_VMA = 29, 0x53564D41
# Call: the uses that work; each is a tuple of comparisons that must all hold. Arguments are counted from 0.
LIMITED: dict[str, tuple[tuple[Comparison, ...], ...]] = {
    # No owner of a descriptor, who would get a signal; no leases, which stop others from opening a file.
    "fcntl": (
        *_any_of(1, fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL),
        *_any_of(1, fcntl.F_GETLK, fcntl.F_OFD_GETLK),
        (equals(1, fcntl.F_SETFL), has_bits(2, os.O_ASYNC, 0)),
    ),
    # No owner, no input typed into a terminal, no flags of a file.
    "ioctl": _any_of(
        1, termios.TCGETS, termios.TIOCGWINSZ, termios.FIONREAD, termios.FIOCLEX, termios.FIONCLEX, termios.FIONBIO
    ),
    # The parent's death ends the worker for certain; no core scheduling, which idles a processor beside others.
    "prctl": (
        *_any_of(0, PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_CAPBSET_READ),
        *_any_of(0, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_TIMERSLACK, PR_SET_VMA),
        (equals(0, PR_SET_PDEATHSIG), equals(1, signal.SIGKILL)),
    ),
    # Without flags: one of them says whether another process has read this part of a file before.
    "preadv2": _any_of(5, 0),
    "pwritev2": _any_of(5, 0),
    "clone": (
        (has_bits(0, CLONE_FLAGS | EXIT_SIGNAL, signal.SIGCHLD),),
        (has_bits(0, CLONE_FLAGS | EXIT_SIGNAL, 0),),
    ),
    # A pair of datagram sockets can send to any socket with a name.
    "socketpair": ((equals(0, socket.AF_UNIX), has_bits(1, 0xF, socket.SOCK_STREAM)),),
    "sendto": ((has_bits(3, socket.MSG_OOB, 0),),),
    "sendmsg": ((has_bits(2, socket.MSG_OOB, 0),),),
    # Of itself only. All processes of the user, a group or another process are others.
    "prlimit64": _any_of(0, 0),
    "sched_setaffinity": _any_of(0, 0),
    "setpriority": ((equals(0, os.PRIO_PROCESS), equals(1, 0)),),
}


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_syscall_resolve_num_arch.restype = ctypes.c_void_p
    return library


@cache
def missing() -> str | None:
    """Why no filter can be built on this machine; None if it can."""
    try:
        _library()
    except OSError:
        return "libseccomp is not installed (apt-get install libseccomp2)"
    with open("/proc/self/status") as file:
        return None if "\nSeccomp:" in file.read() else "this kernel has no seccomp"


@cache
def program(owns_files: bool, only_own_pid: int | None, shares_memory: bool) -> bytes:
    """The filter of a worker, built once, before the workers are forked.

    Args:
        owns_files: the worker runs as the owner of files outside its scratch folder and can name them. Modes, owners,
            times and attributes then stay as they are (the calls do nothing: copying a file must not fail), and no file
            can be emptied that was not opened for writing.
        only_own_pid: given if no other layer restricts signals: then only that process can be signalled.
        shares_memory: the kernel counts the memory of all processes together. Otherwise they may not share memory that
            belongs to no file, since nobody outside can see how much that is.
    """
    working = rules(owns_files, only_own_pid, shares_memory)
    return compiled(REFUSE, (*working, *(Rule(call, NOT_THERE) for call in LEFT_OUT)))


def rules(owns_files: bool, only_own_pid: int | None, shares_memory: bool) -> Iterable[Rule]:
    """The rules of ``program``: every call that works, and how."""
    limited = dict(LIMITED)
    free = [name for names in ALLOWED.values() for name in names.split()]
    if shares_memory:
        free.append("mmap")
    else:
        limited["mmap"] = ((has_bits(3, mmap.MAP_ANONYMOUS, 0),), (has_bits(3, MAP_TYPE, mmap.MAP_PRIVATE),))
    if owns_files:
        for call, flags in (("open", 1), ("openat", 2)):
            writing = [(has_bits(flags, os.O_ACCMODE, mode),) for mode in (os.O_WRONLY, os.O_RDWR)]
            limited[call] = ((has_bits(flags, os.O_TRUNC, 0),), *writing)
        yield from (Rule(name, DO_NOTHING) for name in METADATA)
    else:
        free += ["open", "openat", "truncate", *METADATA]
    yield from (Rule(name, DO_NOTHING) for name in SHARED)
    yield from (Rule("fcntl", DO_NOTHING, use) for use in _any_of(1, *LOCKS))
    if only_own_pid is None:
        free += SIGNALS
    else:
        limited |= dict.fromkeys(SIGNALS, _any_of(0, only_own_pid))
    yield from (Rule(name, ALLOW) for name in free)
    for name, uses in limited.items():
        yield from (Rule(name, ALLOW, use) for use in uses)


def compiled(default: int, rules: Iterable[Rule]) -> bytes:
    """A filter as a program for the kernel. Calls newer than this libseccomp do not exist, unless the default allows."""
    library = _library()
    made = ctypes.c_void_p(library.seccomp_init(default))
    try:
        _done(library.seccomp_attr_set(made, OTHER_ARCHITECTURES, REFUSE), "seccomp_attr_set")
        library.seccomp_attr_set(made, OPTIMIZE, 2)  # libseccomp 2.5 and newer; the same filter, faster
        for rule in rules:
            _add(made, rule)
        reader, writer = os.pipe()  # which holds a filter of 8,000 instructions, twice what the kernel takes
        with open(reader, "rb") as file:
            with open(writer, "wb"):
                _done(library.seccomp_export_bpf(made, writer), "seccomp_export_bpf")
            return (b"" if default == ALLOW else _newer_calls_are_not_there()) + file.read()
    finally:
        library.seccomp_release(made)


def restrict(filter_program: bytes) -> None:
    """Apply a filter to this process and its children permanently."""
    instructions = ctypes.create_string_buffer(filter_program, len(filter_program))
    described = struct.pack("HxxxxxxP", len(filter_program) // INSTRUCTION.size, ctypes.addressof(instructions))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    number = libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), described, 0, 0)
    checked(number, "prctl(PR_SET_SECCOMP)")


def _newer_calls_are_not_there() -> bytes:
    """Instructions before a filter: a call above the highest number that libseccomp knows fails as on an older kernel.

    The C library then takes an older call, which it does not do for one that is refused.
    """
    known = (number for number in range(1023, 0, -1) if _library().seccomp_syscall_resolve_num_arch(0, number))
    steps = ((LOAD_NUMBER, 0, 0, 0), (JUMP_IF_GREATER, 0, 1, next(known)), (RETURN, 0, 0, NOT_THERE))
    return b"".join(INSTRUCTION.pack(*step) for step in steps)


def _add(made: ctypes.c_void_p, rule: Rule) -> None:
    """Add a rule. Calls that this library or machine does not know are skipped."""
    library = _library()
    number = library.seccomp_syscall_resolve_name(rule.call.encode())
    if number == UNKNOWN_CALL:
        return
    array = (Comparison * len(rule.comparisons))(*rule.comparisons)
    added = library.seccomp_rule_add_array(made, rule.action, number, len(rule.comparisons), array)
    _done(added, f"seccomp: {rule.call}")


def _done(result: int, what: str) -> None:
    """Raise OSError if a call to libseccomp failed, which it reports as a negative error number."""
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")
