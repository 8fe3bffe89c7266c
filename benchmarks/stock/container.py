"""The container around a stock grader's run, and what is looked at when it is over.

Bubblewrap gives namespaces of its own for everything, a read-only view of the machine without the checkout and without
home folders, and one writable folder. Memory and processes are limited by control groups where they may be made, and by
resource limits everywhere.
"""

from __future__ import annotations

import json
import os
import re
import resource
import secrets
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tests.checkout import ROOT
from tests.corpus.hostile.attack import Attack

LABELS = ("earlier", "handed-in")
MEMORY = 3 << 30
ADDRESS_SPACE = 24 << 30
FILE_BYTES = 1 << 30
PROCESSES = 400
STARTING = 60.0
STOLEN = re.compile(r"STOLEN \[")

# Runs inside the container, as process 2: starts a bystander, runs the grader's commands, looks around.
DRIVER = r"""
import glob, json, os, signal, subprocess, sys, time
spec = json.loads(sys.argv[1])
bystander = subprocess.Popen(["sleep", "9999"], start_new_session=True)
harms, started = [], time.monotonic()
log = open("log", "wb")
for command in spec["commands"]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        process.wait(spec["limit"])
    except subprocess.TimeoutExpired:
        harms.append("hangs")
        os.killpg(process.pid, signal.SIGKILL)
        break
seconds = time.monotonic() - started
time.sleep(1)
def state(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    except OSError:
        return ["X"] + ["0"] * 20
if bystander.poll() is not None or state(bystander.pid)[0] in "TtXZ":
    harms.append("kills or stops other processes")
elif int(state(bystander.pid)[16]) > 0:
    harms.append("slows other processes down")
mine = {1, os.getpid(), bystander.pid, os.getppid()}
left = [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in mine and state(name)[0] not in "ZX"]
if left and not harms:
    harms.append(f"leaves {len(left)} processes")
found = [p for place in ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue") for p in glob.glob(place + "/*hostile*")]
found += ["files above its folder"] if glob.glob("../hostile*") + glob.glob("home/**/hostile*", recursive=True) else []
if found:
    harms.append("leaves " + ", ".join(found)[:60])
for kind in ("shm", "sem", "msg"):
    if len(open(f"/proc/sysvipc/{kind}").read().splitlines()) > 1:
        harms.append(f"leaves System V {kind}")
print(spec["token"] + json.dumps({"harms": harms, "seconds": seconds}), flush=True)
os._exit(0)
"""


class ContainerMissing(Exception):
    """Stock graders are not run without a container."""


@dataclass(frozen=True)
class Run:
    """What came of one run: the score (None: no grade), what harm was done, wall seconds."""

    score: float | None
    harms: tuple[str, ...]
    seconds: float


class Container:
    """Runs one case with one stock grader in ``folder`` (made here), ``limit`` seconds for each submission."""

    def __init__(self, folder: Path, limit: float) -> None:
        self.bwrap = shutil.which("bwrap")
        if self.bwrap is None:
            raise ContainerMissing(
                "bubblewrap is missing: stock graders run strangers' code, and are not run without it"
            )
        self.work = folder / "work"
        self.folder = folder
        self.limit = limit
        (self.work / "home").mkdir(parents=True)

    def run(self, grader: ModuleType, prepared: Path, attack: Attack) -> Run:
        """Grade the accomplice's submission, if there is one, then the case's own."""
        commands = []
        for number, label in enumerate(LABELS):
            if label == "earlier" and not attack.earlier:
                continue
            make = attack.hand_in_earlier if label == "earlier" else attack.hand_in
            target = grader.hand_over(prepared, make(self.folder / label), self.work, label)
            if not target.is_relative_to(self.work):
                target = Path(shutil.copy(target, self.work / f"{label}{target.suffix}"))
            commands += grader.commands(target, self.work, number)
        harms, seconds = self._contained(commands)
        score = grader.score(self.work, 1)
        if score is None and not harms:
            harms = ("no grade",)
        if any(STOLEN.search(text) for text in self._texts()):
            harms = (*harms, "reads a reference")
        return Run(score, harms, seconds)

    def _contained(self, commands: list[list[str]]) -> tuple[tuple[str, ...], float]:
        token = secrets.token_hex(8)
        spec = {"commands": commands, "limit": self.limit, "token": token}
        started = time.monotonic()
        with control_groups(self.folder.name) as join:
            process = subprocess.Popen(
                [*self._command(), sys.executable, "-I", "-c", DRIVER, json.dumps(spec)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=join,
            )  # fmt: skip
            try:
                output, _ = process.communicate(timeout=self.limit * len(commands) + STARTING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                return ("hangs",), time.monotonic() - started
        for line in output.decode(errors="replace").splitlines():
            if line.startswith(token):
                said = json.loads(line.removeprefix(token))
                return tuple(said["harms"]), said["seconds"]
        return ("kills the grader",), time.monotonic() - started

    def _command(self) -> list[str]:
        hidden = [str(ROOT), str(ROOT.parent), str(Path.home()), "/home", "/tmp", "/var/tmp", "/run"]
        view = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/dev/shm"]
        for path in dict.fromkeys(hidden):
            view += ["--tmpfs", path] if Path(path).is_dir() and path != "/" else []
        for path in dict.fromkeys((sys.base_prefix, str(Path(sys.prefix).resolve()))):
            view += ["--ro-bind", path, path]
        if Path(sys.prefix) != Path(sys.prefix).resolve():
            view += ["--symlink", str(Path(sys.prefix).resolve()), sys.prefix]
        # An optional package of jsonschema that compiles a grammar for seconds at each import; hidden, it counts as missing.
        slow = Path(sysconfig.get_path("purelib")).resolve() / "rfc3987_syntax"
        view += ["--tmpfs", str(slow)] if slow.is_dir() else []
        environment = {
            "HOME": self.work / "home",
            "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": 1,
        }
        variables = [word for name, value in environment.items() for word in ("--setenv", name, str(value))]
        return [
            *(self.bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"),
            *(*variables, *view, "--bind", str(self.work), str(self.work), "--chdir", str(self.work)),
        ]

    def _texts(self) -> Iterator[str]:
        for pattern in ("out-*/results.json", "course/autograded/*/*/*.ipynb"):
            for path in self.work.glob(pattern):
                if path.is_file() and path.stat().st_size < 1 << 28:
                    yield path.read_text(errors="replace")


@contextmanager
def control_groups(name: str) -> Iterator[object]:
    """Groups that limit memory and processes, where they may be made; yields what a child calls to join them."""
    made: list[Path] = []
    for kind, file, value in (("memory", "memory.limit_in_bytes", MEMORY), ("pids", "pids.max", PROCESSES)):
        with suppress(OSError, StopIteration):
            lines = Path("/proc/self/cgroup").read_text().splitlines()
            own = next(line.split(":", 2)[2] for line in lines if line.split(":")[1] == kind)
            parent = Path(f"/sys/fs/cgroup/{kind}{own}")
            group = (parent if parent.is_dir() else Path(f"/sys/fs/cgroup/{kind}")) / f"kit-{os.getpid()}-{name}"
            group.mkdir()
            made.append(group)
            (group / file).write_text(str(value))

    def join() -> None:
        for group in made:
            (group / "cgroup.procs").write_text(str(os.getpid()))
        for what, value in (
            (resource.RLIMIT_AS, ADDRESS_SPACE),
            (resource.RLIMIT_FSIZE, FILE_BYTES),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (value, value))

    try:
        yield join
    finally:
        for group in made:
            for _ in range(100):
                with suppress(OSError):
                    group.rmdir()
                    break
                time.sleep(0.1)
