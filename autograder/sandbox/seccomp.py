"""A seccomp filter, built with libseccomp: system calls that no honest notebook needs fail with an error.

They fail instead of killing the process, because libraries test for optional calls. libseccomp knows the call numbers of
every architecture and is a package of Debian and Ubuntu. It is called through ctypes, because its binding on PyPI,
``pyseccomp`` 0.1.2, is from 2021.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import tempfile
from functools import cache

from autograder.sandbox.linux import PR_SET_NO_NEW_PRIVS, checked, libc, prctl

ALLOW = 0x7FFF0000
FAIL = 0x00050000  # with the error's number in the low half
OTHER_ARCHITECTURES = 2  # attribute of a filter: its action for calls of a 32-bit program
NOT_EQUAL, MASKED_EQUAL = 1, 7
UNKNOWN_CALL = -1

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
INSTRUCTION_BYTES = 8

# What a call would reach, and the calls.
DENIED = {
    "the network": ("socket", "bind", "listen", "accept", "accept4", "connect"),
    "programs": ("execve", "execveat"),
    "other processes": (
        *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp"),
        *("pidfd_getfd", "setpriority", "ioprio_set", "sched_setscheduler", "sched_setparam", "sched_setattr"),
        *("migrate_pages", "move_pages"),
    ),
    "memory that outlives a process, or is in no file of the scratch folder": (
        *("shmget", "shmat", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv"),
        *("msgctl", "mq_open", "mq_unlink", "memfd_create", "memfd_secret"),
    ),
    "keys of the kernel": ("add_key", "request_key", "keyctl"),
    "mounts and namespaces": (
        *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount"),
        *("fspick", "mount_setattr", "unshare", "setns"),
    ),
    "the kernel itself": (
        *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"),
        *("fanotify_init", "open_by_handle_at", "name_to_handle_at", "init_module", "finit_module", "delete_module"),
        *("kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog"),
        *("iopl", "ioperm", "modify_ldt", "personality", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex"),
        *("sethostname", "setdomainname", "vhangup", "uselib"),
    ),
}
NAMESPACE_FLAGS = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")


class Comparison(ctypes.Structure):
    """libseccomp's ``scmp_arg_cmp``: argument ``number`` of a call, compared with ``first`` (and ``second``)."""

    _fields_ = (
        ("number", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
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
def program(only_own_pid: int | None = None) -> bytes:
    """The filter as a program for the kernel, built once, before the workers are forked.

    ``only_own_pid`` is given if no other layer restricts signals: then only that process can be signalled.
    """
    library = _library()
    rules = ctypes.c_void_p(library.seccomp_init(ALLOW))
    try:
        _done(library.seccomp_attr_set(rules, OTHER_ARCHITECTURES, FAIL | errno.EPERM), "seccomp_attr_set")
        for names in DENIED.values():
            for name in names:
                _deny(rules, name)
        for flag in NAMESPACE_FLAGS:
            _deny(rules, "clone", Comparison(0, MASKED_EQUAL, flag, flag))
        # A filter cannot read the flags of clone3, which are in memory. Without clone3 the C library uses clone.
        _deny(rules, "clone3", error=errno.ENOSYS)
        _deny(rules, "prlimit64", Comparison(0, NOT_EQUAL, 0))
        if only_own_pid is not None:
            _deny(rules, "pidfd_send_signal")
            for name in SIGNALS:
                _deny(rules, name, Comparison(0, NOT_EQUAL, only_own_pid))
        with tempfile.TemporaryFile() as file:
            _done(library.seccomp_export_bpf(rules, file.fileno()), "seccomp_export_bpf")
            file.seek(0)
            return file.read()
    finally:
        library.seccomp_release(rules)


def restrict(filter_program: bytes) -> None:
    """Apply a filter to this process and its children permanently."""
    instructions = ctypes.create_string_buffer(filter_program, len(filter_program))
    described = struct.pack("HxxxxxxP", len(filter_program) // INSTRUCTION_BYTES, ctypes.addressof(instructions))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    number = libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), described, 0, 0)
    checked(number, "prctl(PR_SET_SECCOMP)")


def _deny(rules: ctypes.c_void_p, name: str, *comparisons: Comparison, error: int = errno.EPERM) -> None:
    """Make a call fail if its arguments match. Calls that this library or machine does not know are skipped."""
    library = _library()
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number == UNKNOWN_CALL:
        return
    array = (Comparison * len(comparisons))(*comparisons)
    _done(library.seccomp_rule_add_array(rules, FAIL | error, number, len(comparisons), array), f"seccomp: {name}")


def _done(result: int, what: str) -> None:
    """Raise OSError if a call to libseccomp failed, which it reports as a negative error number."""
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")
