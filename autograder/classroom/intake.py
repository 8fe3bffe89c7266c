"""Find the submissions of a class: in a folder with one entry per student, or in the bulk download of a platform.

Only file names and the platform's metadata are read here; files by students are not opened.

=============  ======================================================================================
layout         what it looks like
=============  ======================================================================================
Gradescope     ``submission_metadata.yml`` beside ``submission_123456/``
nbgrader       ``STUDENT/ASSIGNMENT/`` with ``timestamp.txt`` (the ``submitted`` folder)
Moodle         ``Full Name_12345_assignsubmission_file_/``, or files that begin like this
Canvas         ``lastfirst_12345_67890_file.ipynb``, with ``LATE`` after the name if it was late
plain          one folder, zip file or notebook per student, named after the student
=============  ======================================================================================
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from autograder.classroom.model import Student
from autograder.engine.submission import IGNORED
from autograder.errors import KitError
from autograder.text import one_line

GRADESCOPE_METADATA = "submission_metadata.yml"
NBGRADER_TIME = "timestamp.txt"
MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(file|onlinetext)_?(?P<file>.*)")
CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<number>\d+)_(?P<file_number>\d+)_(?P<file>.+)")
HANDED_IN = (".ipynb", ".zip")
SEVERAL = 2


@dataclass(frozen=True)
class HandedIn:
    """One submission: its students and its files.

    ``files`` are paths, each with the name that the file was submitted under; or a single folder, zip file or notebook.
    A group submission has several ``students``. ``submitted`` is None if the time is not known. ``late``: the platform
    marked the submission as late.
    """

    students: tuple[Student, ...]
    files: tuple[tuple[Path, str], ...]
    submitted: datetime | None = None
    late: bool = False
    remarks: tuple[str, ...] = field(default=())


def find_submissions(sources: Iterable[Path], assignment: str) -> list[HandedIn]:
    """The submissions at ``sources``. Each source is one submission, or a folder with the submissions of a class.

    If a student has several submissions, the latest counts; its ``remarks`` name the others.

    Raises:
        KitError: the only source is an empty folder, or a source is a bulk download that is not unpacked.
    """
    found: list[HandedIn] = []
    sources = list(sources)
    if len(sources) == 1 and sources[0].is_dir() and not _children(sources[0]):
        raise KitError(f"{sources[0]} is empty; there is nothing to grade")
    for source in sources:
        if source.is_dir() and not source.is_symlink():
            found += submissions_of(source, assignment)
        else:
            _refuse_packed(source)
            found.append(_plain(source))
    return latest(_with_unique_ids(found))


def submissions_of(folder: Path, assignment: str) -> list[HandedIn]:
    """The submissions in a folder, or the folder itself as one submission."""
    for read in (_gradescope, _nbgrader, _moodle, _canvas, _each_child):
        if found := read(folder, assignment):
            return found
    return [_plain(folder)]


def latest(found: list[HandedIn]) -> list[HandedIn]:
    """One submission per student, in the order of ids."""
    chosen: dict[tuple[str, ...], HandedIn] = {}
    for handed in sorted(found, key=lambda handed: (handed.submitted or _oldest(), _names(handed))):
        who = tuple(student.id for student in handed.students)
        if older := chosen.get(who):
            remark = f"There are several submissions of {who[0]}; {_names(older)} is an older one and was not graded."
            handed = replace(handed, remarks=(*older.remarks, remark))
        chosen[who] = handed
    return [chosen[who] for who in sorted(chosen)]


# --- layouts ------------------------------------------------------------------------------------------------------


def _gradescope(folder: Path, assignment: str) -> list[HandedIn]:
    metadata = folder / GRADESCOPE_METADATA
    if not metadata.is_file():
        return []
    try:
        entries = yaml.safe_load(metadata.read_text(encoding="utf-8"))
        return [_gradescope_entry(folder, name, entry) for name, entry in entries.items() if (folder / name).is_dir()]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise KitError(
            f"{metadata} cannot be read ({one_line(str(error), 200)}); download the submissions from Gradescope again"
        ) from None


def _gradescope_entry(folder: Path, name: str, entry: dict) -> HandedIn:
    students = []
    for who in entry.get(":submitters") or [{}]:
        name_of, sid, email = (str(who.get(key) or "") for key in (":name", ":sid", ":email"))
        students.append(Student(sid or email or name_of or name, name_of, email))
    created = entry.get(":created_at")
    if isinstance(created, datetime) and created.tzinfo is None:  # YAML converts to UTC and drops the time zone
        created = created.replace(tzinfo=UTC)
    return HandedIn(tuple(students), ((folder / name, name),), created if isinstance(created, datetime) else None)


def _nbgrader(folder: Path, assignment: str) -> list[HandedIn]:
    tree = folder / "submitted" if (folder / "submitted").is_dir() else folder
    return [
        HandedIn((Student(child.name),), ((child / assignment, child.name),), _nbgrader_time(child / assignment))
        for child in _children(tree)
        if (child / assignment).is_dir()
        and ((child / assignment / NBGRADER_TIME).is_file() or tree.name == "submitted")
    ]


def _nbgrader_time(folder: Path) -> datetime | None:
    try:
        text = (folder / NBGRADER_TIME).read_text(encoding="utf-8").strip()
        time = datetime.fromisoformat(re.sub(r" (UTC|GMT)$", "+00:00", text))
    except (OSError, ValueError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _moodle(folder: Path, assignment: str) -> list[HandedIn]:
    def student(match: re.Match) -> Student:
        return Student(match["number"], match["name"])

    return _by_pattern(folder, MOODLE, student)


def _canvas(folder: Path, assignment: str) -> list[HandedIn]:
    def student(match: re.Match) -> Student:
        return Student(match["number"], match["name"])

    found = _by_pattern(folder, CANVAS, student)
    return [replace(handed, late=any("_LATE_" in path.name for path, _ in handed.files)) for handed in found]


def _by_pattern(folder: Path, pattern: re.Pattern, student_of: Callable[[re.Match], Student]) -> list[HandedIn]:
    """The files and folders of a platform's bulk download, grouped by student."""
    files: dict[Student, list[tuple[Path, str]]] = {}
    for child in _children(folder):
        if match := pattern.fullmatch(child.name):
            files.setdefault(student_of(match), []).append((child, match["file"] or child.name))
    return [HandedIn((student,), tuple(found)) for student, found in files.items()]


def _each_child(folder: Path, assignment: str) -> list[HandedIn]:
    """Every folder, zip file and notebook as a submission, if there are several and none is named after the assignment."""
    children = [child for child in _children(folder) if child.is_dir() or child.suffix.lower() in HANDED_IN]
    own = [child for child in children if child.stem.casefold() == assignment.casefold() and child.is_file()]
    hold_some = sum(_holds_notebook(child) for child in children)
    if own or hold_some < SEVERAL:
        return []
    return [_plain(child) for child in children]


def _plain(source: Path) -> HandedIn:
    name = source.stem if source.suffix.lower() in HANDED_IN else source.resolve().name
    return HandedIn((Student(name),), ((source, source.name),), _changed(source))


# --- reading ------------------------------------------------------------------------------------------------------


def _children(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise KitError(f"{folder} cannot be read: {error.strerror}") from None
    return [folder / name for name in names if name not in IGNORED and not name.startswith(".")]


def _holds_notebook(path: Path) -> bool:
    """Whether the path is a notebook or zip file, or has one at most two levels below it."""
    if not path.is_dir() or path.is_symlink():
        return path.suffix.lower() in HANDED_IN
    return any(file.suffix.lower() in HANDED_IN for depth in ("*", "*/*") for file in path.glob(depth))


def regular_files(handed: HandedIn) -> Iterator[tuple[Path, str, os.stat_result]]:
    """The regular files of a submission, with their names in it. Links and special files are skipped."""
    for path, name in handed.files:
        try:
            status = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            yield path, name, status
        elif stat.S_ISDIR(status.st_mode):
            for current, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if name not in IGNORED)
                for inner in sorted(name for name in names if name not in IGNORED):
                    file = Path(current, inner)
                    inner_status = file.lstat()
                    if stat.S_ISREG(inner_status.st_mode):
                        yield file, str(file.relative_to(path)), inner_status


def _changed(source: Path) -> datetime | None:
    """The latest modification time of the files of a plain submission."""
    times = [status.st_mtime for _, _, status in regular_files(HandedIn((), ((source, source.name),)))]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _refuse_packed(source: Path) -> None:
    """Refuse a zip file that is a bulk download, because it would be graded as one submission."""
    if source.suffix.lower() != ".zip" or not source.is_file():
        return
    try:
        with zipfile.ZipFile(source) as archive:
            tops = {name.split("/")[0] for name in archive.namelist()[:10_000]}
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return  # ``collect`` reports what is wrong
    numbers = {match["number"] for top in tops for p in (MOODLE, CANVAS) if (match := p.fullmatch(top))}
    if len(numbers) >= SEVERAL or GRADESCOPE_METADATA in {Path(name).name for name in archive.namelist()}:
        raise KitError(f"{source} looks like a bulk download of a whole class; unpack it and give the folder instead")


# --- unique ids ---------------------------------------------------------------------------------------------------


def _with_unique_ids(found: list[HandedIn]) -> list[HandedIn]:
    """Equal names in different folders are different students, so the later ones get a number."""
    places: dict[str, list[Path]] = {}
    unique = []
    for handed in found:
        first, *others = handed.students
        folders = places.setdefault(first.id, [])
        here = handed.files[0][0].resolve().parent
        if here not in folders:
            folders.append(here)
        number = folders.index(here) + 1
        unique.append(replace(handed, students=(_numbered(first, number), *others)))
    return unique


def _numbered(student: Student, number: int) -> Student:
    return student if number == 1 else replace(student, id=f"{student.id}-{number}")


def _names(handed: HandedIn) -> str:
    return ", ".join(one_line(path.name, 80) for path, _ in handed.files)


def _oldest() -> datetime:
    return datetime.min.replace(tzinfo=UTC)
