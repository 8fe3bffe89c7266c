"""Copies a submission (folder, zip file or single notebook) once into a folder of the grader.

Only regular files are copied: links are never followed, FIFOs and devices never opened. Each file that is left out
gives a remark for the student; the rest is graded. Nothing here executes or imports anything.
"""

from __future__ import annotations

import difflib
import errno
import filecmp
import os
import re
import stat
import struct
import tempfile
import time
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from math import inf
from pathlib import Path, PurePosixPath
from typing import IO, Any

from autograder.engine.tree import file_kind, ignored, open_regular, out_of_bounds, shown, walk
from autograder.errors import KitError, MachineError
from autograder.text import one_line

MB = 2**20
CHUNK = MB

ENDING = re.compile(r"(?P<kind>\.ipynb(?=(?:\.(?:txt|json))*$)|\.zip$).*", re.IGNORECASE)
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MOST_REMARKS = 50
# Endings that programs use for one kind of file.
KINDS = {".pt": "tensors", ".pth": "tensors", ".ckpt": "tensors", ".bin": "tensors", ".safetensors": "tensors",
         ".json": "json", ".npz": "arrays"}  # fmt: skip
# What browsers, platforms and file managers write into the name of a second copy, and mail programs behind it.
COPY = re.compile(r"^(?:copy of|kopie von|copie de|copia de|копия)\s+|\s*\(\d+\)$|-\d{1,2}$|"
                  r"(?:\s*-\s*|\s+|_)(?:copy|kopie|copie|copia|копия|コピー)(?:\s*\d+)?$|\s+\d{1,2}$")  # fmt: skip
COPIED_ENDING = re.compile(r"(?<=\.pt|pth|son|npz)(?:\.(?:zip|txt|bin|json|pt|pth))+$", re.IGNORECASE)
# Reading fails like this because of the machine, whatever a student handed in.
MACHINE_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)
# Creating a file fails like this because of its name. All else that fails there is the fault of the machine.
NAME_ERRORS = frozenset({errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ, errno.EINVAL})
NOT_COPIED = "its files could not be copied: {}; see that the folder for temporary files has room, then grade it again"


class SubmissionError(KitError):
    """The whole submission cannot be graded; the text is a sentence for the student."""


class _Unreadable(Exception):
    """A file of a submission cannot be read, and that is not the fault of the machine."""


@dataclass(frozen=True)
class CollectLimits:
    """Limits on the files of a submission. A file that turns out to be unreadable counts like any other.

    ``ratio`` limits how much a file of a zip may grow when it is extracted. It applies only to files over 10 MB, since a
    small regular file may well compress a hundredfold. How deep a file may lie and how long its path may be is fixed in
    ``tree``.
    """

    file_bytes: int = 100 * MB
    total_bytes: int = 300 * MB
    files: int = 2000
    folders: int = 1000
    ratio: int = 100


@dataclass(frozen=True)
class Submission:
    """A collected submission. ``files`` are relative to ``folder``; ``remarks`` are sentences for the student."""

    name: str
    folder: Path
    notebook: Path
    files: tuple[PurePosixPath, ...]
    remarks: tuple[str, ...]

    def find(self, pattern: str) -> tuple[Path, ...]:
        """Files whose path ends in ``pattern`` (``"*.pt"``, ``"metrics.json"``, ``"figures/*.png"``), nearest first.

        Upper case counts as lower case (``MODEL.PT``), but a file in the wanted case comes first.
        """
        folded = pattern.casefold()
        found = [file for file in self.files if PurePosixPath(str(file).casefold()).match(folded)]
        found.sort(key=lambda file: (not file.match(pattern), _by_depth(file)))
        return tuple(self.folder / file for file in found) or self._renamed(pattern)

    def _renamed(self, wanted: str) -> tuple[Path, ...]:
        """The only file that a browser, a platform or a student has given another name, e.g. ``wanted (1).pt``."""
        near = [self.folder / file for file in self._near(wanted)]
        return tuple(near[:1]) if near and _all_equal(near) else ()

    def _near(self, wanted: str) -> list[PurePosixPath]:
        named = _plain_name(PurePosixPath(wanted).name)
        return sorted((file for file in self.files if named and named in self._names(file)), key=_by_depth)

    def _names(self, file: PurePosixPath) -> list[str]:
        """What a file may have been called before it was copied."""
        if file.suffix.lower() == ".zip" and _is_checkpoint(self.folder / file):  # a browser has looked into it
            file = file.with_suffix(".pt")
        return _without_marks(file.name)

    def renamed(self, wanted: str) -> str:
        """A sentence for the student if a file of another name is taken for ``wanted``, else ``''``."""
        exact = any(file.name.casefold() == PurePosixPath(wanted).name.casefold() for file in self.files)
        taken = () if exact else self.find(wanted)
        return f"{shown(taken[0].relative_to(self.folder))} was taken for {wanted}." if taken else ""

    def near(self, wanted: str, others: Iterable[str] = ()) -> str:
        """What is in the submission instead of ``wanted``: a sentence for the student; ``''`` if nothing looks like it.

        ``others`` are the names of other wanted files.
        """
        taken = [file for other in others for file in self.find(other)]
        files = [file for file in self._near(wanted) or self._alike(wanted) if self.folder / file not in taken]
        names = ", ".join(map(shown, files[:3])) + (", …" if len(files) > 3 else "")
        return f"The submission has {names}; give the right file the name {wanted} and hand it in." if files else ""

    def _alike(self, wanted: str) -> list[PurePosixPath]:
        """Files of the same kind, such as other checkpoints."""
        kind = KINDS.get(PurePosixPath(wanted).suffix.lower())
        files = (file for file in self.files if kind and KINDS.get(file.suffix.lower()) == kind)
        return sorted(files, key=lambda file: (-_likeness(file.name, wanted), _by_depth(file)))

    def beside_notebook(self, patterns: Iterable[str]) -> Path:
        """A new folder with the files of the notebook's folder whose name or path matches one of ``patterns``."""
        here = self.notebook.parent.relative_to(self.folder)
        chosen = Path(tempfile.mkdtemp(prefix="beside-", dir=self.folder.parent))
        for file in self.files:
            if file.is_relative_to(here) and _matches(file.relative_to(here), patterns):
                target = chosen / file.relative_to(here)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(self.folder / file, target)
        return chosen


def _is_checkpoint(path: Path) -> bool:
    """Whether a zip file begins as torch writes it."""
    with open_regular(path) as file:
        start = file.read(256)
    return start.startswith(b"PK\x03\x04") and b"data.pkl" in start


def _plain_name(name: str) -> str:
    """The name of a file of tensors, arrays or JSON in small letters, with one ending for each kind; '' for other files."""
    stem, _, ending = COPIED_ENDING.sub("", name).rpartition(".")
    kind = KINDS.get(f".{ending}".lower())
    return f"{unicodedata.normalize('NFKC', stem).strip().casefold()}.{kind}" if kind and stem else ""


def _without_marks(name: str) -> list[str]:
    """The plain name of a file, and what is left of it without one mark of a copy after the other."""
    names = [_plain_name(name)]
    while names[-1]:
        stem, _, kind = names[-1].rpartition(".")
        shorter = COPY.sub("", stem)
        if shorter in ("", stem):
            return names
        names.append(f"{shorter}.{kind}")
    return []


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.casefold(), other.casefold()).ratio()


def _matches(file: PurePosixPath, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns for text in (str(file), file.name))


@dataclass(frozen=True)
class _Entry:
    """A file to copy: its target path, its declared size, and a function that opens it."""

    path: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]


def collect(
    source: Path, into: Path, assignment: str, limits: CollectLimits | None = None, deadline: float = inf
) -> Submission:
    """Copy a submission into the folder ``into`` (created if missing, must be empty) and find its notebook.

    Files are written read-only. A single folder around everything is removed. A submission without a notebook but with
    one zip file is unpacked from that zip file. Notebooks and checkpoints are copied first; files over a limit are left
    out with a remark. After the ``deadline`` (a ``time.monotonic()``) only notebooks are copied.

    Raises:
        MachineError: this machine cannot copy the files.
        SubmissionError: ``source`` is not a folder, zip file or notebook, or it is not clear which notebook to grade.
    """
    limits = limits or CollectLimits()
    remarks: list[str] = []
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise KitError(f"{into} is not empty; a submission is collected into an empty folder")
    kind = _kind(source)
    files = _taken(kind, source, into, limits, remarks, deadline)
    inner = [file for file in files if file.suffix.lower() == ".zip"]
    if len(inner) == 1 and not any(map(_may_be_notebook, files)):
        beside = [file for file in files if file not in inner]
        files = sorted(files + _taken("zip", into / inner[0], into, limits, remarks, deadline, beside))
    files = _as_notebooks(files, into, remarks)
    files = _packed_again(files, into, remarks)
    remarks = shortened(remarks)
    name = one_line(_safe_name(without_ending(source.name) if kind != "folder" else source.name) or "submission")
    try:
        notebook = _choose_notebook(files, assignment, into)
    except SubmissionError as error:
        raise SubmissionError(" ".join([str(error), *remarks[:3]])) from None
    if (count := sum(map(_is_notebook, files))) > 1:
        remarks.append(f"There are {count:,} notebooks; {shown(notebook)} was graded.")
    return Submission(name, into, into / notebook, tuple(files), tuple(remarks))


def gather(files: Iterable[tuple[Callable[[], IO[bytes]], str, os.stat_result]], into: Path) -> list[str]:
    """Copy files with the names that a platform wrote down into the folder ``into``, as ``collect`` does.

    The first of a file is what opens it.

    A name that is there twice is put into a folder of its own. Returns remarks. Raises MachineError.
    """
    remarks: list[str] = []
    entries: list[_Entry] = []
    taken: Counter[PurePosixPath] = Counter()
    for opened, name, status in files:
        target = _target([part for part in name.split("/") if part not in ("", ".", "..")] or ["unnamed"])
        taken[target] += 1
        if taken[target] > 1:
            target = PurePosixPath(f"file {taken[target]} of this name", target)
        entries.append(_Entry(target, status.st_size, opened))
    _copy(entries, into, CollectLimits(), remarks)
    return shortened(remarks)


def shortened(remarks: list[str], most: int = MOST_REMARKS) -> list[str]:
    """The first remarks, and how many more there are."""
    return (
        remarks if len(remarks) <= most else [*remarks[:most], f"There are {len(remarks) - most:,} more such remarks."]
    )


def handed_in_as(name: str) -> str:
    """``".ipynb"`` or ``".zip"`` by the end of a file's name, else ``""``. Mail programs add ``.txt`` or ``.json`` to it."""
    found = ENDING.search(name)
    return found["kind"].lower() if found else ""


def without_ending(name: str) -> str:
    """The name of a submitted file without the end that says what it is."""
    return ENDING.sub("", name) if handed_in_as(name) else PurePosixPath(name).stem


def _as_notebooks(files: list[PurePosixPath], folder: Path, remarks: list[str]) -> list[PurePosixPath]:
    """If there is no notebook, those that a mail program has renamed get their names back."""
    if any(map(_is_notebook, files)):
        return files
    renamed = {}
    for file in filter(_may_be_notebook, files):
        target = file.with_name(f"{without_ending(file.name)}.ipynb")
        if target not in renamed.values() and target not in files:
            (folder / file).rename(folder / target)
            renamed[file] = target
            remarks.append(f"{shown(file)} was read as {shown(target.name)}.")
    return sorted(renamed.get(file, file) for file in files)


def _packed_again(files: list[PurePosixPath], folder: Path, remarks: list[str]) -> list[PurePosixPath]:
    """A checkpoint of torch is a zip file, and some systems unpack it to a folder. Such a folder becomes a file again."""
    more = []
    for inside in sorted({file.parent for file in files if file.name == "data.pkl"}):
        named = inside.parent if inside.name == "archive" else inside
        target = named.with_name(f"{named.name.removesuffix('.pt')}.pt") if named.name else named
        if target == named:
            target = named / named.name
        if not named.name or target in (*files, *more) or inside / "version" not in files:
            continue
        try:
            with zipfile.ZipFile(folder / target, "x") as archive:
                for file in files:
                    if file.is_relative_to(inside):
                        archive.write(folder / file, PurePosixPath("archive", file.relative_to(inside)))
        except (OSError, ValueError) as error:
            if isinstance(error, OSError):
                _spare_the_student(error)
            continue
        more.append(target)
        remarks.append(f"The folder {shown(named)} was read as {shown(target.name)}.")
    return sorted([*files, *more])


def _taken(
    kind: str, source: Path, into: Path, limits: CollectLimits, remarks: list[str], deadline: float,
    beside: Sequence[PurePosixPath] = (),
) -> list[PurePosixPath]:  # fmt: skip
    """Copy the files of a folder, zip file or notebook. Returns their paths. See ``_copy`` for ``beside``."""
    if kind == "zip":
        _head(source)  # refuses a file that cannot be read
        with open_regular(source) as file, _opened_zip(file, shown(source.name), limits) as archive:
            return _copy(_zip_entries(archive, limits, remarks), into, limits, remarks, deadline, beside)
    entries = _folder_entries(source, limits, remarks) if kind == "folder" else _notebook_entry(source)
    return _copy(entries, into, limits, remarks, deadline)


def _kind(source: Path) -> str:
    """``"folder"``, ``"zip"`` or ``"notebook"``, decided by ``lstat``, the suffix and the first bytes."""
    try:
        mode = source.lstat().st_mode
    except OSError as error:
        _spare_the_student(error)
        raise SubmissionError(f"{source} cannot be read: {error.strerror}.") from None
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISLNK(mode):
        raise SubmissionError(f"{source} is a link; give the folder or file that it points to.")
    if stat.S_ISREG(mode):
        if handed_in_as(source.name) == ".ipynb":
            return "notebook"
        if source.suffix.lower() == ".zip" or _head(source) == b"PK\x03\x04":
            return "zip"
    raise SubmissionError(f"{source} is not a folder, a zip file or a notebook (.ipynb); hand in one of these.")


def _head(source: Path) -> bytes:
    try:
        with open_regular(source) as file:
            return file.read(4)
    except OSError as error:
        _spare_the_student(error)
        raise SubmissionError(f"{shown(source.name)} cannot be read: {error.strerror or error}.") from None


def _spare_the_student(error: OSError) -> None:
    """Raise MachineError if the machine is why something could not be read."""
    if error.errno in MACHINE_ERRORS:
        raise MachineError(NOT_COPIED.format(error.strerror)) from error


def _notebook_entry(source: Path) -> list[_Entry]:
    return [_Entry(PurePosixPath(_safe_name(source.name)), source.lstat().st_size, partial(open_regular, source))]


# --- folders ------------------------------------------------------------------------------------------------------


def _folder_entries(source: Path, limits: CollectLimits, remarks: list[str]) -> list[_Entry]:
    entries = []
    for _, name, status in walk(source, remarks, most=10 * limits.files, failed=_spare_the_student):
        if not stat.S_ISREG(status.st_mode):
            remarks.append(f"{shown(name)} was left out: it is {file_kind(status.st_mode)}.")
            continue
        entries.append(_Entry(_target(name.split("/")), status.st_size, partial(open_regular, source, name)))
    return entries


# --- zip files ----------------------------------------------------------------------------------------------------


def _opened_zip(file: IO[bytes], shown: str, limits: CollectLimits) -> zipfile.ZipFile:
    if os.fstat(file.fileno()).st_size > limits.total_bytes:
        raise SubmissionError(f"{shown} is larger than {limits.total_bytes // MB} MB; hand in a smaller one.")
    try:
        _check_directory_size(file, shown, limits)
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
        if isinstance(error, OSError):
            _spare_the_student(error)
        raise SubmissionError(f"{shown} is not a readable zip file; create it again and check that it opens.") from None


def _check_directory_size(file: IO[bytes], shown: str, limits: CollectLimits) -> None:
    """Refuse a table of contents that ``ZipFile`` would turn into gigabytes of objects when it opens the file.

    Reads the end-of-directory record where ``zipfile`` looks for it. A zip64 record before it would override it; a zip
    file within the limits does not need one.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2**16 - 22 - 20))
    tail = file.read()
    end = len(tail) - 22 if tail[-22:-18] == b"PK\x05\x06" and tail[-2:] == b"\0\0" else tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        raise zipfile.BadZipFile
    directory_bytes = struct.unpack_from("<L", tail, end + 12)[0]
    has_zip64 = tail[max(0, end - 20) : end].startswith(b"PK\x06\x07")
    if has_zip64 or directory_bytes > 10 * limits.files * 200:
        raise SubmissionError(f"{shown} lists more files than the {limits.files:,} that a submission may have.")


def _zip_entries(archive: zipfile.ZipFile, limits: CollectLimits, remarks: list[str]) -> list[_Entry]:
    entries = []
    for info in archive.infolist():
        # Some Windows tools write backslashes; they are treated as slashes and pass the same checks.
        name = info.filename.replace("\\", "/")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.endswith("/") or not parts or any(map(ignored, parts)):
            continue
        if reason := _zip_refusal(info, name, parts, limits):
            remarks.append(f"{shown(name)} was left out: {reason}.")
            continue
        entries.append(_Entry(_target(parts), info.file_size, partial(archive.open, info)))
    return entries


def _zip_refusal(info: zipfile.ZipInfo, name: str, parts: list[str], limits: CollectLimits) -> str | None:
    """Why an entry is not extracted, or None."""
    if name.startswith("/") or parts[0].endswith(":") or ".." in parts:
        return "its path points outside the zip file"
    if reason := out_of_bounds("/".join(parts)):
        return reason
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return f"it is {file_kind(kind)}"
    if info.flag_bits & 0x1:
        return "it is encrypted"
    if info.compress_type not in COMPRESSIONS:
        return "its compression is not supported; use deflate"
    if info.file_size > 10 * MB and info.file_size > limits.ratio * max(info.compress_size, 1):
        return f"it would grow to more than {limits.ratio} times its size"
    return None


def zip_names(source: Path) -> list[str]:
    """The names in a zip file of any total size; none if it cannot be read or has very many."""
    try:
        with open_regular(source) as file:
            _check_directory_size(file, source.name, CollectLimits(files=5000))
            with zipfile.ZipFile(file) as archive:
                return archive.namelist()
    except Exception:  # ``collect`` says what is wrong
        return []


# --- copying ------------------------------------------------------------------------------------------------------


def _copy(
    entries: list[_Entry], into: Path, limits: CollectLimits, remarks: list[str], deadline: float = inf,
    beside: Sequence[PurePosixPath] = (),
) -> list[PurePosixPath]:  # fmt: skip
    """Write the entries that are within the limits. Returns their paths, in order of name.

    ``beside`` are the files that are there already and count as well: the limits are those of the whole submission. An
    entry that fails counts with its whole size, since it may fail after its last byte.
    """
    entries = _without_top_folder(entries)
    taken: list[PurePosixPath] = []
    folders: set[PurePosixPath] = {PurePosixPath()}
    room, tried = limits.total_bytes - sum((into / file).stat().st_size for file in beside), len(beside)
    too_many, scattered, late = 0, 0, 0
    for entry in sorted(entries, key=_importance):
        if tried >= limits.files:
            too_many += 1
        elif len(folders) > limits.folders:
            scattered += 1
        elif time.monotonic() > deadline and not _may_be_notebook(entry.path):
            late += 1
        elif entry.size > limits.file_bytes:
            remarks.append(f"{shown(entry.path)} was left out: it is larger than {limits.file_bytes // MB} MB.")
        elif entry.size > room:
            remarks.append(
                f"{shown(entry.path)} was left out: the files have more than {limits.total_bytes // MB} MB in total."
            )
        else:
            folders.update(entry.path.parents)
            room, tried = room - entry.size, tried + 1
            try:
                _write(entry, into / entry.path)
                taken.append(entry.path)
            except FileExistsError:
                remarks.append(f"{shown(entry.path)} was left out: another file has the same name.")
            except (_Unreadable, OSError, ValueError):
                remarks.append(f"{shown(entry.path)} was left out: it cannot be read.")
    if too_many:
        remarks.append(f"{too_many:,} files were left out: a submission may have at most {limits.files:,} files.")
    if scattered:
        remarks.append(f"{scattered:,} files were left out: a submission may have at most {limits.folders:,} folders.")
    if late:
        remarks.append(f"{late:,} files were left out: the time for this submission was over before they were copied.")
    return sorted(taken)


def _write(entry: _Entry, target: Path) -> None:
    """Write one entry, never more bytes than it declared.

    Raises:
        FileExistsError: a file with this name exists.
        OSError, ValueError: no file can have this name.
        _Unreadable: the entry cannot be read, or has more bytes than declared.
        MachineError: the machine cannot read or write now.
    """
    written = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _read(entry.open) as source, target.open("xb") as copy:
            try:
                while chunk := _read(partial(source.read, CHUNK)):
                    written += len(chunk)
                    if written > entry.size:
                        raise _Unreadable
                    copy.write(chunk)
                copy.flush()
                os.fchmod(copy.fileno(), 0o444)
            except BaseException:
                target.unlink()
                raise
    except OSError as error:
        if error.errno in NAME_ERRORS:
            raise
        raise MachineError(NOT_COPIED.format(error.strerror or error)) from error


def _read(step: Callable[[], Any]) -> Any:
    """The result of a step that reads from a submission. Raises MachineError, or _Unreadable for all that is its own."""
    try:
        return step()
    except OSError as error:
        _spare_the_student(error)
        raise _Unreadable from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _Unreadable from error


def _without_top_folder(entries: list[_Entry]) -> list[_Entry]:
    """Remove folders that contain everything, such as the top folder of a zip."""
    common = len(os.path.commonprefix([entry.path.parts[:-1] for entry in entries]))
    if not common:
        return entries
    return [_Entry(PurePosixPath(*entry.path.parts[common:]), entry.size, entry.open) for entry in entries]


def _importance(entry: _Entry) -> tuple[int, int, PurePosixPath]:
    """The order of copying: notebooks, checkpoints, then small files before large ones."""
    rank = {".pt": 1, ".pth": 1, ".safetensors": 1}.get(entry.path.suffix.lower(), 2)
    return 0 if _may_be_notebook(entry.path) else rank, entry.size, entry.path


def _is_notebook(file: PurePosixPath) -> bool:
    return file.suffix.lower() == ".ipynb"


def _may_be_notebook(file: PurePosixPath) -> bool:
    return handed_in_as(file.name) == ".ipynb"


def _choose_notebook(files: list[PurePosixPath], assignment: str, folder: Path) -> PurePosixPath:
    """The only notebook, or the one named after the assignment, or the one whose name contains the assignment's name.

    Identical copies count as one notebook.
    """
    notebooks = sorted(filter(_is_notebook, files), key=_by_depth)
    named = [file for file in notebooks if file.stem.casefold() == assignment.casefold()]
    nearest = [file for file in named if len(file.parts) == len(named[0].parts)]
    alike = [file for file in notebooks if assignment.casefold() in file.stem.casefold()]
    candidates = nearest or alike or notebooks
    if len(candidates) == 1 or (candidates and _all_equal([folder / file for file in candidates])):
        return candidates[0]
    wanted = f"{assignment}.ipynb"
    if not files:
        raise SubmissionError(f"The submission is empty; hand in {wanted}.")
    if not candidates:
        raise SubmissionError(f"There is no notebook in the submission; hand in {wanted}.")
    names = ", ".join(shown(file) for file in candidates[:5]) + (", …" if len(candidates) > 5 else "")
    advice = "hand in one of them" if nearest else f"rename the one to grade to {wanted}"
    raise SubmissionError(f"There are {len(candidates)} notebooks ({names}); {advice}.")


def _all_equal(paths: list[Path]) -> bool:
    return all(filecmp.cmp(paths[0], path, shallow=False) for path in paths[1:])


def _by_depth(file: PurePosixPath) -> tuple[int, PurePosixPath]:
    return len(file.parts), file


def _target(parts: list[str]) -> PurePosixPath:
    return PurePosixPath(*map(_safe_name, parts))


def _safe_name(name: str) -> str:
    """A file name in valid Unicode without control characters. Bytes that are not UTF-8 become U+FFFD."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)
