"""Runs the cells of a notebook once, then answers probe calls. Restarts the session after a probe or cell ended it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from autograder.arrays import is_array
from autograder.engine.clock import Clock
from autograder.engine.session import STUB, Sandbox, Session, SessionLost, StudentError

if TYPE_CHECKING:
    from autograder.arrays import Array

CHECK_SECONDS = 5.0  # of one public test case
TOGETHER = 1 << 20  # bytes of inputs in one request


class RunnableCell(Protocol):
    """What a runner needs of a notebook cell. ``skip`` says why it is not run (None: it is run), ``only`` which of its
    statements are run (None: all)."""

    index: int
    source: str
    skip: str | None
    only: tuple[int, ...] | None


@dataclass(frozen=True)
class CellOutcome:
    """The outcome of one cell: ``status`` is ok, error, timeout, lost, skipped or definitions.

    ``message`` is a sentence for the student ('' if there was no problem). ``definitions`` means that only the imports,
    functions, classes and constants of the cell were run, because the cell itself or the cells before it used up the time.
    """

    index: int
    status: str
    message: str = ""
    error: StudentError | None = None
    seconds: float = 0.0

    @property
    def told(self) -> str:
        """The message with the line that raised."""
        if self.error is None or self.error.limit is not None or not self.error.where:
            return self.message
        where = f"line {self.error.line}" if self.error.cell == self.index else self.error.where
        return f"{self.message} ({where})"


class Runner:
    """Keeps the namespace of one submission alive. A context manager; on exit all processes of the submission end.

    A cell that hangs or ends the process is run once. After a restart only its definitions are run, so a correct function
    in the same cell as an endless loop still counts. ``deadline`` is the time of ``clock`` at which grading ends.
    ``session`` is one in which no cell has run, for the first run; without it a new one is opened. ``explain(outcomes,
    name, cell, stub)`` says where a name that is not defined may be (``whereabouts``). Of the cells in ``reduced`` only the
    definitions are run.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cells: Sequence[RunnableCell],
        files: Path | None = None,
        deadline: float = float("inf"),
        session: Session | None = None,
        explain: Callable[[Sequence[CellOutcome], str, int | None, bool], str] = lambda *what: "",
        clock: Clock = time.monotonic,
        reduced: Collection[int] = (),
    ) -> None:
        self.sandbox = sandbox
        self.limits = sandbox.limits
        self.cells = cells
        self.files = files
        self.deadline = deadline
        self.explain = explain
        self.clock = clock
        self.restarts = 0
        self._session = session
        self._started = False
        self._outcomes: dict[int, CellOutcome] = {}
        self._reduced = set(reduced)  # cells of which only the definitions are run
        self._dropped: set[int] = set()  # cells whose definitions alone hang or end the process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def outcomes(self) -> tuple[CellOutcome, ...]:
        """The outcome of each cell in its first run, in order. Runs the cells if they have not run yet."""
        if not self._started:
            with suppress(SessionLost):  # the cells that were reached have outcomes
                self._ready()
        return tuple(self._outcomes.get(cell.index, _not_reached(cell)) for cell in self.cells)

    def call(
        self,
        probe: str,
        inputs: Mapping[str, object],
        seconds: float | None = None,
        stand_ins: Mapping[str, str] | None = None,
    ) -> dict[str, Array]:
        """The result of a probe for one case, see ``calls``."""
        (found,) = self.calls(probe, [inputs], seconds, stand_ins)
        return found

    def calls(
        self,
        probe: str,
        cases: Sequence[Mapping[str, object]],
        seconds: float | None = None,
        stand_ins: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, Array]]:
        """The results of a probe for some cases, in order, see ``Session.call_some``.

        Raises StudentError for the case after those that came, or SessionLost; the next call then starts a new session.
        """
        done = 0
        while done < len(cases):
            session = self._ready()
            left = self._within_deadline(seconds or self.limits.test_seconds)
            found, error = session.call_some(probe, _together(cases[done:]), left, stand_ins)
            yield from found
            done += len(found)
            with self._explained():
                if error is not None:
                    raise error

    def check(self, source: str, case: str) -> None:
        """Run one case of a public test file, see ``Session.check``. Raises StudentError, or SessionLost."""
        session = self._ready()
        seconds = self._within_deadline(CHECK_SECONDS)
        with self._explained():
            session.check(source, case, seconds)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Add to an error about a name that is not there where its definition may be."""
        try:
            yield
        except StudentError as error:
            if name := error.missing or error.undefined:
                error.whereabouts = self.explain(self.outcomes, name, None, error.type == STUB)
            raise

    def close(self) -> None:
        """End every process of the submission."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _within_deadline(self, seconds: float) -> float:
        left = self.deadline - self.clock()
        if left <= 0:
            self.close()
            raise SessionLost("deadline", "the time for grading this submission ran out")
        return min(seconds, left)

    def _ready(self) -> Session:
        """A live session in which the cells have been run, restarted if necessary and allowed."""
        self._within_deadline(0)
        while not self._started or self._session is None or self._session.lost:
            if self._started:
                if self.restarts >= self.limits.restarts:
                    reason = f"the notebook was restarted {self.restarts} times, which is the limit"
                    raise SessionLost("restarts", reason)
                self.restarts += 1
            if self._session is None or self._session.lost:
                self._session = self.sandbox.session(self.files)
            self._started = True
            self._run_cells(self._session)
        return self._session

    def _run_cells(self, session: Session) -> None:
        """Run every cell, or stop at a cell that ends the session."""
        # The first run gets the whole time. A later run only restores the definitions and needs no training.
        limits = self.limits
        budget = self.clock() + (limits.rerun_seconds if self.restarts else limits.notebook_seconds)
        for cell in self.cells:
            if cell.skip is not None:
                self._record(CellOutcome(cell.index, "skipped", cell.skip))
            elif cell.index not in self._dropped:
                self._run_cell(session, cell, budget)
                if session.lost:
                    return

    def _run_cell(self, session: Session, cell: RunnableCell, budget: float) -> None:
        left = budget - self.clock()
        reduced = cell.index in self._reduced or left <= 0
        wanted = self.limits.definitions_seconds if reduced else min(self.limits.cell_seconds, left)
        seconds = self._within_deadline(wanted)
        started = time.monotonic()
        try:
            session.run_cell(cell.index, cell.source, seconds, definitions_only=reduced, only=cell.only)
            outcome = CellOutcome(cell.index, "ok")
            if reduced:
                message = "the notebook's time ran out before this cell; only its imports and definitions were run"
                outcome = CellOutcome(cell.index, "definitions", message)
        except StudentError as error:
            outcome = CellOutcome(cell.index, "error", f"it {error.quoted}", error)
            if error.limit is not None:
                outcome = CellOutcome(cell.index, "timeout", f"it was stopped after {seconds:g} seconds", error)
                (self._dropped if reduced else self._reduced).add(cell.index)
        except SessionLost as lost:
            outcome = CellOutcome(cell.index, "timeout" if lost.kind == "timeout" else "lost", lost.reason)
            (self._dropped if reduced else self._reduced).add(cell.index)
        self._record(outcome, time.monotonic() - started)

    def _record(self, outcome: CellOutcome, seconds: float = 0.0) -> None:
        """Keep a cell's first outcome, because later runs only restore the namespace."""
        fields = {**outcome.__dict__, "seconds": seconds}
        self._outcomes.setdefault(outcome.index, CellOutcome(**fields))


def _together(cases: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
    """The first of some cases, as many as are asked for in one request: more than one only if they are small."""
    sizes = accumulate(sum(value.nbytes for value in case.values() if is_array(value)) for case in cases)
    return cases[: max(1, sum(size <= TOGETHER for size in sizes))]


def _not_reached(cell: RunnableCell) -> CellOutcome:
    return CellOutcome(cell.index, "skipped", cell.skip or "grading ended before this cell")
