"""Downloads with torchvision, which knows each official archive's address and checksums."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from data_scripts.errors import DataError, describe_os_error, is_no_space

CONNECT_SECONDS = 60  # offline compute nodes often drop packets: without a limit the download would hang


@contextmanager
def downloading(address: str, root: Path, instead: str) -> Iterator[None]:
    """Around a download from ``address`` into ``root`` (made here): its errors become a ``DataError``.

    ``instead`` ends the sentence "check the network, or ...".
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _connect_limit(CONNECT_SECONDS):
            yield
    except (OSError, RuntimeError) as error:
        if is_no_space(error) or isinstance(error, OSError) and not isinstance(error, URLError) and error.filename:
            raise describe_os_error(error, root) from error  # of a file here, not of the network
        reason = " ".join(str(error).split()).rstrip(".")  # torchvision's own message may have several lines
        raise DataError(f"{address}: the download failed ({reason}); check the network, or {instead}") from error


@contextmanager
def _connect_limit(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
