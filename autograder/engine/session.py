"""The trusted end of the sandbox: starts the preloaded parent, opens sessions and checks everything they send."""

from __future__ import annotations

import builtins
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from autograder import protocol
from autograder.arrays import BFLOAT16, as_numpy, is_array, native
from autograder.errors import MachineError
from autograder.frameworks import NUMPY, TORCH
from autograder.limits import Limits
from autograder.sandbox import canary, layers, preload, processes
from autograder.sandbox.leftovers import remove_tree
from autograder.sandbox.notebook import MAX_ANSWER, MAX_CODE, Cell, Notebook
from autograder.sandbox.sightings import Sighting
from autograder.text import clean, one_line, quoted, without_numbers

if TYPE_CHECKING:
    from autograder.arrays import Array

MB = 1 << 20
OPEN_DOOR = (
    "this machine cannot isolate student code from your files and processes ({}); "
    "set up the grader as in docs/security.md, or add --unsafe if you have read the submissions"
)
CANARY_DIED = (
    "an honest function earns no point on this machine, so nobody was graded: {}; ./kit doctor lists the layers of the "
    'sandbox, and docs/security.md says under "The canary" what to try'
)
MAX_HEADER = 1 << 16
# Names that Python gives to exceptions; any other one may be a sentence of the student's.
TYPE_NAMES = frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
)
NO_MODULE = re.compile(r"No module named '(\w{1,60})(?:\.[\w.]*)?'")
NO_LIBRARY = (
    "; {} is not there when your notebook is graded; there are {} and Python's own libraries, and code of your own "
    "belongs into the notebook"
)
STUB = "NotImplementedError"
MAX_DATAGRAM = 1 << 16
EXIT_GRACE_SECONDS = 0.3
# The limits that a worker gets.
CONFINEMENT = ("memory_mb", "cpu_seconds", "processes", "open_files", "file_mb", "scratch_mb", "scratch_files")
CLOSE_SECONDS = 30.0
TICKS = os.sysconf("SC_CLK_TCK")
# The share of an allowed processor time that was all of it: the kernel's timer samples, and rings up to 0.15 s early.
ALL_OF_IT = 0.8


class SandboxError(MachineError):
    """The sandbox itself cannot work here."""


class NotStopped(SandboxError):
    """Processes of a submission could not be ended, so no result may be written."""


class StudentError(Exception):
    """Student code raised an exception. ``type`` and ``message`` come from it, cleaned; ``cell`` and ``line`` say where.

    ``complaint``: a probe raised it because of what the code returned. ``missing``: a graded name that the notebook does
    not define; ``undefined``: another name, or that of a function which is only a stub. All of this is said by the
    student's process, so it is shown only as a quotation (``quoted``). ``limit`` is what the engine's own clock says: the
    seconds that the request might take, if it took all of them. ``libraries`` are those that it can import. ``whereabouts``
    is what the engine knows about the definition of a name that is not there, a clause.
    """

    def __init__(
        self,
        type: str,
        message: str,
        cell: int | None = None,
        line: int | None = None,
        complaint: bool = False,
        missing: str | None = None,
        limit: float | None = None,
        undefined: str | None = None,
        libraries: Collection[str] = preload.LIBRARIES[TORCH],
    ) -> None:
        super().__init__(f"{type}: {message}")
        self.type = type
        self.message = message
        self.cell = cell
        self.line = line
        self.complaint = complaint
        self.missing = missing
        self.limit = limit
        self.undefined = undefined
        self.libraries = libraries
        self.whereabouts = ""

    @property
    def quoted(self) -> str:
        """``raised NameError: "name 'x' is not defined"``, the end of a sentence about the code."""
        kind = self.type if self.type in TYPE_NAMES else quoted(without_numbers(self.type), 60)
        return f"raised {kind}: {quoted(without_numbers(self.message))}" if self.message else f"raised {kind}"

    @property
    def advice(self) -> str:
        """``"; this library is not there …"``, the end of a sentence that quotes the error; '' without advice."""
        library = NO_MODULE.match(self.message) if self.type == "ModuleNotFoundError" else None
        if library and library[1] not in self.libraries:
            return NO_LIBRARY.format(quoted(without_numbers(library[1])), ", ".join(self.libraries))
        return f"; {self.whereabouts}" if self.whereabouts else ""

    @property
    def where(self) -> str:
        """``"line 3 of cell 7"``, or '' if the exception names no line of the notebook."""
        return f"line {self.line} of cell {self.cell}" if self.cell is not None and self.line is not None else ""


class SessionLost(Exception):
    """The session has ended: ``kind`` is timeout, memory, disk, crash, exit, protocol or deadline, ``reason`` a sentence."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


EXCESSES = {
    "memory": "its processes together used more memory than allowed",
    "disk": "it wrote too much data or too many files",
}


class ParentLost(SessionLost):
    """The preloaded parent has ended, and every session with it. The next session starts a new parent."""


@dataclass(frozen=True)
class Probes:
    """The modules of probes that a preloaded parent imports, by name; ``kit_course`` is the package in ``code``.

    They get and return arrays of the ``framework``, which is all that the parent imports. ``cells`` are the code cells that
    students were given, in order: workers find those that are handed in unchanged already read.
    """

    code: Path | None = None
    modules: tuple[str, ...] = ()
    framework: str = TORCH
    cells: tuple[str, ...] = ()


OTHERS = 0o007
_hiding = 0
_umask = 0
_hiding_lock = threading.Lock()


def _hide(one_more: int) -> None:
    """Hide this process from student code while it has at least one preloaded parent.

    Other processes of its user cannot read its memory, and users outside its group cannot read any file that it makes.
    """
    global _hiding, _umask
    with _hiding_lock:
        if _hiding == 0:
            _umask = os.umask(OTHERS)
            os.umask(_umask | OTHERS)
        _hiding += one_more
        layers.linux.prctl(layers.linux.PR_SET_DUMPABLE, 0 if _hiding else 1)
        if _hiding == 0:
            os.umask(_umask)


class Sandbox:
    """The preloaded parent of all sessions, as a context manager. Several threads may open sessions of it.

    ``root`` is a folder for everything that a submission contains or writes. The parent removes it if the engine is
    killed. ``probes`` is all that the parent gets of an assignment.
    """

    def __init__(
        self,
        probes: Probes = Probes(),  # noqa: B008  (frozen)
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        unsafe: bool = False,
    ) -> None:
        self.probes = probes
        self.unsafe = unsafe
        self.limits = limits
        self._lock = threading.RLock()
        self._process: preload.Process | None = None
        self.worked = 0.0  # seconds of the processor that sessions have used for requests
        self._opened = 0
        self._closed = False

    def __enter__(self) -> Self:
        if sys.platform != "linux":
            raise SandboxError("the sandbox for student code needs Linux; grade in the documented container")
        if not self.unsafe and (door := layers.open_door()):
            raise SandboxError(OPEN_DOOR.format(door))
        _hide(+1)
        self.root = Path(tempfile.mkdtemp(prefix="autograder-"))
        self.root.chmod(0o711)  # a fresh user must be able to enter its own folder, but must not list the others
        try:
            # A copy, since the memory that student code inherits should not contain the bundle's path.
            if self.probes.code and self.probes.modules:
                shutil.copytree(self.probes.code, self.root / "code")
            (self.root / "cells.json").write_text(json.dumps(self.probes.cells))
            self._start()
            self._try_the_canary()
        except BaseException:
            self._stop()
            remove_tree(self.root)
            _hide(-1)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._stop()
        remove_tree(self.root)
        _hide(-1)

    @property
    def pid(self) -> int:
        """The process id of the preloaded parent."""
        return self._process.pid

    def session(self, files: Path | None = None, without: Collection[str] = ()) -> Session:
        """A new worker whose work folder holds a copy of ``files`` (a folder of regular files).

        ``without`` names layers to switch off; the tests use it to check each layer.
        """
        try:
            return self._open(files, without)
        except ParentLost:
            return self._open(files, without)

    def _open(self, files: Path | None, without: Collection[str]) -> Session:
        with self._lock:
            if self._closed:
                raise SandboxError("grading was stopped")
            if self._process.poll() is not None:
                self._stop()
                self._start()
            self._opened += 1
            scratch = self.root / f"session-{self._opened}"
        scratch.mkdir()
        ours, theirs = socket.socketpair()
        request = {"op": "fork", "scratch": str(scratch), "without": sorted(without)}
        try:
            reply = self._ask({**request, "files": str(files.resolve()) if files else None}, theirs.fileno())
        except BaseException:
            ours.close()
            remove_tree(scratch)
            raise
        finally:
            theirs.close()
        session = Session(self, ours, reply["pid"], reply["uid"], scratch)
        session.wait_until_ready()
        return session

    def kill(self, pid: int, grace: float) -> SessionLost:
        """End a worker and its descendants. Returns how the worker ended, if it ended by itself within ``grace``."""
        reply = self._ask({"op": "kill", "pid": pid, "grace": grace})
        if not reply["dead"]:
            raise NotStopped("could not stop the submission's processes; it was not graded")
        excess = reply["excess"]
        return SessionLost(excess, EXCESSES[excess]) if excess else _explain(reply["status"])

    def _try_the_canary(self) -> None:
        """Raise SandboxError unless an honest function gives its known answer in a session of this sandbox."""
        x, beside = canary.inputs(), self.root / "canary"
        canary.hand_in(beside)
        try:
            with self.session(beside) as session:
                session.run_cell(1, canary.CELLS[self.probes.framework], self.limits.start_seconds)
                found = session.call(canary.PROBE, {"x": x}, self.limits.start_seconds)["gradient"]
        except (SandboxError, StudentError, SessionLost) as error:
            raise SandboxError(CANARY_DIED.format(error)) from error
        if not np.array_equal(as_numpy(found), canary.answer(x)):
            raise SandboxError(CANARY_DIED.format("its answer is not the one computed here"))
        shutil.rmtree(beside)

    def _start(self) -> None:
        self._process, self._control = preload.start(self.probes.framework)
        self._control.settimeout(self.limits.preload_seconds)
        try:
            self._control.send(self._settings())
            reply = self._receive()
        except (OSError, EOFError) as error:
            self._stop()
            raise SandboxError("the sandbox's parent process did not start: it ended without a message") from error
        if "error" in reply:
            self._stop()
            raise SandboxError(f"the sandbox's parent process did not start: {reply['error']}")
        self._control.settimeout(self.limits.start_seconds)

    def _stop(self) -> None:
        if self._process is None:
            return
        self._control.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _settings(self) -> bytes:
        limits = self.limits
        settings = {
            "code": str(self.root / "code"),
            "framework": self.probes.framework,
            "probes": [canary.__name__, *self.probes.modules],
            "root": str(self.root),
            "threads": limits.threads,
            "confinement": {name: getattr(limits, name) for name in CONFINEMENT},
        }
        return json.dumps(settings).encode()

    def _ask(self, request: dict, descriptor: int | None = None) -> dict:
        descriptors = [] if descriptor is None else [descriptor]
        with self._lock:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
                reply = self._receive()
            except (OSError, EOFError) as error:
                # Killed or stopped, by the machine or by student code that runs as the same user because layers are missing.
                self._process.kill()
                self._process.wait()
                raise ParentLost("crash", "the sandbox's parent process was lost") from error
        if "error" in reply:
            raise SandboxError(f"a session could not be started: {reply['error']}")
        return reply

    def _receive(self) -> dict:
        data = self._control.recv(MAX_DATAGRAM)
        if not data:
            raise EOFError("the control connection ended")
        return json.loads(data)


class Session:
    """One worker. After SessionLost it is closed and answers no more requests."""

    def __init__(self, sandbox: Sandbox, link: socket.socket, pid: int, uid: int | None, scratch: Path) -> None:
        self.sandbox = sandbox
        self.limits = sandbox.limits
        self.pid = pid
        self.uid = uid
        self.scratch = scratch
        self.layers: tuple[str, ...] = ()
        self._link = link
        self._lost: SessionLost | None = None
        self._closed = False
        self._processor = ProcessorTime()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def lost(self) -> bool:
        """Whether this session can answer no more."""
        return self._lost is not None

    def wait_until_ready(self) -> None:
        """Read the worker's first frame, which it sends before any student code runs: its active layers."""
        seconds = self.limits.patience * self.limits.start_seconds
        hello, _ = self._frame(0, time.monotonic() + seconds, f"the sandbox did not start within {seconds:g} seconds")
        if not hello["ready"]:
            self.close()
            raise SandboxError(f"a sandbox layer could not be applied: {hello['error']}")
        self.layers = tuple(hello["layers"])
        if self.limits.patience > 1:
            self._processor = ProcessorTime(self.pid)

    def run_cell(
        self,
        index: int,
        source: str,
        seconds: float,
        definitions_only: bool = False,
        only: Collection[int] | None = None,
    ) -> None:
        """Execute the (already transformed) source of a notebook cell, or of it the statements whose places are ``only``.

        Raises StudentError or SessionLost.
        """
        request = {"op": "cell", "index": index, "source": source, "definitions_only": definitions_only}
        # A tensor, since a cell may have more statements than a header may have values.
        places = {} if only is None else {"only": np.array(sorted(only), np.int64)}
        self._request(request, places, seconds, 0)

    def call(
        self,
        probe: str,
        inputs: Mapping[str, object],
        seconds: float | None = None,
        stand_ins: Mapping[str, str] | None = None,
    ) -> dict[str, Array]:
        """The result of a probe, ``module.name``: plain tensors, built here. Raises StudentError or SessionLost.

        ``stand_ins``: graded names -> addresses of the functions that replace the student's meanwhile.
        """
        found, error = self.call_some(probe, [inputs], seconds, stand_ins)
        if error is not None:
            raise error
        return found[0]

    def call_some(
        self,
        probe: str,
        cases: Sequence[Mapping[str, object]],
        seconds: float | None = None,
        stand_ins: Mapping[str, str] | None = None,
    ) -> tuple[list[dict[str, Array]], StudentError | None]:
        """The results of a probe for the first of some cases, and the error with which the next one ended, None if there is
        none. Those that are left have to be asked for again.

        Each case may take ``seconds``. Raises SessionLost.
        """
        tensors = {
            f"{k}/{name}": value for k, case in enumerate(cases) for name, value in case.items() if is_array(value)
        }
        scalars = [{name: value for name, value in case.items() if not is_array(value)} for case in cases]
        request = {"op": "call", "probe": probe, "cases": scalars, "stand_ins": dict(stand_ins or {})}
        seconds = seconds or self.limits.test_seconds
        most = self.limits.answer_mb * MB
        reply, answer, limit = self._reply(request, tensors, seconds, most)
        done, error = reply.get("done"), reply.get("error")
        if type(done) is not int or not (error is None) <= done <= len(cases):
            self._lose("protocol", "it sent an invalid answer")
        found = {str(place): {} for place in range(done)}
        for name, array in answer.items():
            place, _, name = name.partition("/")
            if place not in found:
                self._lose("protocol", "it sent an invalid answer")
            found[place][name] = array
        failed = None if error is None else self._student_error(error, limit)
        return list(map(self._native, found.values())), failed

    def check(self, source: str, case: str, seconds: float) -> None:
        """Run the function ``case`` of a public test file, given as text. Raises StudentError or SessionLost."""
        self._request({"op": "check", "source": source, "case": case}, {}, seconds, 0)

    def load_checkpoint(self, path: str, seconds: float | None = None) -> dict[str, Array]:
        """The tensors of a checkpoint file in the work folder. Raises StudentError or SessionLost."""
        request = {"op": "checkpoint", "path": path}
        seconds = seconds or self.limits.test_seconds
        return self._native(self._request(request, {}, seconds, self.limits.frame_mb * MB))

    def read_notebook(self, path: str, graded: Collection[str], seconds: float, keep: bool = False) -> Notebook:
        """The code of a notebook in the work folder, which is removed there unless it is to ``keep``.

        ``graded`` are the names that tests ask for.

        Raises StudentError or SessionLost.
        """
        request = {"op": "notebook", "path": path, "graded": sorted(graded), "keep": keep}
        # A character of code has at most six bytes in JSON; notes and names make up the rest.
        answer = self._request(request, {}, seconds, 6 * MAX_CODE + 8 * MB)
        try:
            content = json.loads(answer["notebook"].tobytes())
            cells = tuple(
                Cell(**{**cell, "notes": tuple(cell["notes"]), "only": cell["only"] and tuple(cell["only"])})
                for cell in content["cells"]
            )
            rebound = {n: {int(k): v for k, v in found.items()} for n, found in content["rebound"].items()}
            seen = {name: [Sighting(**place) for place in places] for name, places in content["sightings"].items()}
            answers = {str(k): clean(v, MAX_ANSWER + 100) for k, v in content["answers"].items()}
            return Notebook(cells, rebound, seen, _names(content["stubs"]), tuple(content["notes"]), answers)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            self._lose("protocol", "it sent an invalid answer")

    def close(self) -> None:
        """End every process of the session and remove its files."""
        self._end(grace=0)

    def _native(self, arrays: Mapping[str, np.ndarray]) -> dict[str, Array]:
        """What was received, as the framework has it."""
        framework = self.sandbox.probes.framework
        if framework == NUMPY and any(array.dtype == BFLOAT16 for array in arrays.values()):
            self._lose("protocol", "it sent numbers that NumPy does not have")
        return {name: native(array, framework) for name, array in arrays.items()}

    def _request(
        self, request: dict, tensors: Mapping[str, Array], seconds: float, answer_bytes: int
    ) -> dict[str, np.ndarray]:
        reply, answer, limit = self._reply(request, tensors, seconds, answer_bytes)
        if reply.get("ok") is True:
            return answer
        raise self._student_error(reply.get("error"), limit)

    def _reply(
        self, request: dict, tensors: Mapping[str, Array], seconds: float, answer_bytes: int
    ) -> tuple[dict, dict[str, np.ndarray], float | None]:
        """Header and tensors of the reply to a request, and ``seconds`` if the reply took all of them, else None."""
        if self._lost is not None:
            raise self._lost
        identity, started = secrets.token_hex(16), time.monotonic()  # so that no answer can be sent in advance
        patience, before = self.limits.patience, self._processor.seconds()
        allowed = {"seconds": seconds, "patience": patience, "answer_bytes": answer_bytes + MAX_HEADER}
        header = {"id": identity, **allowed, **request}
        deadline = started + patience * seconds + self.limits.grace_seconds
        try:
            reply, answer = self._exchange(header, tensors, deadline, seconds)
        finally:
            passed = time.monotonic() - started
            worked = min(passed, self._processor.seconds() - before) if self._processor.known else passed
            self.sandbox.worked += worked
        counted, all_of_it = max(worked, passed / patience), ALL_OF_IT if patience > 1 else 0.99
        return reply, answer, seconds if counted >= all_of_it * seconds else None

    def _exchange(
        self, header: dict, tensors: Mapping[str, Array], deadline: float, seconds: float
    ) -> tuple[dict, dict[str, np.ndarray]]:
        """Send a request and receive its reply. Raises SessionLost."""
        late = f"it took longer than {seconds:g} seconds and ignored the time limit"
        frame = protocol.encode(header, {name: as_numpy(tensor) for name, tensor in tensors.items()})
        if protocol.pending(self._link):
            self._refuse_unasked(deadline)
        try:
            protocol.send(self._link, frame, deadline)
        except protocol.DeadlinePassed:
            self._lose("timeout", late)
        except protocol.ConnectionEnded:
            self._lose_ended()
        reply, answer = self._frame(header["answer_bytes"], deadline, late)
        if reply.get("id") != header["id"]:
            self._lose("protocol", "it sent an answer that belongs to no request")
        return reply, answer

    def _frame(self, payload: int, deadline: float, late: str) -> tuple[dict, dict[str, np.ndarray]]:
        try:
            return protocol.receive(self._link, protocol.Caps(MAX_HEADER, payload), deadline)
        except protocol.DeadlinePassed:
            self._lose("timeout", late)
        except protocol.ConnectionEnded:
            self._lose_ended()
        except protocol.ProtocolError as error:
            self._lose("protocol", f"it sent an invalid answer: {quoted(without_numbers(str(error)))}")

    def _refuse_unasked(self, deadline: float) -> None:
        """Data arrived before the request was sent: the end of the connection, or an answer in advance."""
        self._frame(self.limits.answer_mb * MB, deadline, "it sent part of an answer before the request")
        self._lose("protocol", "it sent an answer before the request")

    def _student_error(self, error: object, limit: float | None) -> StudentError:
        if not isinstance(error, dict) or not all(isinstance(error.get(key), str) for key in ("type", "message")):
            self._lose("protocol", "it sent an invalid error")
        kind = one_line(error["type"], 100) or "Exception"
        cell, line = (_position(error.get(key)) for key in ("cell", "line"))
        missing, undefined = (
            error.get(key) if isinstance(error.get(key), str) else None for key in ("missing", "undefined")
        )
        complains = error.get("complains") is True
        libraries = preload.LIBRARIES[self.sandbox.probes.framework]
        return StudentError(kind, clean(error["message"]), cell, line, complains, missing, limit, undefined, libraries)

    def _lose(self, kind: str, reason: str) -> None:
        self._lost = SessionLost(kind, reason)
        self._end(grace=0)
        raise self._lost

    def _lose_ended(self) -> None:
        """The worker has closed the connection: raise SessionLost with the way its process ended, if it did."""
        self._lost = SessionLost("crash", "its process was lost")
        self._lost = self._end(grace=EXIT_GRACE_SECONDS) or self._lost
        raise self._lost

    def _end(self, grace: float) -> SessionLost | None:
        if self._closed:
            return None
        self._closed = True
        self._processor.seconds()  # what is known of it until it ends
        self._lost = self._lost or SessionLost("closed", "the session is closed")
        self._link.close()
        try:
            return self.sandbox.kill(self.pid, grace)
        except ParentLost:
            return None
        finally:
            remove_tree(self.scratch)


class ProcessorTime:
    """The processor time of a worker, and of its processes that have ended, as the kernel counts it. ``known``: whether
    the kernel tells; without a process it does not."""

    def __init__(self, *pids: int) -> None:
        # The worker is the process that was forked, or its only child (``namespaces.fork``).
        self._pids = [*pids, *(child.pid for pid in pids for child in processes.descendants(pid))]
        self._last = -1.0
        self.known = self.seconds() >= 0 and bool(pids)

    def seconds(self) -> float:
        """Seconds so far; of a worker that has ended, those that were read last."""
        with suppress(OSError, ValueError, IndexError):
            self._last = sum(map(_processor_time, self._pids))
        return self._last


def _processor_time(pid: int) -> float:
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (
        sum(map(int, fields[11:15])) / TICKS
    )  # its own, and that of children it has waited for, in and out of the kernel


def _names(values: object) -> tuple[str, ...]:
    return tuple(clean(str(value), 200) for value in values)


def _position(number: object) -> int | None:
    return number if type(number) is int and 0 <= number < 100_000 else None


def _explain(status: int | None) -> SessionLost:
    """What a wait status means, as a sentence about the student's code."""
    if status is None:
        return SessionLost("protocol", "it closed its connection to the grader")
    if not os.WIFSIGNALED(status):
        return SessionLost("exit", f"it ended the Python process (exit status {os.WEXITSTATUS(status)})")
    number = os.WTERMSIG(status)
    name = signal.Signals(number).name if number in iter(signal.Signals) else f"signal {number}"
    if number == signal.SIGKILL:
        return SessionLost("memory", f"its process was killed ({name}), most likely because it ran out of memory")
    if number == signal.SIGXCPU:
        return SessionLost("timeout", f"its process used up its CPU time ({name})")
    return SessionLost("crash", f"its process crashed ({name})")
