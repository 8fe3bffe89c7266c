"""The exception of this package whose message is printed on the terminal."""

from __future__ import annotations

import errno
from pathlib import Path

# A full disk gives ENOSPC, a file-size limit (a quota on course machines) EFBIG.
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DataError(Exception):
    """A data set cannot be prepared or read; the message is one sentence that names the file and what to do."""


class DamagedManifest(DataError):
    """The manifest of a prepared data set can be read, but not relied on."""


def is_no_space(error: BaseException) -> bool:
    """Whether ``error`` says that the disk, or this user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def describe_os_error(error: OSError, path: Path) -> DataError:
    """The ``DataError`` that says what the user can do about ``error`` at ``path``."""
    where = error.filename or path
    reason = error.strerror or str(error)
    what_to_do = f"{reason}; check the path and its permissions"
    if is_no_space(error):
        what_to_do = (
            f"no space left to write ({reason}); free some space or choose another --out, then "
            "run the same command again to continue"
        )
    described = DataError(f"{where}: {what_to_do}")
    described.__cause__ = error  # --debug shows it, even if nothing is raised
    return described
