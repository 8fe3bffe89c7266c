"""Reads a submitted file into plain tensors.

The file is unpickled in a sandbox session that runs no student code. Only named float32 tensors come back.
"""

from __future__ import annotations

import torch

from autograder.engine.session import Sandbox, SessionLost, StudentError
from autograder.engine.submission import Submission
from autograder.errors import Unread
from autograder.sandbox.checkpoint import UnreadableCheckpoint

LOAD_SECONDS = 60.0


def read_tensors(file: str, sandbox: Sandbox, submission: Submission, left: float) -> dict[str, torch.Tensor]:
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
