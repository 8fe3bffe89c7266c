"""Downloads over HTTP: several files at once, continued where they were interrupted, checked before they get their name.

During a download ``<name>.part`` holds the file. A later try, in this run or the next, requests only the missing rest (a
server that does not know ranges sends the whole file again). The part gets the file's name only if its MD5 is correct, so
a truncated or altered file is never used.
"""

from __future__ import annotations

import hashlib
import os
import queue
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from data_scripts.disk_space import require_space
from data_scripts.errors import DataError, describe_os_error
from data_scripts.part_file import file_md5, locked, part_of

TIMEOUT = 60  # seconds, to connect and between two pieces: compute nodes without a network often drop packets silently
AT_ONCE = 6
TRIES = 4  # in a row that bring nothing new
PAUSE = 1.0  # seconds before the second try, twice as many before the third, ...
PIECE = 2**16
AGENT = "Mozilla/5.0 (compatible; data_scripts)"  # some hosts refuse Python's own


@dataclass(frozen=True)
class Remote:
    """One official file: its path, the addresses that may have it (tried in turn), and its MD5."""

    path: Path
    addresses: tuple[str, ...]
    md5: str

    def at_mirror(self, mirror: str, name: str) -> Remote:
        """The same file at ``mirror`` only: in the folder ``name`` there, or directly.

        MNIST and Fashion-MNIST have files of the same names.
        """
        base = mirror.rstrip("/")
        return replace(self, addresses=(f"{base}/{name}/{self.path.name}", f"{base}/{self.path.name}"))

    def problem(self) -> str:
        """Why ``path`` does not hold the file; '' if it does."""
        return md5_problem(self.path, self.md5) if self.path.is_file() else "missing"


class Undelivered(DataError):
    """No address delivered the file: a problem of the network, not of this machine."""


def md5_problem(content: Path | bytes, expected: str) -> str:
    """'' if a file or its content has the MD5 ``expected``, else a clause with both MD5s."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    found = hashlib.md5(content, usedforsecurity=False).hexdigest() if isinstance(content, bytes) else file_md5(content)
    if found == expected:
        return ""
    return f"damaged or not the official file ({size:,} bytes with MD5 {found} where {expected} is expected)"


def require_there(files: Sequence[Remote]) -> None:
    """Raise ``DataError`` if one of the files is missing or has another MD5; nothing is downloaded."""
    problems = {file: problem for file in files if (problem := file.problem())}
    for file, problem in problems.items():
        raise DataError(f"{file.path}: {problem}, and nothing is downloaded offline; {_by_hand(list(problems))}")


def require_fetched(files: Sequence[Remote], errors: Mapping[Path, DataError]) -> None:
    """Raise what kept one of ``files`` from being fetched, if anything did, and say what to do."""
    failed = [file for file in files if file.path in errors]
    undelivered = [file for file in failed if isinstance(errors[file.path], Undelivered)]
    for file in failed:
        error = errors[file.path]
        if file not in undelivered:
            raise error
        raise DataError(f"{error}; check the network and run the same command again, or {_by_hand(undelivered)}")


def fetch(files: Sequence[Remote], spare: int = 0, progress: bool = True) -> dict[Path, DataError]:
    """Fetch ``files``, ``AT_ONCE`` at a time; for each one that failed, by its path, the reason.

    A file that exists and has its MD5 is kept. No download begins that would leave fewer than ``spare`` bytes free on its
    disk. ``progress`` shows one bar for all files on a terminal and says what is continued.
    """
    if not files:
        return {}
    waiting: queue.SimpleQueue[Remote] = queue.SimpleQueue()
    for file in files:
        waiting.put(file)
    errors: dict[Path, Exception] = {}
    with tqdm(desc="download", total=0, unit="B", unit_scale=True, disable=None if progress else True) as bar:
        fetching = _Fetching(spare, bar, progress)

        def work() -> None:
            while not fetching.stop.is_set():
                try:
                    file = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    fetching.get(file)
                except Exception as error:
                    errors[file.path] = error

        # Daemons: Ctrl-C does not wait for a server that is silent.
        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, len(files)))]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            fetching.stop.set()
            bar.leave = bool(fetching.sizes)
    for error in errors.values():
        if not isinstance(error, DataError):
            raise error
    return errors


class _Fetching:
    """What the threads of one ``fetch`` share: the bar, the space still needed and the word to stop."""

    def __init__(self, spare: int, bar: tqdm, progress: bool) -> None:
        self.spare = spare
        self.bar = bar
        self.progress = progress
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.sizes: dict[Path, tuple[int, int]] = {}  # of each file in progress: bytes so far, bytes in all

    def get(self, file: Remote) -> None:
        """Fetch one file unless it exists. Raises ``DataError``; ``Undelivered`` if the network is the cause."""
        try:
            problem = file.problem()
            if not problem:
                return
            if problem != "missing":
                self._say(f"{file.path}: {problem}; downloading it again")
            file.path.parent.mkdir(parents=True, exist_ok=True)
            with locked(part_of(file.path)) as part:
                self._complete(file, part)
                part.flush()
                os.fsync(part.fileno())
                os.replace(part_of(file.path), file.path)
        except OSError as error:
            raise describe_os_error(error, file.path) from error
        except DataError:
            with self.lock:
                self.sizes.pop(file.path, None)  # it needs no more space
            raise

    def _complete(self, file: Remote, part: BinaryIO) -> None:
        failures = []
        for address in file.addresses:
            try:
                return self._from(address, file, part)
            except (OSError, HTTPException, ValueError) as error:
                reason = getattr(error, "reason", None) if not isinstance(error, HTTPError) else None
                failures.append(f"{address}: the download failed ({_one_line(reason or error)})")
        raise Undelivered(", and ".join(failures))

    def _from(self, address: str, file: Remote, part: BinaryIO) -> None:
        """Complete ``part`` from one address; try again if the connection is dropped.

        Raises ``OSError`` or ``HTTPException`` if the download fails, ``ValueError`` if the content is altered.
        """
        furthest = _size(part)
        foreign = furthest > 0  # begun by an earlier run or at another address, perhaps with another file
        answered, tries = False, 0
        while True:
            try:
                continued = self._receive(address, file.path, part)
            except (OSError, HTTPException) as error:
                more = _size(part) > furthest
                answered, tries = answered or more, 1 if more else tries + 1
                furthest = max(furthest, _size(part))
                if tries == TRIES or not _may_pass(error, answered):
                    raise
                self.stop.wait(PAUSE * tries)
                continue
            problem = md5_problem(part_of(file.path), file.md5)
            if not problem:
                return
            part.truncate(0)
            if not (continued and foreign):
                raise ValueError(problem)
            foreign, furthest = False, 0  # once more, from the beginning

    def _receive(self, address: str, path: Path, part: BinaryIO) -> bool:
        """Append the missing rest to ``part``; returns whether the server continued instead of sending everything again."""
        here = _size(part)
        headers = {"User-Agent": AGENT} | ({"Range": f"bytes={here}-"} if here else {})
        try:
            response = urlopen(Request(address, headers=headers), timeout=TIMEOUT)
        except HTTPError as error:
            if error.code == 416 and here:  # there is nothing after what is here
                return True
            raise
        with response:
            if response.headers.get_content_type() == "text/html":  # a login page, or one that says "not found"
                raise ValueError("the server sent a web page instead of the file")
            continued = response.status == 206
            if not continued:
                part.truncate(0)
                here = 0
            whole = here + int(response.headers.get("Content-Length") or 0)  # most servers send it
            require_space(path.parent, self._note(path, here, whole) + self.spare)
            if continued:
                self._say(f"{path}: continuing after {here:,} of {whole:,} bytes")
            while piece := response.read(PIECE):
                if self.stop.is_set():
                    raise DataError("stopped")
                _write(part, piece, path)
                here += len(piece)
                self._note(path, here, max(here, whole))
            if here < whole:
                raise ConnectionError(f"the connection ended after {here:,} of {whole:,} bytes")
        return continued

    def _note(self, path: Path, here: int, whole: int) -> int:
        """Show the progress of ``path``; returns the bytes that all files together still lack."""
        with self.lock:
            self.sizes[path] = here, whole
            self.bar.total = sum(whole for _, whole in self.sizes.values())
            self.bar.update(sum(here for here, _ in self.sizes.values()) - self.bar.n)
            return sum(whole - here for here, whole in self.sizes.values())

    def _say(self, text: str) -> None:
        if self.progress:
            tqdm.write(text, file=sys.stderr)


def _may_pass(error: Exception, answered: bool) -> bool:
    """Whether another try may help: not if the server refuses, nor if there was never a connection."""
    if isinstance(error, HTTPError):
        return error.code >= 500
    return answered or not isinstance(error, URLError)


def _by_hand(files: Sequence[Remote]) -> str:
    addresses = " and ".join(file.addresses[0] for file in files)
    return (
        f"get {addresses} elsewhere and put {'it' if len(files) == 1 else 'them'} into {files[0].path.parent}, or give "
        "a copy with --source"
    )


def _one_line(error: object) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _write(file: BinaryIO, content: bytes, path: Path) -> None:
    """Write immediately, so that an error of the disk is raised here and not mistaken for one of the network."""
    try:
        file.write(content)
        file.flush()
    except OSError as error:
        raise describe_os_error(error, part_of(path)) from error
