"""Reads a submitted notebook in a sandbox session, before student code runs: parsing it may take any time and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from autograder.engine.session import Sandbox, Session, SessionLost, StudentError
from autograder.sandbox.notebook import Cell, Notebook, NotebookError
from autograder.text import file_name

__all__ = ["Cell", "Notebook", "NotebookError", "read_notebook", "reader"]

SECONDS = 30.0
SMALL_BYTES = 2 * 2**20


def read_notebook(
    session: Session, path: Path, graded: Collection[str], deadline: float, keep: bool = False
) -> Notebook:
    """The code of a notebook, read before ``deadline`` (a ``time.monotonic()``).

    Args:
        session: one that has run no student code; the notebook lies in its work folder.
        path: the collected notebook.
        graded: the names that tests ask for.
        deadline: when the time of the submission ends.
        keep: leave the notebook in the work folder, since it is one of the files that its cells find there.

    Raises:
        NotebookError: it is not a notebook, or it takes too much time or memory to read; a sentence for the student.
    """
    shown = file_name(path.name)
    try:
        return session.read_notebook(path.name, graded, max(0.1, min(SECONDS, deadline - time.monotonic())), keep)
    except SessionLost as lost:
        raise NotebookError(f"{shown} could not be read: {lost.reason}. Clear its outputs.") from None
    except StudentError as error:
        if error.type != NotebookError.__name__:
            raise NotebookError(f"{shown} holds too much data to be a notebook. Clear its outputs.") from None
        raise NotebookError(error.message) from None


@contextmanager
def reader(sandbox: Sandbox, path: Path, beside: Path) -> Iterator[tuple[Session, Session | None]]:
    """A session to read the notebook at ``path`` in, and the session to run its cells in, None if that is to be another.

    One session is enough for a notebook of usual size. A large one leaves memory behind that its cells could miss.

    Args:
        beside: the files for the work folder of the cells. The notebook itself is not there, unless it is one of these.
    """
    small = path.stat().st_size <= SMALL_BYTES
    with ExitStack() as stack:
        folder = beside
        if not small:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="notebook-", dir=sandbox.root)))
        lent = not (folder / path.name).exists()
        if lent:
            os.link(path, folder / path.name)
        session = stack.enter_context(sandbox.session(folder))
        if lent:
            (folder / path.name).unlink()  # the session has a copy, which it removes when it has read it
        yield session, (session if small else None)
