"""Runs the tests of one question on the names of a notebook, in the notebook's own process, and judges them.

Whoever asks for the check owns the process, so nothing is protected here; the session is only left as it was.
"""

from __future__ import annotations

import io
import linecache
import random
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autograder.arrays import copied, described, is_tensor
from autograder.desk.limit import OutOfTime, at_most
from autograder.engine.counting import counted
from autograder.engine.judge import Failure, KeyCase, KeyTest, Result
from autograder.engine.outcomes import Answers, Outcome, outcomes_of
from autograder.frameworks import NUMPY
from autograder.stand_ins import globals_of, standing_in

if TYPE_CHECKING:
    from autograder.arrays import Array

Find = Callable[[str], Callable]  # a probe, a count or a stand-in by its address
OURS = __name__.partition(".")[0]
_BYTES = re.compile(r"DefaultCPUAllocator: .*you tried to allocate (\d+) bytes")


class NameMissing(KeyError):
    """The notebook does not define a graded name, the only argument."""


@dataclass(frozen=True)
class Raised:
    """An exception: its type, its text, and the last line of the notebook that it went through ('': none).

    ``missing`` is a name that is not defined, ``stub`` the function that is not implemented. ``complains``: a probe raised
    it, and its text is a sentence for the student. ``late``: the code was stopped, since it did not end.
    """

    type: str
    text: str
    line: str = ""
    number: int = 0
    missing: str = ""
    stub: str = ""
    complains: bool = False
    late: bool = False


class Names(Mapping[str, object]):
    """The names of a notebook, as a probe sees them."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self._names = names

    def __getitem__(self, name: str) -> object:
        if name not in self._names:
            raise NameMissing(name)
        return self._names[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def outcomes(
    tests: Sequence[KeyTest], find: Find, names: dict[str, object], wrong: Collection[str] = ()
) -> list[Outcome]:
    """How the functions of a notebook do in the tests of a question; a test in which the time runs out is the last one.

    Args:
        tests: with their references; the variants too.
        names: the notebook's own namespace, in which stand-ins are put while a variant runs.
        wrong: other questions that are known to be wrong; variants after them are tried.
    """
    with session_kept(names):
        return outcomes_of(tests, lambda test: _asked(test, find, names), wrong)


def _asked(test: KeyTest, find: Find, names: dict[str, object]) -> Answers:
    """The answers in all cases of a test. What is missing is missing in every case, and after the end of its time a test is
    not tried again."""
    results: dict[str, Result] = {}
    first = None
    for case in test.cases:
        results[case.name], raised = _result(test, case, find, names)
        first = first or raised
        if raised is not None and (raised.missing or raised.stub or raised.late):
            same = dict.fromkeys((one.name for one in test.cases), results[case.name])
            return Answers(same | results, raised, ended=raised.late)
    return Answers(results, first)


def _result(test: KeyTest, case: KeyCase, find: Find, names: dict[str, object]) -> tuple[Result, Raised | None]:
    sent = {name: value for name, value in _copies(case.inputs).items() if name not in test.kept}
    stand_ins = {name: find(address) for name, address in test.stand_ins.items()}
    places = [names, *globals_of(names[name] for name in test.names if name in names)] if stand_ins else []
    fresh_state()
    try:
        with standing_in(stand_ins, list({id(place): place for place in places}.values())), at_most(test.seconds):
            answer = find(test.probe)(Names(names), **sent)
            produced = {name: plain(value, name, test.framework) for name, value in answer.items()}
    except (Exception, SystemExit) as error:
        raised = what_raised(error, names)
        return Failure(raised.type, sentence(raised)), raised
    fresh_state()
    return counted(find(test.count) if test.count else None, produced, _copies(case.inputs), case.sizes or None), None


def _copies(inputs: Mapping[str, object]) -> dict[str, object]:
    return {name: copied(value) for name, value in inputs.items()}


def plain(value: object, name: str, framework: str) -> Array:
    """A copy of an array of the framework; a tensor's is dense and on the CPU. Raises TypeError for what is none."""
    if framework == NUMPY:
        if not isinstance(value, np.ndarray | np.generic):
            raise TypeError(f"{name} is {described(value)}, not a NumPy array")
        if value.dtype.kind not in "fiubc":
            raise TypeError(f"{name} has the dtype {value.dtype}, which is not supported")
        return np.array(value)
    if not is_tensor(value) or str(value.layout) != "torch.strided":
        raise TypeError(f"{name} is {described(value)}, not a dense torch.Tensor")
    return value.detach().cpu().resolve_conj().resolve_neg().clone().as_subclass(sys.modules["torch"].Tensor)


def sentence(raised: Raised) -> str:
    """What a student reads about an exception of their code."""
    if raised.missing:
        return f"{raised.missing} is not defined"
    if raised.stub:
        return f"{raised.stub} is not implemented yet"
    if raised.late:
        return f"your code was stopped after {raised.text} seconds: it is too slow or never ends"
    if raised.type == "MemoryError":
        return "your code asks for more memory than there is" + (f": {raised.text}" if raised.text else "")
    if raised.complains:
        return raised.text
    return f"your code raised {raised.type}" + (f": {raised.text}" if raised.text else "")


def what_raised(error: BaseException, names: Mapping[str, object]) -> Raised:
    """An exception as the student needs it; their own lines are those whose global names are the notebook's."""
    code, number = None, 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals is names:
            code, number = trace.tb_frame.f_code, trace.tb_lineno
        trace = trace.tb_next
    line = linecache.getline(code.co_filename, number).strip() if code else ""
    function = getattr(code, "co_qualname", code.co_name).partition(".")[0] if code else ""
    missing = error.args[0] if type(error) is NameMissing else getattr(error, "name", None) or ""
    # Without torch's own frames in C++, which may follow.
    text = " ".join(str(error).partition("Exception raised from")[0].split())
    asked = _BYTES.search(text)
    late = type(error) is OutOfTime
    return Raised(
        "MemoryError" if asked or isinstance(error, MemoryError) else type(error).__name__,
        f"{error.args[0]:g}" if late else f"{int(asked[1]) / 1e9:,.0f} GB" if asked else text,
        line,
        number if code else 0,
        missing=missing
        if isinstance(error, NameMissing | NameError) and not isinstance(error, UnboundLocalError)
        else "",
        stub=function if type(error) is NotImplementedError and function != "<module>" else "",
        complains=type(error).__module__.partition(".")[0] == OURS or type(error).__module__.startswith("kit_course"),
        late=late,
    )


def fresh_state() -> None:
    """The state in which every call of a test begins, so that a check gives the same answer each time."""
    if torch := sys.modules.get("torch"):
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.default_generator.manual_seed(0)
    random.seed(0)
    np.random.seed(0)


@contextmanager
def session_kept(names: dict[str, object]) -> Iterator[None]:
    """Put back what a check, or the code that it calls, changes in the session, and keep its prints away.

    While it runs, names of the notebook that hold another device hold the CPU.
    """
    states = random.getstate(), np.random.get_state()
    try:
        with (
            torch_kept(names) if "torch" in sys.modules else nullcontext(),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def torch_kept(names: dict[str, object]) -> Iterator[None]:
    """The same for torch, in a session that has imported it."""
    torch = sys.modules["torch"]
    state = torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    dtype, gradients, precision = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_float32_matmul_precision(),
    )
    default = torch.get_default_device()
    strict, anomaly = torch.are_deterministic_algorithms_enabled(), torch.is_anomaly_enabled()
    elsewhere = {n: v for n, v in names.items() if isinstance(v, torch.device) and v.type != "cpu"}
    names.update(dict.fromkeys(elsewhere, torch.device("cpu")))
    if default.type != "cpu":
        torch.set_default_device(None)
    if strict:  # to ask costs nothing, to set imports half of torch
        torch.use_deterministic_algorithms(False)
    torch.autograd.set_detect_anomaly(False)
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        names.update(elsewhere)
        if default.type != "cpu":
            torch.set_default_device(default)
        if strict != torch.are_deterministic_algorithms_enabled():
            torch.use_deterministic_algorithms(strict)
        torch.autograd.set_detect_anomaly(anomaly)
        torch.set_float32_matmul_precision(precision)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        torch.set_rng_state(state)
        if devices:
            torch.cuda.set_rng_state_all(devices)
