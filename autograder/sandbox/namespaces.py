"""Namespaces: a worker is the first process of its own process namespace and sees a root folder made for it.

When the worker dies, the kernel ends every process in its process namespace.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from autograder.sandbox import linux
from autograder.sandbox.linux import MS_BIND, MS_NODEV, MS_NOSUID, MS_PRIVATE, MS_REC

BESIDE_PROCESSES = linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWNET | linux.CLONE_NEWUTS
MOUNT_POINT = "root"  # next to the scratch folder


class Step(NamedTuple):
    """A ``folder`` or a ``file`` to make, a ``link`` to ``aim``, or a ``mount`` of what has the same name outside."""

    kind: str
    path: str
    aim: str = ""


@cache
def missing(uid: int | None = None) -> str | None:
    """Why a worker cannot have namespaces on this machine; None if it can. Tried once, in a child process.

    With ``uid``: why it cannot have them and become that user in them.
    """
    if sys.platform != "linux":
        return "they need Linux"
    with tempfile.TemporaryDirectory(prefix="autograder-") as name:
        scratch = Path(name) / "scratch"
        scratch.mkdir()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _try(scratch, writer, uid)
        os.close(writer)
        with open(reader, "rb") as answer:
            reason = answer.read().decode()
        os.waitpid(child, 0)
    return reason or None


def _try(scratch: Path, writer: int, uid: int | None) -> None:
    """In a child process: become a worker with its own root folder and write what failed. Never returns."""
    try:
        pid = fork(uid)
        if pid == 0:
            make_root(scratch, 1 << 20, 10, ())
            if uid is not None:
                os.chown(scratch, uid, uid)
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
        elif os.waitpid(pid, 0)[1]:
            raise OSError("the process in them ended early")
    except BaseException as error:
        os.write(writer, f"the kernel or this container does not allow them: {error}".encode())
    finally:
        os._exit(0)


def fork(uid: int | None = None) -> int:
    """Like ``os.fork``, but the child is the first process of a process namespace and may create other namespaces.

    ``uid`` is a user that the child wants to become, beside the caller's own (None: no other).
    """
    if linux.has_capability(linux.CAP_SYS_ADMIN):
        return _fork_in_process_namespace()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = os.fork()
        if pid == 0:
            return _fork_in_user_namespace(theirs)
        theirs.close()
        try:
            if not ours.recv(1):
                raise OSError(errno.EPERM, "the kernel or this container allows no user namespace")
            _map_users(pid, uid)
            ours.send(b"x")
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
    return pid


def _fork_in_process_namespace() -> int:
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    linux.unshare(linux.CLONE_NEWPID)
    pid = None
    try:
        pid = os.fork()
    finally:
        if pid != 0:  # the parent stays in its namespace, also if the fork failed
            linux.return_to(own, linux.CLONE_NEWPID)
        os.close(own)
    return pid


def _map_users(pid: int, uid: int | None) -> None:
    """Give the user namespace of ``pid`` this process's own user, and ``uid``, who needs capabilities to be mapped."""
    folder = Path(f"/proc/{pid}")
    if uid is None:
        (folder / "setgroups").write_text("deny")
    for file, own in (("uid_map", os.geteuid()), ("gid_map", os.getegid())):
        mapped = (own,) if uid is None else (own, uid)
        (folder / file).write_text("".join(f"{one} {one} 1\n" for one in mapped))


def _fork_in_user_namespace(link: socket.socket) -> int:
    """Return 0 in a new process that has all rights in new namespaces and none outside.

    The calling process, whose users are mapped from outside, remains as the parent of the new process, with no open
    files, and ends in the same way.
    """
    try:
        parent = os.getppid()
        linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWPID)
        linux.prctl(linux.PR_SET_DUMPABLE, 1)  # its files in /proc are the caller's only while it is dumpable
        link.send(b"x")
        mapped = link.recv(1)
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        if not mapped:
            os._exit(1)
        return _fork_under_a_guardian(parent)
    except OSError:
        os._exit(1)  # the caller reads the end of the link


def _fork_under_a_guardian(parent: int) -> int:
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the prctl call
        os._exit(0)
    pid = os.fork()
    if pid == 0:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        return 0
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        with suppress(OSError, ValueError):  # the handler of SIGKILL cannot be reset
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def make_root(scratch: Path, scratch_bytes: int, scratch_files: int, steps: Iterable[Step]) -> None:
    """Change to a root folder that has what ``steps`` show, a ``/proc`` of its own, and an empty ``scratch`` of limited size.

    Everything except the scratch folder is read-only, and each path keeps its name. Runs in the child of ``fork``, which
    also leaves the machine's network, System V objects and mounts.
    """
    linux.unshare(BESIDE_PROCESSES)
    linux.mount("none", "/", None, MS_REC | MS_PRIVATE)
    new = scratch.parent / MOUNT_POINT
    new.mkdir(exist_ok=True)
    linux.mount("root", new, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=755")
    for step in steps:
        _do(step, str(new))
    _beneath(new, "/proc").mkdir()
    try:
        linux.mount("proc", new / "proc", "proc", MS_NOSUID | MS_NODEV)
    except OSError:  # a container that hides parts of /proc does not allow a new one
        linux.mount("/proc", new / "proc", None, MS_BIND | MS_REC)
    _beneath(new, scratch).mkdir(parents=True)
    linux.make_read_only(new)
    options = f"size={scratch_bytes},nr_inodes={scratch_files},mode=700"
    linux.mount("scratch", _beneath(new, scratch), "tmpfs", MS_NOSUID | MS_NODEV, options)
    linux.enter_root(new)


def showing(paths: Iterable[Path]) -> tuple[Step, ...]:
    """What makes ``paths``, or those of them that exist, visible under another root folder, in order.

    Links on the way to a path are copied as links. All sessions show the same folders of the library, whose hundreds of
    names are looked up once.
    """
    steps: dict[Step, None] = {}  # each once
    for path in paths:
        _show(path, steps)
    return tuple(steps)


def _show(path: Path, steps: dict[Step, None]) -> None:
    for part in reversed((path, *path.parents[:-1])):
        if Step("mount", str(part)) in steps:
            return
        if part.is_symlink():
            _make_parents(part, steps)
            steps[Step("link", str(part), os.readlink(part))] = None
            aim = os.path.normpath(part.parent / os.readlink(part))
            return _show(Path(aim) / path.relative_to(part), steps)
    if path.exists():
        _make_parents(path, steps)
        steps[Step("folder" if path.is_dir() else "file", str(path))] = None
        steps[Step("mount", str(path))] = None


def _make_parents(path: Path, steps: dict[Step, None]) -> None:
    for parent in reversed(path.parents[:-1]):
        steps[Step("folder", str(parent))] = None


def _do(step: Step, new: str) -> None:
    target = new + step.path
    with suppress(FileExistsError):  # two paths can have folders and links on their way in common
        match step.kind:
            case "folder":
                os.mkdir(target)
            case "link":
                os.symlink(step.aim, target)
            case "file":
                os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
            case "mount":
                linux.mount(step.path, target, None, MS_BIND | MS_REC)


def _beneath(new: Path, path: Path | str) -> Path:
    return new / str(path).lstrip("/")
