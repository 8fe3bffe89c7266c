"""Reads a submitted file into plain tensors.

The file is unpickled in a sandbox session that runs no student code. Only named tensors of numbers come
back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.engine.session import Sandbox, SessionLost, StudentError
from autograder.engine.submission import Submission
from autograder.errors import Unread
from autograder.sandbox.npz import UnreadableCheckpoint

if TYPE_CHECKING:
    from autograder.arrays import Array

LOAD_SECONDS = 60.0


def read_tensors(file: str, sandbox: Sandbox, submission: Submission, left: float) -> dict[str, Array]:
    """The tensors of a file in the submission, read in a new session within ``left`` seconds. Raises Unread."""
    name = str(submission.find(file)[0].relative_to(submission.folder))
    try:
        with sandbox.session(submission.folder) as session:
            return session.load_checkpoint(name, max(0.1, min(LOAD_SECONDS, left)))
    except StudentError as error:
        if error.limit is not None:
            raise Unread(f"{file} could not be read in {error.limit:.3g} seconds.", left < LOAD_SECONDS) from None
        if error.type != UnreadableCheckpoint.__name__:
            raise Unread(f"{file} could not be read: its file {error.quoted}.") from None
        raise Unread(error.message if file in error.message else f"{file}: {error.message}") from None
    except SessionLost as error:
        late = error.kind == "timeout" and left < LOAD_SECONDS
        raise Unread(f"{file} could not be read: {error.reason}.", late) from None
