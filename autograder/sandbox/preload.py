"""Starts the preloaded parent without giving it any information about answers, and at little cost.

A command that grades replaces itself by a new Python with a minimal environment (``start_over``), imports what sessions
need and forks the preloaded parent. Only then it restores its arguments and environment and continues as the engine. So
torch is imported once for both, or not at all for an assignment in NumPy, and the parent's memory never contains data of
the engine. In other programs ``start`` runs the parent in its own Python.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Protocol

from autograder.frameworks import NUMPY, TORCH

PACKAGES = Path(__file__).resolve().parents[2]
BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from autograder.sandbox.preload import {0}; {0}()"
OF_TORCH = ("torch", "torch.nn.functional", "torch.utils.data", "torchvision", "torchvision.transforms.v2")
COMMON = (
    *("matplotlib.pyplot", "PIL.Image", "tqdm", "tqdm.auto"),
    *("autograder.sandbox.zygote", "autograder.sandbox.worker"),
)
# Parts of these libraries and of Python's own that given cells use: every worker would import them again.
AT_HAND = ("numpy.random", "multiprocessing.synchronize", "tarfile", "urllib.request")
MODULES = {
    TORCH: ("numpy", *OF_TORCH, *COMMON, "autograder.sandbox.torch_side"),
    NUMPY: ("numpy", *COMMON, "autograder.sandbox.numpy_side"),
}
# What a submission can import beside Python's own library, as the student notebook promises, and what it cannot.
LIBRARIES = {
    framework: tuple(dict.fromkeys(name.partition(".")[0] for name in names if not name.startswith("autograder.")))
    for framework, names in MODULES.items()
}
HIDDEN = {framework: frozenset(LIBRARIES[TORCH]).difference(names) for framework, names in LIBRARIES.items()}


class Process(Protocol):
    """What the engine needs of the preloaded parent's process (``subprocess.Popen`` has all of it)."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


class Forked:
    """A forked child with the interface of ``subprocess.Popen``."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """The exit code of the process; None while it runs."""
        with self._lock:  # the system reports it once, and several threads may call this
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code. Raises ``subprocess.TimeoutExpired``."""
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("the preloaded parent", timeout)
            time.sleep(0.005)
        return self.returncode

    def kill(self) -> None:
        """End the process at once if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


# Parents that this process has forked and that are not in use yet: the process, and the engine's end of its socket.
waiting: list[tuple[Process, socket.socket]] = []
imported = ""  # the framework of those


def start(framework: str = TORCH) -> tuple[Process, socket.socket]:
    """A preloaded parent of a framework without settings, and the socket on which it waits for them."""
    if waiting and framework == imported:
        return waiting.pop()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-I", "-c", BOOT.format("serve"), str(PACKAGES), str(theirs.fileno()), framework]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(
            command, env=environment(), cwd="/", pass_fds=[theirs.fileno()], start_new_session=True, **quiet
        )
    return process, ours


def environment() -> dict[str, str]:
    """The whole environment of the preloaded parent."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": os.path.expanduser("~"),  # where matplotlib keeps its list of fonts
        "LANG": "C.UTF-8",
        # A thread pool would not survive the forks.
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",  # each arena takes 64 MB of the limited address space
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "",
    }


def import_all(framework: str) -> None:
    """Import what every session needs, without running any of it."""
    for name in (*MODULES[framework], *AT_HAND):
        import_module(name)
    gc.collect()
    gc.freeze()  # a collection would copy pages that are shared


def serve() -> None:
    """The preloaded parent in its own Python: ``serve <descriptor of its socket> <framework>``."""
    control = socket.socket(fileno=int(sys.argv[1]))
    import_all(sys.argv[2])
    import_module("autograder.sandbox.zygote").main(control)


# --- one import for both -----------------------------------------------------------------------------------------


def start_over(arguments: list[str], parents: int = 1, framework: str = TORCH) -> None:
    """Replace this process by one that forks preloaded parents and then runs the command line with ``arguments``.

    Returns only if this process has already been replaced, or if there is no sandbox on this platform.
    """
    if sys.platform != "linux" or waiting:
        return
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape") as file:
        json.dump({"arguments": arguments, "environment": dict(os.environ)}, file)
        file.flush()
        file.seek(0)
        os.set_inheritable(file.fileno(), True)
        numbers = [str(file.fileno()), str(parents), framework]
        command = [sys.executable, "-I", "-c", BOOT.format("go_on"), str(PACKAGES), *numbers]
        sys.stdout.flush()
        os.execve(sys.executable, command, environment())


def go_on() -> None:
    """The second half of ``start_over``, in the new Python: ``go_on <descriptor of the file> <parents> <framework>``."""
    global imported
    descriptor, parents = map(int, sys.argv[1:3])
    imported = sys.argv[3]
    import_all(imported)
    for _ in range(parents):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            for held in (ours, *(other for _, other in waiting)):
                held.close()  # so that the connection ends when the engine ends
            _become_parent(theirs, descriptor)
        theirs.close()
        waiting.append((Forked(pid), ours))
    with open(descriptor, encoding="utf-8", errors="surrogateescape") as file:
        saved = json.load(file)
    os.environ.clear()
    os.environ.update(saved["environment"])
    tempfile.tempdir = None  # an import has looked for it without TMPDIR
    if imported == TORCH:
        import_module("torch").set_num_threads(len(os.sched_getaffinity(0)))
    import_module("autograder.cli").main(saved["arguments"])


def _become_parent(control: socket.socket, descriptor: int) -> None:
    """In the fork: close everything of the engine except the socket, and become the parent. Never returns."""
    try:
        os.close(descriptor)
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        os.chdir("/")
        import_module("autograder.sandbox.zygote").main(control)
    finally:
        os._exit(0)
