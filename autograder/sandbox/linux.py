"""Linux calls that Python does not offer, through ctypes: prctl, capabilities, mounts and namespaces.

All raise OSError with the name of the call.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CAPABILITY_VERSION_3 = 0x20080522
CAP_CHOWN, CAP_DAC_READ_SEARCH, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN = 0, 2, 5, 6, 7, 21

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
# The same number on every architecture.
MOUNT_SETATTR = 442
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, call: str) -> int:
    """The result of a call, or an OSError that names it."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0) -> int:
    """``prctl(option, value, 0, 0, 0)``."""
    return checked(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def effective_capabilities() -> int:
    """The bit set of this thread's effective capabilities."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def has_capability(*capabilities: int) -> bool:
    """Whether this thread has all of these capabilities in effect."""
    effective = effective_capabilities()
    return all(effective >> capability & 1 for capability in capabilities)


def keep_only_capabilities(*capabilities: int) -> None:
    """Drop every capability but these, which become effective (they must be permitted)."""
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    bits = sum(1 << capability for capability in capabilities)
    data = struct.pack("6I", bits, bits, 0, 0, 0, 0)
    checked(libc.capset(header, data), "capset")


def unshare(flags: int) -> None:
    """Move to new namespaces of the kinds in ``flags`` (for processes: from the next child on)."""
    checked(libc.unshare(flags), "unshare")


def return_to(namespace: int, flags: int) -> None:
    """Enter a namespace by its descriptor (for processes: from the next child on)."""
    checked(libc.setns(namespace, flags), "setns")


def mount(source: Path | str, target: Path | str, kind: str | None, flags: int = 0, options: str = "") -> None:
    """``mount(source, target, kind, flags, options)``."""
    encoded = [os.fsencode(value) if value is not None else None for value in (source, target, kind)]
    checked(libc.mount(*encoded, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def make_read_only(target: Path) -> None:
    """Make a mount and all mounts beneath it read-only, without set-uid files."""
    attributes = struct.pack("4Q", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, 0, 0)
    arguments = (
        ctypes.c_long(AT_FDCWD),
        os.fsencode(target),
        AT_RECURSIVE,
        attributes,
        ctypes.c_size_t(len(attributes)),
    )
    checked(libc.syscall(MOUNT_SETATTR, *arguments), "mount_setattr")


def enter_root(folder: Path) -> None:
    """Make a mount point the root folder of this mount namespace. Everything outside becomes unreachable."""
    os.chdir(folder)
    checked(libc.pivot_root(b".", b"."), "pivot_root")
    checked(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
