"""Landlock through its three system calls: limits what a process and its children may read, write, connect and signal.

The Landlock packages on PyPI (``landlock`` 1.0.0.dev5, ``py-landlock`` 0.1.1, ``landlockpy`` 0.2.0) are development or
first releases, too early for a security boundary, so this module makes the calls itself.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from autograder.sandbox.linux import PR_SET_NO_NEW_PRIVS, checked, libc, prctl

# The same numbers on every architecture.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
LIST = READ_DIR
READ = READ_FILE | READ_DIR
# EXECUTE is never allowed: starting a program needs it, mapping a shared library does not.
READ_WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM
READ_WRITE |= REFER | TRUNCATE
BIND_AND_CONNECT_TCP = 0b11
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
ABI_OF_EMPTYING, ABI_OF_TCP, ABI_OF_SIGNALS = 3, 4, 6  # of emptying a file that may be read, …


def abi() -> int:
    """The kernel's Landlock ABI; 0 if Landlock is missing or switched off."""
    return max(0, libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG))


def restrict(rules: Iterable[tuple[Path, int]], version: int) -> None:
    """Confine this thread and its children permanently to ``rules`` (path, rights beneath it).

    ``version`` is the kernel's ABI; older versions restrict less. Missing paths are skipped. From ABI 4 on, TCP is
    forbidden; from ABI 6 on, signals and abstract sockets to other processes are forbidden too.
    """
    handled = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    attributes = struct.pack("Q", handled)
    if version >= ABI_OF_TCP:
        attributes += struct.pack("Q", BIND_AND_CONNECT_TCP)
    if version >= ABI_OF_SIGNALS:
        attributes += struct.pack("Q", SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    size = ctypes.c_size_t(len(attributes))
    ruleset = checked(libc.syscall(CREATE_RULESET, attributes, size, 0), "landlock_create_ruleset")
    try:
        for path, rights in rules:
            _add_rule(ruleset, path, rights & handled)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        checked(libc.syscall(RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
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
            added = libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
            checked(added, "landlock_add_rule")
    finally:
        os.close(descriptor)
