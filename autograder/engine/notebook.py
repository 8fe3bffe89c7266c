"""Reads a submitted notebook in a sandbox session that runs no student code: parsing it may take any time and memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from autograder.engine.session import Sandbox, SessionLost, StudentError
from autograder.sandbox.notebook import Cell, Notebook, NotebookError
from autograder.text import file_name

__all__ = ["Cell", "Notebook", "NotebookError", "read_notebook"]

SECONDS = 30.0


def read_notebook(sandbox: Sandbox, path: Path, graded: Collection[str], deadline: float) -> Notebook:
    """The code of the notebook at ``path``, read before ``deadline`` (a ``time.monotonic()``).

    Args:
        sandbox: opens the session.
        path: the collected notebook.
        graded: the names that tests ask for.
        deadline: when the time of the submission ends.

    Raises:
        NotebookError: it is not a notebook, or it takes too much time or memory to read; a sentence for the student.
    """
    shown = file_name(path.name)
    seconds = max(0.1, min(SECONDS, deadline - time.monotonic()))
    with tempfile.TemporaryDirectory(prefix="notebook-", dir=sandbox.root) as folder:
        os.link(path, Path(folder) / path.name)
        try:
            with sandbox.session(Path(folder)) as session:
                return session.read_notebook(path.name, graded, seconds)
        except SessionLost as lost:
            raise NotebookError(f"{shown} could not be read: {lost.reason}. Clear its outputs.") from None
        except StudentError as error:
            if error.type != NotebookError.__name__:
                raise NotebookError(f"{shown} holds too much data to be a notebook. Clear its outputs.") from None
            raise NotebookError(error.message) from None
