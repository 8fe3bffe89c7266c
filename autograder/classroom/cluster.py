"""Grade many submissions on other machines with Dask. Its scheduler assigns them to workers, again if a worker dies.

Workers need this kit, and the submissions, the bundle and the data under the same paths, as on any cluster with a shared
file system. Workers send results to the command; only the command writes them.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.pool import Outcome, Task, grade_task
from autograder.datasets import find_data
from autograder.engine.grade import Grader
from autograder.engine.report import Report
from autograder.errors import KitError
from autograder.limits import LOCAL_PATIENCE
from data_scripts import Prepared

CONNECT_SECONDS = 10
WORKERS_SECONDS = 120


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker needs to start a grader. ``content`` is a hash of the command's bundle."""

    bundle: Path
    content: str
    dataset: str
    data: Path | None
    unsafe: bool


def content_of(bundle: Path) -> str:
    """A hash of a bundle's answer key, settings and tests."""
    total = hashlib.sha256()
    for file in sorted(path for path in bundle.rglob("*") if path.suffix in (".safetensors", ".toml", ".py")):
        total.update(f"{file.relative_to(bundle)} ".encode() + file.read_bytes())
    return total.hexdigest()


# --- on a worker --------------------------------------------------------------------------------------------------

_mine = threading.local()
_open: set[Grader] = set()


@atexit.register
def close_all() -> None:
    """Close the graders of all threads."""
    while _open:
        close(_open.pop())


def close(grader: Grader) -> None:
    """End a grader's sessions and its preloaded parent."""
    _open.discard(grader)
    grader.__exit__(None, None, None)


def grade_here(setup: WorkerSetup, task: Task) -> Report:
    """Grade a task in this worker, with the grader of this thread."""
    missing = [path for path, _ in task.files if not path.exists()] + [setup.bundle] * (not setup.bundle.is_dir())
    if missing:
        raise KitError(f"a worker cannot find {missing[0]}; give paths on a file system that all workers share")
    if getattr(_mine, "setup", None) != setup:
        if content_of(setup.bundle) != setup.content:
            raise KitError(f"a worker has a different {setup.bundle} than this command; update its checkout")
        if hasattr(_mine, "grader"):
            close(_mine.grader)
            del _mine.grader
        data = find_data(setup.dataset, setup.data, None) if setup.data else None
        _mine.grader = Grader(setup.bundle, data, setup.unsafe, LOCAL_PATIENCE, for_class=True).__enter__()
        _open.add(_mine.grader)
        _mine.setup = setup
    return grade_task(_mine.grader, task)


# --- in the command -----------------------------------------------------------------------------------------------


class Cluster:
    """The workers of a Dask scheduler. A context manager.

    Raises:
        KitError: Dask is not installed, or no scheduler or no worker answers.
    """

    def __init__(self, address: str, bundle: Path, dataset: str, data: Prepared | None, unsafe: bool) -> None:
        self.address = address
        folder = data.folder.resolve().parent if data else None
        self.setup = WorkerSetup(bundle.resolve(), content_of(bundle), dataset, folder, unsafe)

    def __enter__(self) -> Cluster:
        try:
            from distributed import Client
        except ImportError:
            raise KitError("--scheduler needs Dask; install it: .venv/bin/pip install -e '.[cluster]'") from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # no tracebacks for the errors below
        try:
            self.client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError):
            raise KitError(
                f"no Dask scheduler answers at {self.address}; start one with: dask scheduler (docs/cluster.md)"
            ) from None
        try:
            self.client.wait_for_workers(1, timeout=WORKERS_SECONDS)
        except TimeoutError:
            self.client.close()
            raise KitError(
                f"the scheduler at {self.address} has no workers; start one with: dask worker {self.address}"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes in the order of completion. If a worker dies, the scheduler gives its task to another worker."""
        from distributed import as_completed

        this_run = uuid.uuid4().hex[:8]
        futures = {}
        for task in tasks:
            key = f"submission-{this_run}-{task.number}"
            futures[self.client.submit(grade_here, self.setup, absolute(task), key=key, pure=False)] = task
        for future, result in as_completed(list(futures), self.client.loop, with_results=True, raise_errors=False):
            task = futures.pop(future)
            yield task.number, result if future.status == "finished" else failure(result)


def absolute(task: Task) -> Task:
    """The same task with absolute paths."""
    return Task(task.number, tuple((path.resolve(), name) for path, name in task.files), task.questions)


def failure(result: object) -> KitError:
    """The error of a task, as a sentence."""
    error = result[1] if isinstance(result, tuple) else result
    if isinstance(error, KitError):
        return error
    if isinstance(error, CancelledError):
        return KitError("lost the connection to the scheduler; start it again and run the same command to continue")
    if type(error).__name__ == "KilledWorker":
        return KitError("every worker that graded it died, most likely for lack of memory; check the workers' logs")
    return KitError(f"a worker failed ({type(error).__name__}: {error})")
