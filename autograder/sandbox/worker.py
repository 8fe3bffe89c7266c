"""A forked worker: confines itself, then runs notebook cells and probes on request, one at a time.

From the first cell on, everything in this process may be hostile. Nothing here protects a result; this code only keeps
honest notebooks running and gives their authors good messages.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import gc
import inspect
import json
import linecache
import multiprocessing
import os
import random
import re
import signal
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic  # as it is before student code runs
from types import ModuleType

import numpy as np

from autograder import protocol
from autograder.arrays import native
from autograder.course_code import PACKAGE as COURSE
from autograder.returned import called
from autograder.sandbox import jupyter, notebook, npz, released
from autograder.sandbox.bindings import only_defines
from autograder.sandbox.layers import LAYERS, PACKAGE, Confinement
from autograder.sandbox.linux import PR_SET_PDEATHSIG, prctl
from autograder.stand_ins import standing_in

CONNECTION = 3
MAX_MESSAGE = 2_000
MAX_TYPE = 100
REQUEST_CAPS = protocol.Caps(header=1 << 26, payload=1 << 30)
CELL_NAME = re.compile(r"<cell (\d{1,6})>")
SOON = 0.01  # the share of a case's time after which a reply waits for no other case
FUTURE_FLAGS = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


class NameMissing(KeyError):
    """The notebook does not define a graded name, the only argument."""


class TimeLimit(BaseException):
    """Raised in student code when its time is over. Not an Exception, so ``except Exception`` does not catch it."""


class Student(Mapping[str, object]):
    """The notebook's namespace, as a probe sees it."""

    def __init__(self, namespace: dict[str, object]) -> None:
        self._namespace = namespace

    def __getitem__(self, name: str) -> object:
        if name not in self._namespace:
            raise NameMissing(name)
        return self._namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._namespace)

    def __len__(self) -> int:
        return len(self._namespace)


@dataclass(frozen=True)
class Setting:
    """What a worker needs in addition to its confinement. ``hidden`` are packages that student code cannot import.

    ``side`` is ``torch_side`` or ``numpy_side``: what a worker needs of the assignment's framework.
    """

    side: ModuleType
    probes: Mapping[str, ModuleType]
    threads: int
    work: str
    environment: dict[str, str]
    hidden: frozenset[str] = frozenset()


def main(connection: int, confinement: Confinement, setting: Setting) -> None:
    """Turn a new fork into a worker and serve until the connection ends. Does not return."""
    try:
        link = _isolate(connection, confinement, setting)
        try:
            names = _confine(confinement, setting)
        except BaseException as error:
            protocol.send(link, protocol.encode({"ready": False, "error": describe(error)["message"]}))
            return
        protocol.send(link, protocol.encode({"ready": True, "layers": names}))
        Worker(link, setting).serve()
    finally:
        os._exit(0)


def _isolate(connection: int, confinement: Confinement, setting: Setting) -> socket.socket:
    """Close all descriptors except the connection and three of /dev/null, and set a clean environment."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(connection, CONNECTION)
    for standard in range(3):
        os.dup2(null, standard)
    os.closerange(CONNECTION + 1, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(setting.environment)
    os.umask(0o077)
    tempfile.tempdir = None
    sys.stdout.reconfigure(errors="replace")
    return socket.socket(fileno=CONNECTION)


def _confine(confinement: Confinement, setting: Setting) -> list[str]:
    """Apply every active layer, in order. Returns their names."""
    layers = [layer for layer in LAYERS if layer.name in confinement.active]
    for layer in layers:
        layer.apply(confinement)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The package stays loaded but cannot be imported again: student code must not import from the checkout.
    sys.path[:] = [entry for entry in sys.path if entry != str(PACKAGE.parent)]
    sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
    sys.meta_path.insert(0, jupyter.NotThere(setting.hidden))
    sys.argv = ["notebook"]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.set_start_method("fork", force=True)
    setting.side.prepare(setting.threads)
    return [layer.name for layer in layers]


class Worker:
    """Serves the requests ``cell``, ``call``, ``check``, ``checkpoint``, ``notebook``. A reply repeats its request's id."""

    def __init__(self, link: socket.socket, setting: Setting) -> None:
        self.link = link
        self.setting = setting
        self.pid = os.getpid()
        self.flags = 0
        self.main = ModuleType("__main__")
        self.operations = {
            "cell": self.run_cell,
            "call": self.call_probe,
            "check": self.run_check,
            "checkpoint": self.load_checkpoint,
            "notebook": self.read_notebook,
        }
        sys.modules["__main__"] = self.main
        sys.path.append(setting.work)  # last, so a torch.py next to the notebook shadows nothing
        jupyter.install(self.main.__dict__)
        setting.side.install()

    def serve(self) -> None:
        """Answer requests until the connection ends."""
        while True:
            try:
                request, arrays = protocol.receive(self.link, REQUEST_CAPS)
            except protocol.ConnectionEnded:
                return
            frame = self.answer(request, arrays)
            if os.getpid() != self.pid:  # student code forked, and its child returned here
                return
            protocol.send(self.link, frame)

    def answer(self, request: dict, arrays: dict[str, np.ndarray]) -> bytes:
        """The reply to one request: its result, or the exception that ended it."""
        if request["op"] == "call":
            return self.answer_cases(request, arrays)
        try:
            return protocol.encode({"id": request["id"], "ok": True}, self.result(request, arrays))
        except BaseException as error:
            return protocol.encode({"id": request["id"], "ok": False, "error": describe(error)})

    def answer_cases(self, request: dict, arrays: dict[str, np.ndarray]) -> bytes:
        """The reply to a call for some cases: the results of the first ones, and the exception that the next one ended with.

        The engine asks again for the cases that are left, which are fewer each time. A reply ends after a case that took long
        and before one whose result no longer fits. So each case has all of its time and room.
        """
        given: list[dict[str, np.ndarray]] = [{} for _ in request["cases"]]
        for name, array in arrays.items():
            place, _, name = name.partition("/")
            given[int(place)][name] = array
        found, done, error, started = {}, 0, None, monotonic()
        for scalars, inputs in zip(request["cases"], given):
            try:
                answer = self.result({**request, "scalars": scalars}, inputs, f"{done}/")
            except BaseException as failure:
                error = describe(failure)
                break
            if done and not protocol.fits(found | answer, request["answer_bytes"]):
                break
            found |= answer
            done += 1
            if monotonic() - started > SOON * request["seconds"]:
                break
        return protocol.encode({"id": request["id"], "ok": True, "done": done, "error": error}, found)

    def result(self, request: dict, arrays: dict[str, np.ndarray], prefix: str = "") -> dict[str, np.ndarray]:
        """What an operation returns within its time, in arrays that can be sent, under names with the prefix."""
        try:
            with soft_limit(request["seconds"], request["patience"]):
                answer = self.operations[request["op"]](request, arrays)
                return _sendable(answer, prefix, request["answer_bytes"])
        finally:
            gc.enable()

    def run_cell(self, request: dict, arrays: dict[str, np.ndarray]) -> dict:
        """Execute one cell in the notebook's namespace, statement by statement.

        The statements after one that raised are run too: a cell that needs a drive, a GPU or a keyboard in its first line
        may define correct functions in the others. Once the time is over, only definitions are run. The reply is the
        first exception, or the time limit if it was reached. ``only`` are the places of the statements to run (without it:
        all).
        """
        filename, failure = released.cell_name(request["index"]), None
        only = set(arrays["only"].tolist()) if "only" in arrays else None
        for place, statement in enumerate(self.statements(filename, request["source"])):
            if only is not None and place not in only:
                continue
            if (request["definitions_only"] or isinstance(failure, TimeLimit)) and not only_defines(statement):
                continue
            try:
                self.execute(filename, statement)
            except BaseException as error:
                failure = error if failure is None or isinstance(error, TimeLimit) else failure
                if _ends_cell(statement, error):
                    break
        if failure is not None:
            raise failure
        return {}

    def statements(self, filename: str, source: str) -> list[ast.stmt]:
        """The statements of a cell. Registers its lines for tracebacks."""
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        if not self.flags and (known := released.TREES.get(source) or notebook.syntax_tree(source)):
            return known.body
        return compile(source, filename, "exec", ast.PyCF_ONLY_AST | self.flags, dont_inherit=True).body

    def execute(self, filename: str, statement: ast.stmt) -> None:
        """Run a statement as Jupyter would: with ``await`` outside functions, and lasting ``from __future__`` imports."""
        code = None if self.flags else released.CODE.get((filename, statement))
        code = code or released.compiled(statement, filename, self.flags)
        self.flags |= code.co_flags & FUTURE_FLAGS
        answer = eval(code, self.main.__dict__)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(answer)

    def call_probe(self, request: dict, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run a probe on the notebook's namespace."""
        fresh_state(self.setting)
        names, side = self.main.__dict__, self.setting.side
        given = {name: native(array, side.FRAMEWORK) for name, array in arrays.items()}
        with standing_in({name: self.given(one) for name, one in request["stand_ins"].items()}, [names]):
            answer = self.given(request["probe"])(Student(names), **given, **request["scalars"])
        if not isinstance(answer, Mapping):
            raise TypeError(f"the test returned a {type(answer).__name__}, not named tensors")
        try:
            return {name: side.plain(name, value) for name, value in dict(answer).items()}
        except protocol.ProtocolError as error:
            raise TypeError(str(error)) from None

    def run_check(self, request: dict, _: dict) -> dict:
        """Run one case of a public test file on the notebook's namespace, as ``grader.check`` does for students."""
        fresh_state(self.setting)
        names: dict[str, object] = {"__name__": "public_tests"}
        exec(compile(request["source"], "<public tests>", "exec", dont_inherit=True), names)
        case, student = names[request["case"]], Student(self.main.__dict__)
        given = {name: student[name] for name in inspect.signature(case).parameters}
        called(case, given, lambda frame: CELL_NAME.fullmatch(frame.f_code.co_filename) is not None)
        return {}

    def given(self, address: str) -> Callable:
        """A probe or a stand-in by its address, ``module.name``."""
        module, _, name = address.rpartition(".")
        return getattr(self.setting.probes[module], name)

    def load_checkpoint(self, request: dict, _: dict) -> dict[str, np.ndarray]:
        """Read a checkpoint, or a file of NumPy's arrays, in the work folder."""
        read = npz.load if request["path"].lower().endswith(npz.ENDING) else self.setting.side.load
        return dict(read(request["path"]))

    def read_notebook(self, request: dict, _: dict) -> dict[str, np.ndarray]:
        """Read the code of a notebook in the work folder and remove the file, unless it is kept. Its code: JSON as bytes.

        No student code has run in this session yet.
        """
        path = Path(request["path"])
        found = notebook.read_notebook(path, request["graded"])
        if not request["keep"]:
            path.unlink()
        text = json.dumps(vars(found), ensure_ascii=False, default=vars)
        return {"notebook": np.frombuffer(text.encode(), np.uint8)}


def _sendable(answer: Mapping[str, object], prefix: str, most: int) -> dict[str, np.ndarray]:
    try:
        plain = protocol.plain_arrays(answer, prefix)
    except protocol.ProtocolError as error:
        raise TypeError(str(error)) from None
    size = protocol.size_of(plain)
    if size > most:
        raise ValueError(f"the result has {size:,} bytes; at most {most:,} are allowed")
    return plain


def _ends_cell(node: ast.stmt, error: BaseException) -> bool:
    """Whether the author stopped the cell here on purpose: with an unconditional ``raise`` or ``sys.exit()``."""
    return isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(error, SystemExit))


def fresh_state(setting: Setting) -> None:
    """Undo global changes by cells or earlier probes, so the same submission always gets the same verdict."""
    setting.side.fresh_state(setting.threads)
    np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    random.seed(0)
    np.random.seed(0)
    os.chdir(setting.work)
    warnings.simplefilter("ignore")


@contextmanager
def soft_limit(seconds: float, patience: float) -> Iterator[None]:
    """Raise TimeLimit in the main thread after ``seconds``, once (see ``Limits``). The engine enforces the hard limit."""
    timers, rung = {signal.ITIMER_REAL: (signal.SIGALRM, patience * seconds)}, False
    if patience > 1:
        timers[signal.ITIMER_PROF] = (signal.SIGPROF, seconds)

    def disarm() -> None:
        for timer in timers:
            signal.setitimer(timer, 0)

    def ring(number: int, frame: object) -> None:
        nonlocal rung
        disarm()
        if not rung:  # both timers can be over at once
            rung = True
            raise TimeLimit(f"stopped after {seconds:g} seconds")

    for timer, (number, after) in timers.items():
        signal.signal(number, ring)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
        signal.setitimer(timer, after)
    try:
        yield
    finally:
        disarm()


def describe(error: BaseException) -> dict[str, object]:
    """Type, shortened message, and last cell and line of an exception, and whether a probe raised it as a complaint.

    ``missing`` is the graded name that is not defined; ``undefined`` another name that is not, or the function that is only a
    stub. Student code can invent all of it, so the engine quotes what it shows.
    """
    cell = line = raised_in = None
    if isinstance(error, SyntaxError) and (match := CELL_NAME.fullmatch(str(error.filename))):
        cell, line = int(match[1]), error.lineno
    trace = error.__traceback__
    while trace is not None:
        if match := CELL_NAME.fullmatch(trace.tb_frame.f_code.co_filename):
            cell, line = int(match[1]), trace.tb_lineno
            raised_in = trace.tb_frame.f_code.co_qualname.partition(".")[0]
        trace = trace.tb_next
    complains = str(type(error).__module__).partition(".")[0] in ("autograder", COURSE)
    return {
        "type": type(error).__name__[:MAX_TYPE],
        "message": _message(error),
        "cell": cell,
        "line": line,
        "complains": complains,
        "missing": error.args[0] if type(error) is NameMissing else None,
        "undefined": error.name
        if type(error) is NameError
        else raised_in
        if type(error) is NotImplementedError
        else None,
    }


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return str(error.msg)[:MAX_MESSAGE]
    try:
        return str(error)[:MAX_MESSAGE]
    except BaseException as second:
        return f"its message cannot be read: {type(second).__name__}"[:MAX_MESSAGE]
