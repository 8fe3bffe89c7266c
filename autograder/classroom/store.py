"""Stores the results of each graded submission: one folder per submission, each file replaced in one step.

``record.json`` is written last. A folder without it belongs to an unfinished grading.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from autograder.artefacts import Finding, Headline
from autograder.classroom.intake import HandedIn, regular_files
from autograder.classroom.model import Student
from autograder.engine.report import Check, Curve, Filled, Report, Verdict, Written
from autograder.engine.tree import open_regular
from autograder.errors import KitError
from autograder.pictures import Picture
from autograder.tensors import read_tensors, write_tensors
from autograder.text import one_line

VERSION = 2
RECORD, PICTURES, LOCK = "record.json", "pictures.safetensors", ".lock"
LONGEST_NAME = 60
PLAIN_ID = re.compile(r"[a-z0-9][a-z0-9_.@+-]{0,58}[a-z0-9]|[a-z0-9]")
# What some system takes for a device or the kit for a file of the class: names of files and their ends.
RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)|\.(html|csv|json|part|lock|safetensors)$")
# Bytes that are hashed of a submission; more than a grader reads of it.
MOST_HASHED = 2 << 30
MOST_HASHED_OF_A_FILE = 300 << 20
# The disk is at fault, not the submission.
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class DiskError(KitError):
    """Nothing can be written any more; the text says why."""


@dataclass(frozen=True)
class Record:
    """One graded submission.

    ``files`` are name, size and time of its files, ``digest`` is a hash of their content. ``parts`` has for each question
    a hash of what it was graded with, ``sheet`` is a hash of what its points were computed with. ``report`` has no images.
    ``unsure``: the time is only that of the newest file. ``deduction`` are the points that lateness cost.
    """

    students: tuple[Student, ...]
    files: tuple[tuple[str, int, int], ...]
    digest: str
    parts: Mapping[str, str]
    sheet: str
    submitted: datetime | None
    late: bool
    report: Report
    unsure: bool = False
    deduction: float = 0.0

    @property
    def score(self) -> float:
        """Points earned, bonus included, minus the deduction."""
        return max(0.0, self.report.score - self.deduction)


# --- names --------------------------------------------------------------------------------------------------------


def folder_name(students: tuple[Student, ...]) -> str:
    """The name of the results folder of a submission.

    A plain id is its own folder. Any other gets a readable beginning and a hash of all ids, behind a character that no
    plain id has. So two submissions never share a folder, also where a file system ignores case or spelling, and none
    is called like a file of the class.
    """
    ids = [student.id for student in students]
    if len(ids) == 1 and PLAIN_ID.fullmatch(ids[0]) and not RESERVED.search(ids[0]):
        return ids[0]
    return f"{_slug('+'.join(ids))}~{_identity(ids)[:16]}"


def former_folder_name(students: tuple[Student, ...]) -> str:
    """The name that earlier versions gave a results folder. Two submissions can have the same."""
    identity = "+".join(student.id for student in students)
    safe = re.sub(r"[^\w.@+-]+", "_", unicodedata.normalize("NFKC", identity))[:LONGEST_NAME].strip("._-") or "student"
    if safe == identity and len(safe.encode()) <= 2 * LONGEST_NAME:
        return safe
    safe = safe.encode()[: 2 * LONGEST_NAME].decode(errors="ignore")
    return f"{safe}-{hashlib.sha256(identity.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def results_folder(out: Path, students: tuple[Student, ...]) -> tuple[Path, Record | None]:
    """The folder for the results of a submission, and its record if there is one.

    It is the folder that has the record of these students, also under a former name; else a new one. A folder with the
    record of others is never used. A former folder that is called like a file of the class gets its new name.
    """
    ids = [student.id for student in students]
    mine, longer = out / folder_name(students), out / f"{_slug('+'.join(ids))}~{_identity(ids)}"
    records = {folder: read_record(folder) for folder in (mine, longer, out / former_folder_name(students))}
    for folder, record in records.items():
        if record and [student.id for student in record.students] == ids:
            if folder not in (mine, longer) and RESERVED.search(folder.name) and not os.path.lexists(mine):
                folder = folder.rename(mine)
            return folder, record
    free = records[mine] is None and (mine.is_dir() or not os.path.lexists(mine))
    return (mine if free else longer), None


def _identity(ids: list[str]) -> str:
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()


def _slug(text: str) -> str:
    """The beginning of a folder name: letters, digits and a few signs, in lower case."""
    safe = re.sub(r"[^\w@+-]+", "_", unicodedata.normalize("NFKC", text[: 4 * LONGEST_NAME]).lower())
    return safe.encode()[:LONGEST_NAME].decode(errors="ignore").strip("_-") or "student"


# --- what was handed in -------------------------------------------------------------------------------------------


def stamps(handed: HandedIn, remarks: list[str] | None = None) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of each file. If these are unchanged, the files are not read again.

    What is not looked at gets a sentence in ``remarks``.
    """
    return tuple((name, status.st_size, status.st_mtime_ns) for _, name, status in regular_files(handed, remarks))


def digest_of(handed: HandedIn, remarks: list[str] | None = None) -> str:
    """A hash of the names and contents of all regular files.

    A single file is hashed without its name, which contains the student's id. Of a file that cannot be read, or that is
    larger than a submission may be, only name and size count; of files after the first two gigabytes also the time. A
    file that cannot be read gets a sentence in ``remarks``.
    """
    total, hashed = hashlib.sha256(), 0
    alone = len(handed.files) == 1 and not handed.files[0][0].is_dir()
    for path, name, status in regular_files(handed):
        name = "" if alone else name
        total.update(f"{len(name)} {name} {status.st_size} ".encode("utf-8", "surrogateescape"))
        if status.st_size > MOST_HASHED_OF_A_FILE:
            continue
        hashed += status.st_size
        if hashed > MOST_HASHED:
            total.update(f"{status.st_mtime_ns} ".encode())
            continue
        try:
            with open_regular(path) as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            total.update(b"unreadable ")
            if remarks is not None:
                remarks.append(f"{one_line(name or path.name, 100)} cannot be read: {error.strerror or error}.")
    return total.hexdigest()


# --- records ------------------------------------------------------------------------------------------------------


def read_record(folder: Path) -> Record | None:
    """The record in a folder; None if there is none or it cannot be read (the submission is then graded again)."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            return None
        return Record(
            students=tuple(Student(**student) for student in content["students"]),
            files=tuple((name, size, time) for name, size, time in content["files"]),
            digest=content["digest"],
            parts=content["parts"],
            sheet=content["sheet"],
            submitted=datetime.fromisoformat(content["submitted"]) if content["submitted"] else None,
            late=content["late"],
            report=_report(content["report"]),
            unsure=bool(content.get("unsure", False)),
            deduction=float(content.get("deduction", 0.0)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def read_records(out: Path) -> dict[Path, Record]:
    """All records in a folder for results, by their folders."""
    folders = sorted(path.parent for path in out.glob(f"*/{RECORD}") if not path.parent.is_symlink())
    return {folder: record for folder in folders if (record := read_record(folder))}


def write_record(folder: Path, record: Record) -> None:
    """Write a record and the images of its report, the record last."""
    pictures = record.report.pictures
    tensors = {str(place): picture.images for place, picture in enumerate(pictures)}
    with _in_one_step(folder / PICTURES) as part:
        write_tensors(part, tensors, [[picture.title, picture.columns, picture.question] for picture in pictures])
    content = {
        **{name: getattr(record, name) for name in ("files", "digest", "sheet", "late", "unsure", "deduction")},
        "version": VERSION,
        "students": [asdict(student) for student in record.students],
        "parts": dict(record.parts),
        "submitted": record.submitted.isoformat() if record.submitted else None,
        "report": _plain(record.report),
    }
    write_text(
        folder / RECORD, json.dumps(content, indent=1)
    )  # in ASCII: names that are not UTF-8 come back as they were


def read_pictures(folder: Path) -> list[Picture]:
    """The images of a stored report; an empty list if they cannot be read."""
    try:
        tensors, stored = read_tensors(folder / PICTURES)
        return [Picture(about[0], tensors[str(place)], *about[1:]) for place, about in enumerate(stored)]
    except Exception:  # safetensors has its own exception; a report without images is still valid
        return []


def _plain(report: Report) -> dict:
    """A report as JSON, without its images."""
    names = (
        "assignment",
        "title",
        "submission",
        "remarks",
        "notes",
        "layers",
        "incidents",
        "code",
        "by_hand",
        "cells",
        "feedback",
        "seconds",
    )
    return {
        **{name: getattr(report, name) for name in names},
        "verdicts": [asdict(verdict) for verdict in report.verdicts],
        "written": [asdict(written) for written in report.written],
        "filled": [asdict(filled) for filled in report.filled],
        "checks": [asdict(check) for check in report.checks],
        "curves": [asdict(curve) for curve in report.curves],
        "findings": {question: asdict(finding) for question, finding in report.findings.items()},
        "headlines": {question: asdict(headline) for question, headline in report.headlines.items()},
    }


def _report(content: dict) -> Report:
    parts = {
        "verdicts": [Verdict(**verdict) for verdict in content["verdicts"]],
        "written": [Written(**written) for written in content.get("written", [])],
        "filled": [_filled(filled) for filled in content.get("filled", [])],
        "checks": [Check(**check) for check in content.get("checks", [])],
        "layers": [tuple(layer) for layer in content["layers"]],
        "curves": [Curve(c["label"], tuple(c["epochs"]), tuple(c["values"])) for c in content["curves"]],
        "findings": {question: _finding(finding) for question, finding in content["findings"].items()},
        "headlines": {question: Headline(**headline) for question, headline in content["headlines"].items()},
    }
    return Report(**{**content, **parts})


def _filled(content: dict) -> Filled:
    names, stubs, missing = (tuple(content[part]) for part in ("names", "stubs", "missing"))
    return Filled(content["question"], content["title"], names, stubs, tuple(map(tuple, missing)))


def _finding(content: dict) -> Finding:
    headline = content["headline"] and Headline(**content["headline"])
    return Finding(**{**content, "pictures": (), "notes": tuple(content["notes"]), "headline": headline})


# --- writing ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _in_one_step(path: Path) -> Iterator[Path]:
    """A file to write, which replaces ``path`` when it is complete.

    Raises:
        KitError: the file could not be written; the old ``path`` is unchanged. It is a DiskError if no other can be.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise (DiskError if error.errno in DISK_ERRORS else KitError)(
            f"{path} could not be written: {error.strerror or error}; earlier results are kept; "
            "run the same command to continue"
        ) from None


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step. Raises KitError if it cannot be written, DiskError if no file can be."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step. Raises KitError if it cannot be written, DiskError if no file can be."""
    with _in_one_step(path) as part, part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Prevent two commands from writing to the same results.

    Raises:
        KitError: another command is writing there, or the folder is not writable.
    """
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)  # submissions run as another user
        lock = (out / LOCK).open("w")
    except OSError as error:
        raise KitError(f"{out} cannot be written to: {error.strerror}; give another folder with --out") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise KitError(f"another ./kit grade is writing to {out}; wait for it or give another --out") from None
        try:
            yield
        finally:
            if os.listdir(out) == [LOCK]:  # nothing was written
                (out / LOCK).unlink()
                out.rmdir()
