"""The preloaded parent: imports torch (or NumPy) and the probes once, runs no operator, and forks a worker per session.

``autograder.sandbox.preload`` starts it with a minimal environment. It is trusted and never runs student code. Requests
and replies are JSON datagrams on one socket. It has the probes, but nothing that contains answers.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import psutil

from autograder.course_code import PACKAGE, open_package
from autograder.sandbox import (
    cgroup,
    jupyter,
    layers,
    leftovers,
    namespaces,
    notebook,
    preload,
    processes,
    released,
    usage,
)
from autograder.sandbox.linux import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, prctl

MAX_DATAGRAM = 1 << 16
KILL_SECONDS = 1.0
WATCH_SECONDS = 0.25
HOLD_ANSWERS = ("oracle", "correct", "mistakes", "question", "loading", "answer_key")


@dataclass
class Child:
    """A forked worker. ``status`` is its wait status after it was collected.

    ``excess`` is the resource that it used too much of and was killed for (None: it did not).
    """

    pid: int
    confinement: layers.Confinement
    status: int | None = None
    excess: str | None = None


class Zygote:
    """Forks and ends workers on request of the engine."""

    def __init__(self, control: socket.socket, probes: Mapping[str, ModuleType], settings: dict) -> None:
        self.control = control
        self.probes = probes
        self.settings = settings
        self.children: dict[int, Child] = {}
        framework = settings["framework"]
        self.side = import_module(f"autograder.sandbox.{framework}_side")
        self.hidden = jupyter.packages_of_tests() | preload.HIDDEN[framework]
        self.own_memory = usage.anonymous_memory(os.getpid())

    @cached_property
    def users(self) -> FreshUsers:
        """The users of all workers."""
        return FreshUsers()

    def serve(self) -> None:
        """Answer requests until the engine closes its end, or ends."""
        while True:
            while not self.engine_speaks():
                self.watch()
            data, descriptors, _, _ = socket.recv_fds(self.control, MAX_DATAGRAM, 1)
            if not data:
                return
            request = json.loads(data)
            try:
                reply = self.fork(request, descriptors[0]) if request["op"] == "fork" else self.kill(request)
            except (OSError, RuntimeError) as error:
                reply = {"error": str(error)}
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
            self.control.send(json.dumps(reply).encode())

    def engine_speaks(self) -> bool:
        """Wait for a request; only briefly if there are workers to watch."""
        watched = any(child.status is None for child in self.children.values())
        return bool(select.select([self.control], [], [], WATCH_SECONDS if watched else None)[0])

    def watch(self) -> None:
        """Kill each worker that uses too much memory or disk, if no layer limits it."""
        self.reap()
        for child in self.children.values():
            if child.status is None and child.excess is None:
                child.excess = usage.excess(child.confinement, partial(self.family, child), self.own_memory)
                if child.excess is not None:
                    os.kill(child.pid, signal.SIGKILL)

    def fork(self, request: dict, connection: int) -> dict:
        """Fork a worker that serves ``connection`` in the scratch folder of the request."""
        confinement = self.confinement(request)
        try:
            pid = namespaces.fork(confinement.uid) if "namespaces" in confinement.active else os.fork()
        except OSError:
            self.release(confinement)
            raise
        if pid == 0:
            self.become_worker(connection, confinement)
        self.children[pid] = Child(pid, confinement)
        return {"pid": pid, "uid": confinement.uid}

    def confinement(self, request: dict) -> layers.Confinement:
        """The limits of the next worker. Takes a user and creates a control group for it."""
        active = layers.active_names(request["without"])
        group = None
        if "cgroup" in active:
            group = cgroup.find().make(self.settings["confinement"]["memory_mb"] * layers.MB)
        return layers.Confinement(
            active=active,
            scratch=Path(request["scratch"]),
            files=Path(request["files"]) if request["files"] else None,
            uid=self.users.take() if "uid" in active else None,
            group=group,
            **self.settings["confinement"],
        )

    def become_worker(self, connection: int, confinement: layers.Confinement) -> None:
        """In the child: become a worker. Never returns."""
        from autograder.sandbox import worker

        try:
            self.control.detach()  # the worker closes all descriptors; the object must not close this one again
            threads, scratch = self.settings["threads"], confinement.scratch
            environment = student_environment(scratch, threads)
            setting = worker.Setting(self.side, self.probes, threads, str(scratch / "work"), environment, self.hidden)
            worker.main(connection, confinement, setting)
        finally:
            os._exit(0)

    def kill(self, request: dict) -> dict:
        """End a worker and its descendants. ``status`` is its wait status if it ended by itself within ``grace``."""
        child = self.children.get(request["pid"])
        if child is None:  # a worker of an earlier parent, which died with it
            return {"status": None, "dead": True, "excess": None}
        self.wait_for(child, request["grace"])
        own_status = child.status
        if child.status is None:
            os.kill(child.pid, signal.SIGKILL)
            self.wait_for(child, KILL_SECONDS)
        uid = child.confinement.uid
        dead = processes.kill_all(lambda: self.family(child), uid, self.reap, lambda: child.status is not None)
        if dead:
            self.release(child.confinement)
        del self.children[child.pid]
        return {"status": own_status, "dead": dead, "excess": child.excess}

    def release(self, confinement: layers.Confinement) -> None:
        """Release the user and the control group of a worker that is dead or could not be forked."""
        if confinement.uid is not None:
            if "namespaces" not in confinement.active:
                leftovers.remove_all_of(confinement.uid)
            self.users.give_back(confinement.uid)
        if confinement.group is not None:
            cgroup.remove(confinement.group)

    def wait_for(self, child: Child, seconds: float) -> None:
        """Wait until a worker has ended and was collected, at most ``seconds``."""
        deadline = time.monotonic() + seconds
        self.reap()
        while child.status is None and time.monotonic() < deadline:
            time.sleep(0.001)
            self.reap()

    def family(self, child: Child) -> list[psutil.Process]:
        """The worker, its descendants, and orphans, which are children of this process because it is a subreaper."""
        family = psutil.Process().children(recursive=True)
        others = self.children.keys() - {child.pid}
        others |= {process.pid for pid in others for process in processes.descendants(pid)}
        return [process for process in family if process.pid not in others]

    def reap(self) -> None:
        """Collect dead children and keep the status of workers."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if os.WIFSTOPPED(status):  # it has made this process its tracer; it lives
                os.kill(pid, signal.SIGKILL)
                continue
            if pid in self.children:
                self.children[pid].status = status

    def close(self) -> None:
        """End every worker."""
        for pid in list(self.children):
            self.kill({"pid": pid, "grace": 0})


class FreshUsers:
    """Provides users that nobody else uses. A lock file separates the graders on one machine."""

    def __init__(self) -> None:
        folder = next(path for path in ("/run", tempfile.gettempdir()) if os.access(path, os.W_OK))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self.lock = os.open(os.path.join(folder, "autograder-users.lock"), flags, 0o600)
        self.taken: set[int] = set()

    def take(self) -> int:
        """A user without processes, locked for this grader until ``give_back``."""
        pool = layers.fresh_uids()
        first = random.SystemRandom().randrange(len(pool))
        for uid in (*pool[first:], *pool[:first]):
            if uid in self.taken or not self._lock(uid):
                continue
            if processes.tasks_of(uid):
                self._unlock(uid)
                continue
            self.taken.add(uid)
            return uid
        raise RuntimeError("all fresh users are in use; grade fewer submissions at once")

    def give_back(self, uid: int) -> None:
        self.taken.discard(uid)
        self._unlock(uid)

    def _lock(self, uid: int) -> bool:
        try:
            fcntl.lockf(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, uid)
        except OSError:
            return False
        return True

    def _unlock(self, uid: int) -> None:
        fcntl.lockf(self.lock, fcntl.LOCK_UN, 1, uid)


def student_environment(scratch: Path, threads: int) -> dict[str, str]:
    """The whole environment of student code."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch / "tmp"),
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(scratch / "tmp"),
        "OMP_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
    }


def probes_of(names: Sequence[str], code: str) -> dict[str, ModuleType]:
    """Import the modules of probes, those of ``kit_course`` from the folder ``code``.

    Raises:
        ImportError: a module is missing, or imports a module that contains answers.
    """
    open_package(Path(code))
    modules = {name: import_module(name) for name in names}
    leaking = [other for other in sys.modules if _holds_answers(other)]
    if leaking:
        raise ImportError(
            f"probes import {leaking[0]}, which contains answers; remove the import, since probes run with student code"
        )
    return modules


def _holds_answers(name: str) -> bool:
    package, *parts = name.split(".")
    if package == PACKAGE:
        parts = parts[1:]  # an assignment may have any name
    return package in ("autograder", PACKAGE) and any(part in HOLD_ANSWERS for part in parts)


def prepare_layers() -> None:
    """Compute once, for all workers, the filter of system calls and the readable folders."""
    active = layers.active_names()
    if "seccomp" in active:
        layers.call_filter(active)
    layers.common_rules()
    if "namespaces" in active:
        layers.common_root()


def prepare_reading() -> None:
    """Import once, for all workers, what translates magics. Student code finds replacements of IPython, not the library."""
    notebook.transformer()
    for name in [name for name in sys.modules if name.partition(".")[0] == "IPython"]:
        del sys.modules[name]


def main(control: socket.socket) -> None:
    """Run the preloaded parent. The first message on ``control`` has its settings. Returns when the engine has ended."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine handles Ctrl-C
    data = control.recv(MAX_DATAGRAM)
    if not data:
        return
    settings = json.loads(data)
    with suppress(ConnectionError):  # the engine was killed before it got a reply
        serve(control, settings)
    leftovers.remove_tree(Path(settings["root"]))


def serve(control: socket.socket, settings: dict) -> None:
    """Say that the parent is ready, or why it is not, and answer until the engine ends."""
    try:
        zygote = Zygote(control, probes_of(settings["probes"], settings["code"]), settings)
        prepare_layers()
        prepare_reading()
        released.prepare(json.loads((Path(settings["root"]) / "cells.json").read_text()))
    except Exception as error:  # the engine reports it and ends
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    gc.collect()
    gc.freeze()
    try:
        control.send(json.dumps({"ready": True}).encode())
        zygote.serve()
    finally:
        zygote.close()
