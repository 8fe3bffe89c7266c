"""Grade many submissions in parallel on this machine. Each job has its own preloaded parent and sessions."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from autograder.classroom.intake import HandedIn, regular_files
from autograder.engine.grade import Grader
from autograder.engine.report import Report
from autograder.engine.submission import gather
from autograder.engine.tree import open_regular
from autograder.errors import KitError
from autograder.limits import LOCAL_PATIENCE
from data_scripts import Prepared


@dataclass(frozen=True)
class Task:
    """A submission to grade, and which ``questions`` of it. ``number`` is its index in the class."""

    number: int
    files: tuple[tuple[Path, str], ...]
    questions: frozenset[str]


Outcome = tuple[int, Report | KitError]


def grade_task(grader: Grader, task: Task) -> Report:
    """Grade one submission. Raises KitError if the grader, not the submission, is at fault."""
    remarks: list[str] = []
    with staged(task.files, remarks, grader.sandbox.root) as source:
        report = grader.grade(source, only=task.questions)
    report.remarks = [*remarks, *report.remarks]
    return report


@contextlib.contextmanager
def staged(
    files: tuple[tuple[Path, str], ...], remarks: list[str] | None = None, inside: Path | None = None
) -> Iterator[Path]:
    """One path for a submission: its own, or a folder of copies if the platform delivers its files separately.

    What cannot be copied gets a sentence in ``remarks``. The copies lie in the folder ``inside``.
    """
    if len(files) == 1:
        yield files[0][0]
        return
    remarks = [] if remarks is None else remarks
    with tempfile.TemporaryDirectory(prefix="handed-in-", dir=inside) as scratch:
        folder = Path(scratch) / "submission"
        folder.mkdir()
        remarks += gather(_openers(files, remarks), folder)
        yield folder


def _openers(
    files: tuple[tuple[Path, str], ...], remarks: list[str]
) -> Iterator[tuple[Callable[[], IO[bytes]], str, os.stat_result]]:
    """What opens each regular file below its source, its name, and its status."""
    for source, name in files:
        for path, inner, status in regular_files(HandedIn((), ((source, name),)), remarks):
            yield partial(open_regular, source, "/".join(path.relative_to(source).parts)), inner, status


class Pool:
    """``jobs`` graders, each with a thread of this process. The threads mostly wait; the sessions do the work.

    A context manager. Leaving it early, for example on Ctrl-C, ends every session.
    """

    def __init__(self, bundle: Path, data: Prepared | None, unsafe: bool, jobs: int) -> None:
        self.jobs = jobs
        self._make = lambda: Grader(bundle, data, unsafe, LOCAL_PATIENCE, for_class=True)
        self._graders: queue.SimpleQueue[Grader] = queue.SimpleQueue()
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Pool:
        for _ in range(self.jobs):
            self._graders.put(self._open.enter_context(self._make()))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes in the order of completion. If the grader failed, the outcome is the error instead of a report."""
        threads = max(1, len(os.sched_getaffinity(0)) // self.jobs)
        executor = ThreadPoolExecutor(self.jobs, initializer=_use_threads, initargs=(threads,))
        futures = {executor.submit(self._grade, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures.pop(future).number, outcome(future)  # a report can be large
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _grade(self, task: Task) -> Report:
        grader = self._graders.get()
        try:
            return grade_task(grader, task)
        finally:
            self._graders.put(grader)


def _use_threads(number: int) -> None:
    """Let torch use so many threads, where it is used at all."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(number)


def outcome(future: Future) -> Report | KitError:
    """The report of a finished future, or its error as a sentence."""
    try:
        return future.result()
    except KitError as error:
        return error
    except Exception as error:
        return KitError(f"the grader failed ({type(error).__name__}: {error}); run the command again with --debug")
