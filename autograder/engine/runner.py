"""Runs a notebook's cells once, then answers probes, restarting the session that a probe or a cell destroyed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import torch

from autograder.engine.session import Sandbox, Session, SessionLost, StudentError

TIME_LIMIT = "TimeLimit"


class RunnableCell(Protocol):
    """What a runner asks of a notebook cell; ``skip`` says why it is not run (None: it is)."""

    index: int
    source: str
    skip: str | None


@dataclass(frozen=True)
class CellOutcome:
    """How one cell went: ``status`` is ok, error, timeout, lost, skipped or definitions.

    ``message`` is a sentence for the student ('' where all went well). ``definitions`` means that only the imports,
    functions, classes and constants of the cell were run, since it, or all cells before it, had used up its time.
    """

    index: int
    status: str
    message: str = ""
    error: StudentError | None = None
    seconds: float = 0.0


class Runner:
    """One submission's namespace, kept alive. A context manager; nothing of the submission is left behind it.

    A cell that hangs or ends the process is run once; after that only its definitions are, so that a right function
    beside an endless loop still counts. ``deadline`` is the ``time.monotonic()`` at which all ends.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cells: Sequence[RunnableCell],
        files: Path | None = None,
        deadline: float = float("inf"),
    ) -> None:
        self.sandbox = sandbox
        self.limits = sandbox.limits
        self.cells = cells
        self.files = files
        self.deadline = deadline
        self.restarts = 0
        self._session: Session | None = None
        self._started = False
        self._outcomes: dict[int, CellOutcome] = {}
        self._reduced: set[int] = set()  # cells of which only the definitions are run
        self._dropped: set[int] = set()  # cells whose very definitions hang or end the process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def outcomes(self) -> tuple[CellOutcome, ...]:
        """How each cell went in its first run, in order. Runs the cells if that has not been done."""
        if not self._started:
            with suppress(SessionLost):  # the cells that were reached have their outcomes
                self._ready()
        return tuple(self._outcomes.get(cell.index, _not_reached(cell)) for cell in self.cells)

    def call(self, probe: str, inputs: Mapping[str, object], seconds: float | None = None) -> dict[str, torch.Tensor]:
        """A probe's answer. Raises StudentError, or SessionLost, which the next call recovers from."""
        session = self._ready()
        seconds = self._within_deadline(seconds or self.limits.test_seconds)
        return session.call(probe, inputs, seconds)

    def close(self) -> None:
        """End every process of the submission."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _within_deadline(self, seconds: float) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            self.close()
            raise SessionLost("deadline", "the time for grading this submission was over before it")
        return min(seconds, left)

    def _ready(self) -> Session:
        """A live session in which the cells have been run; restarted as often as it may be."""
        self._within_deadline(0)
        while self._session is None or self._session.lost:
            if self._started:
                if self.restarts >= self.limits.restarts:
                    reason = f"the notebook has been restarted {self.restarts} times, which is all that it may"
                    raise SessionLost("restarts", reason)
                self.restarts += 1
            self._started = True
            self._session = self.sandbox.session(self.files)
            self._run_cells(self._session)
        return self._session

    def _run_cells(self, session: Session) -> None:
        """Run every cell; leaves a lost session behind where one of them ends it."""
        # The first run has all its time; a later one only brings names back, which takes no training.
        limits = self.limits
        budget = time.monotonic() + (limits.rerun_seconds if self.restarts else limits.notebook_seconds)
        for cell in self.cells:
            if cell.skip is not None:
                self._record(CellOutcome(cell.index, "skipped", cell.skip))
            elif cell.index not in self._dropped:
                self._run_cell(session, cell, budget)
                if session.lost:
                    return

    def _run_cell(self, session: Session, cell: RunnableCell, budget: float) -> None:
        left = budget - time.monotonic()
        reduced = cell.index in self._reduced or left <= 0
        wanted = self.limits.definitions_seconds if reduced else min(self.limits.cell_seconds, left)
        seconds = self._within_deadline(wanted)
        started = time.monotonic()
        try:
            session.run_cell(cell.index, cell.source, seconds, definitions_only=reduced)
            outcome = CellOutcome(cell.index, "ok")
            if reduced:
                message = "the notebook's time was over before it: only its imports and definitions were run"
                outcome = CellOutcome(cell.index, "definitions", message)
        except StudentError as error:
            outcome = CellOutcome(cell.index, "error", str(error), error)
            if error.type == TIME_LIMIT:
                outcome = CellOutcome(cell.index, "timeout", f"it was stopped after {seconds:g} seconds", error)
                (self._dropped if reduced else self._reduced).add(cell.index)
        except SessionLost as lost:
            outcome = CellOutcome(cell.index, "timeout" if lost.kind == "timeout" else "lost", lost.reason)
            (self._dropped if reduced else self._reduced).add(cell.index)
        self._record(outcome, time.monotonic() - started)

    def _record(self, outcome: CellOutcome, seconds: float = 0.0) -> None:
        """Keep a cell's first outcome: later runs only bring the namespace back."""
        fields = {**outcome.__dict__, "seconds": seconds}
        self._outcomes.setdefault(outcome.index, CellOutcome(**fields))


def _not_reached(cell: RunnableCell) -> CellOutcome:
    return CellOutcome(cell.index, "skipped", cell.skip or "grading ended before it was reached")
