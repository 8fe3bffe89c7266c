"""The few Linux calls that Python does not offer: prctl, capset and Landlock, by ctypes.

The Landlock packages of the index (``landlock`` 1.0.0.dev5, ``py-landlock`` 0.1.1, ``landlockpy`` 0.2.0) are
development or first releases, no ground for a security boundary: the three system calls are made here.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39

CAPABILITY_VERSION_3 = 0x20080522
CAP_CHOWN, CAP_DAC_READ_SEARCH, CAP_KILL, CAP_SETGID, CAP_SETUID = 0, 2, 5, 6, 7

# The same numbers on every architecture.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_VERSION_FLAG = 1
LANDLOCK_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
LIST = READ_DIR
READ = READ_FILE | READ_DIR
# No EXECUTE anywhere: mapping a shared library does not need it, starting a program does.
READ_WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM
READ_WRITE |= REFER | TRUNCATE
BIND_AND_CONNECT_TCP = 0b11
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int = 0) -> int:
    """``prctl(option, value, 0, 0, 0)``; raises OSError."""
    return _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def effective_capabilities() -> int:
    """The bit set of this thread's effective capabilities."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def keep_only_capability(capability: int) -> None:
    """Drop every capability but one, which becomes effective (it must be permitted)."""
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    bits = 1 << capability
    data = struct.pack("6I", bits, bits, 0, 0, 0, 0)
    _checked(_libc.capset(header, data), "capset")


def landlock_abi() -> int:
    """The kernel's Landlock ABI; 0 where there is none or it is switched off."""
    return max(0, _libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_VERSION_FLAG))


def landlock_restrict(rules: Iterable[tuple[Path, int]], abi: int) -> None:
    """Confine this thread and its children for ever to ``rules`` (path, rights beneath it), as far as ``abi`` goes.

    Paths that are missing are left out. From ABI 4 there is no TCP, from ABI 6 no signal and no abstract socket
    to a process outside.
    """
    handled = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1
    attributes = struct.pack("Q", handled)
    if abi >= 4:
        attributes += struct.pack("Q", BIND_AND_CONNECT_TCP)
    if abi >= 6:
        attributes += struct.pack("Q", SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    size = ctypes.c_size_t(len(attributes))
    ruleset = _checked(_libc.syscall(LANDLOCK_CREATE_RULESET, attributes, size, 0), "landlock_create_ruleset")
    try:
        for path, rights in rules:
            _add_rule(ruleset, path, rights & handled)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        _checked(_libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _add_rule(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= FILE_RIGHTS
        if rights:
            rule = struct.pack("=Qi", rights, descriptor)
            added = _libc.syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_PATH_BENEATH, rule, 0)
            _checked(added, "landlock_add_rule")
    finally:
        os.close(descriptor)


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result
