"""The one exception of this package that is meant for the reader of a terminal."""

from __future__ import annotations

import errno
from pathlib import Path

# EFBIG is what a file-size limit (a quota on course machines) gives where a full disk gives ENOSPC.
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DataError(Exception):
    """A data set cannot be prepared or read; the message is one sentence that names the file and what to do."""


class DamagedManifest(DataError):
    """The manifest of a prepared data set can be read and says nothing that could be relied on."""


def is_no_space(error: BaseException) -> bool:
    """Whether ``error`` says that the disk, or what this user may write, is full."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def describe_os_error(error: OSError, path: Path) -> DataError:
    """The ``DataError`` that tells what ``error``, met at ``path``, asks of the user."""
    where = error.filename or path
    reason = error.strerror or str(error)
    what_to_do = f"{reason}; check the path and its permissions"
    if is_no_space(error):
        what_to_do = (
            f"no space left to write ({reason}); free some space or choose another --out, then "
            "run the same command again to continue"
        )
    told = DataError(f"{where}: {what_to_do}")
    told.__cause__ = error  # for --debug, also where it is not raised
    return told
