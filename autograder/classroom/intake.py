"""Find the submissions of a class: in a folder with one entry per student, or in the bulk download of a platform.

Only file names and the platform's metadata are read here; files by students are not opened.

=============  ======================================================================================
layout         what it looks like
=============  ======================================================================================
Gradescope     ``submission_metadata.yml`` beside ``submission_123456/``
nbgrader       ``STUDENT/ASSIGNMENT/`` with ``timestamp.txt`` (the ``submitted`` folder)
Moodle         ``Full Name_12345_assignsubmission_file_/``, or files that begin like this; a default group has no number
Canvas         ``lastfirst_12345_67890_file.ipynb``, with ``LATE`` after the name if it was late
Canvas         ``anon_a1B2c_67890_file.ipynb``, with ``LATE`` before it, if students are anonymous
plain          one folder, zip file or notebook per student, named after the student
=============  ======================================================================================

Students write parts of these names, so no single entry decides how its folder is read: more than half of all entries
must look alike. An entry that does not fit is graded under its own name, or passed over, and is named in either case.
A folder around all of them is entered. What cannot be a class and holds no submission is refused.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import yaml

from autograder.classroom.model import Student
from autograder.engine.submission import handed_in_as, without_ending, zip_names
from autograder.engine.tree import ignored, open_regular, walk
from autograder.errors import KitError
from autograder.text import one_line

GRADESCOPE_METADATA = "submission_metadata.yml"
GRADESCOPE_ENTRY = re.compile(r"submission_[0-9]+")
NBGRADER_TIME = "timestamp.txt"
NBGRADER_TREE = "submitted"
# What lies beside ``submitted`` in a course of nbgrader.
NBGRADER_COURSE = frozenset(
    {"submitted", "source", "release", "autograded", "feedback", "downloaded"}
    | {"nbgrader_config.py", "gradebook.db", "grades.csv"}
)
# The name of a platform is at the left, and what a student calls a file is at the right: the leftmost place decides.
# Moodle writes spaces for underscores in full names (mod/assign/locallib.php). Canvas writes hyphens for digits between
# underscores (lib/content_zipper.rb), but a group's name may still end in digits.
MOODLE = re.compile(r"(?P<name>.+?)(?:_(?P<number>[0-9]+))?_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)
MOODLE_MARK = re.compile(r"_assignsubmission_")
CANVAS = re.compile(r"(?P<name>.+?)_(?P<late>LATE_)?(?P<number>[0-9]+)_(?P<serial>[0-9]+)_(?P<file>.+)", re.DOTALL)
CANVAS_REST = re.compile(r"(?P<serial>[0-9]+)_(?P<file>.+)", re.DOTALL)
# Anonymous students have a key of letters and digits.
CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?anon_(?P<number>[0-9A-Za-z]+)_(?P<serial>[0-9]+)_(?P<file>.+)", re.DOTALL
)
# Files that an instructor may keep beside the folder with the submissions.
BESIDE_A_CLASS = frozenset({".csv", ".tsv", ".txt", ".md", ".xlsx", ".xls", ".ods", ".pdf", ".html"})
LAST_ENDINGS = re.compile(r"(\.(tar|ipynb))?\.\w{1,6}$", re.IGNORECASE)
SEVERAL = 2
MOST_ENTERED = 4  # folders that lie around a class
LOOK_INTO = 2  # levels in which a notebook is looked for, to see whether a folder is a submission
MOST_LOOKED_AT = 1_000
MOST_NAMED = 3  # entries in a sentence
MOST_TIME_BYTES = 100
MOST_METADATA_BYTES = 200 << 20
NO_SUBMISSION = "it is not a folder, a zip file or a notebook"
WANTED = "a folder with one entry per student, an unpacked download of a platform, or a notebook, zip file or folder"


@dataclass(frozen=True)
class HandedIn:
    """One submission: its students and its files.

    ``files`` are paths, each with the name that the file was submitted under; or a single folder, zip file or notebook.
    A group submission has several ``students``. ``submitted`` is None if the time is not known; it is ``unsure`` if it is
    only that of the newest file, which copying changes. ``late``: the platform marked the submission as late. ``remarks``
    are sentences for the instructor.
    """

    students: tuple[Student, ...]
    files: tuple[tuple[Path, str], ...]
    submitted: datetime | None = None
    late: bool = False
    remarks: tuple[str, ...] = field(default=())
    unsure: bool = False


@dataclass(frozen=True)
class PassedOver:
    """An entry that is not graded: whose it may be, and a sentence with the reason."""

    student: Student
    sentence: str


class Notes(list[str]):
    """Sentences about how a folder was read. ``passed`` are the entries that are not graded; each has a sentence, too."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[PassedOver] = []

    def pass_over(self, name: str, reason: str, student: Student | None = None) -> None:
        """Add the sentence that an entry was passed over, and why."""
        sentence = f"{_shown(name)} was passed over: {reason}"
        self.append(sentence)
        self.passed.append(PassedOver(student or Student(LAST_ENDINGS.sub("", name)), sentence))


@dataclass(frozen=True)
class Owner:
    """Whose a file of a platform's download is, read from its name. ``serial`` is the platform's number of the file.

    ``sure``: the name can be read in one way only, whatever students and groups call themselves and their files.
    """

    number: str
    name: str
    file: str
    late: bool = False
    serial: str = ""
    sure: bool = True
    remark: str = ""


@dataclass(frozen=True)
class Layout:
    """One way in which a class may lie in a folder.

    ``name`` is for people; '' if it needs no mention. ``fits(folder, children, assignment)`` decides by all children.
    ``read(folder, children, assignment, notes)`` returns the submissions, and adds a sentence to ``notes`` for each
    child that does not fit.
    """

    name: str
    fits: Callable[[Path, Sequence[Path], str], bool]
    read: Callable[[Path, Sequence[Path], str, Notes], list[HandedIn]]


def find_submissions(
    sources: Iterable[Path], assignment: str, notes: list[str] | None = None, assignments: Collection[str] = ()
) -> list[HandedIn]:
    """The submissions at ``sources``. Each source is one submission, or a folder with the submissions of a class.

    Several sources are several classes if each of them is a folder that looks like a class; else each of them is one
    submission, so that no submission can pass for a class. If a student has several submissions, the latest counts; its
    ``remarks`` name the others. Sentences about how a folder was read and what was passed over are added to ``notes``.
    ``assignments`` are the names of all assignments of the course.

    Raises:
        KitError: a source is not there, none of them holds a submission, or the only one is a folder of several classes,
            or a bulk download that is not unpacked or cannot be read.
    """
    told = notes if isinstance(notes, Notes) else Notes()
    try:
        return _find(list(dict.fromkeys(sources)), assignment, told, assignments)
    finally:
        if notes is not None and notes is not told:
            notes += told


def _find(sources: list[Path], assignment: str, notes: Notes, assignments: Collection[str]) -> list[HandedIn]:
    for source in sources:
        check_is_there(source)
    given, sources = sources, [_entered(source, assignment) for source in sources]
    if len(sources) == 1:
        _refuse(sources[0], assignment)
    classes = {source: layout for source in sources if (layout := _layout_at(source, assignment))}
    if len(classes) < len(sources):
        notes += [_not_a_class(source) for source in classes]
        classes, sources = {}, given
    notes += [
        f"{_shown(outer)} holds one folder, {_shown(inner.relative_to(outer))}, which is read instead"
        for outer, inner in zip(given, sources)
        if inner != outer
    ]
    for source in classes or (sources if len(sources) == 1 else ()):
        _refuse_classes(source, classes.get(source), assignment, assignments)
    if len(sources) == 1 and not classes:
        _refuse_unclear(sources[0], assignment)
        if file := _hides_a_class(sources[0], assignment):
            notes.append(
                f"{_shown(sources[0])} is graded as one submission, because it holds {_shown(file.name)}; "
                "if it is a class, move that file away"
            )
    found: list[HandedIn] = []
    for source in sources:
        if not classes and not _is_entry(source) and not _is_link(source):
            notes.pass_over(source.name, NO_SUBMISSION)
            continue
        found += _read(source, classes.get(source), assignment, notes)
    if not classes and not any(_holds_something(path) for handed in found for path, _ in handed.files):
        raise KitError(_nothing_at(given))
    return latest(_with_unique_ids(found))


def check_is_there(source: Path) -> None:
    """Raises KitError if there is no file or folder at ``source``."""
    if not os.path.lexists(source):
        raise KitError(f"{source}: there is no such file or folder; give {WANTED}")
    if not os.path.exists(source):
        raise KitError(f"{source} is a link to something that is not there; give {WANTED}")


def _nothing_at(sources: Sequence[Path]) -> str:
    """The sentence about sources without a submission."""
    there = [name for source in sources if _is_folder(source) for name in _some_files(source)]
    holds = f" (but {_listed_names(there)})" if there else ""
    return f"{_listed_names(sources)} holds no notebook and no zip file{holds}, so there is nothing to grade; give {WANTED}"


def _listed_names(names: Sequence[object]) -> str:
    return ", ".join(map(_shown, names[:MOST_NAMED])) + (", …" if len(names) > MOST_NAMED else "")


def layout_of(folder: Path, children: Sequence[Path], assignment: str) -> Layout | None:
    """How a class lies in a folder; None if the folder is one submission."""
    return next((layout for layout in LAYOUTS if layout.fits(folder, children, assignment)), None)


def latest(found: list[HandedIn]) -> list[HandedIn]:
    """One submission per student, in the order of ids: the newest one of those in which there is something to grade."""
    by_student: dict[tuple[str, ...], list[HandedIn]] = {}
    for handed in found:
        by_student.setdefault(tuple(student.id for student in handed.students), []).append(handed)
    return [_latest_of(by_student[who], who[0]) for who in sorted(by_student)]


def _latest_of(several: list[HandedIn], student: str) -> HandedIn:
    if len(several) == 1:
        return several[0]
    ranked = sorted(several, key=lambda one: (_is_gradable(one), one.submitted or _oldest(), _names(one)))
    *others, chosen = ranked
    remarks = [remark for one in ranked for remark in one.remarks]
    for other in others:
        older = _is_gradable(other) or not _is_gradable(chosen)
        why = "is an older one" if older else "holds no notebook and no zip file"
        remarks.append(f"There are several submissions of {student}; {_names(other)} {why} and was not graded.")
    return replace(chosen, remarks=tuple(remarks))


def _is_gradable(handed: HandedIn) -> bool:
    return any(_holds_something(path) for path, _ in handed.files)


def _entered(source: Path, assignment: str) -> Path:
    """The class in a folder that holds nothing but the folder of the class, else the source itself."""
    place = source
    for _ in range(MOST_ENTERED + 1):
        if not _is_folder(place) or _layout_at(place, assignment):
            return place
        children = _children(place)
        entries = _entries(children)
        others = [child for child in children if child not in entries]
        if len(entries) != 1 or any(child.suffix.lower() not in BESIDE_A_CLASS for child in others):
            break
        place = entries[0]
    return place if packed_download(place, assignment) else source


def _refuse(source: Path, assignment: str) -> None:
    """Refuse an only source that would be graded as one submission and is a class, or nothing."""
    if _is_link(source):
        raise KitError(f"{source} is a link; give the folder or file that it points to")
    if _is_folder(source) and not _children(source):
        raise KitError(f"{source} is empty; there is nothing to grade")
    if name := packed_download(source, assignment):
        raise KitError(f"{source} looks like {name}; unpack it and give the folder instead")


def _refuse_classes(folder: Path, layout: Layout | None, assignment: str, assignments: Collection[str]) -> None:
    """Refuse a folder that lies above the class: each of its folders is a class, or an assignment."""
    if (layout and layout.name) or not _is_folder(folder):
        return
    entries = _entries(_children(folder))
    known = {name.casefold() for name in assignments}
    named = [child for child in entries if child.name.casefold() in known and _is_folder(child)]
    own = [child for child in entries if child.name.casefold() == assignment.casefold() and _is_folder(child)]
    classes = [child for child in entries if _is_class_of_its_own(child, assignment)]
    if own and (own[0] in classes or (len(named) >= SEVERAL and _most(named, entries))):
        raise KitError(f"{folder} holds a folder for each assignment, not for each student; give {own[0]} instead")
    if len(classes) >= SEVERAL and _most(classes, entries):
        names = _listed_names([child.name for child in classes])
        raise KitError(
            f"{folder} holds several classes ({names}), not one entry per "
            f"student; give one of these folders instead, or all of them: {_joined(classes)}"
        )


def _joined(paths: Sequence[Path]) -> str:
    return " ".join(map(_shown, paths[:MOST_NAMED])) + (" …" if len(paths) > MOST_NAMED else "")


def _is_class_of_its_own(folder: Path, assignment: str) -> bool:
    """Whether a folder can only be a class: it looks like one, and nobody could say which of its notebooks to grade."""
    if not _is_folder(folder):
        return False
    inner = _entered(folder, assignment)
    if not (layout := _layout_at(inner, assignment)):
        return False
    return bool(layout.name) or not (
        any(child.name.casefold() == assignment.casefold() for child in _children(inner))
        or _is_clear(_notebooks(inner), assignment)
    )


def _refuse_unclear(source: Path, assignment: str) -> None:
    """Refuse a folder that is no class and whose notebooks lie so deep that it can be no submission either."""
    if not _is_folder(source):
        return
    names = _notebooks(source)
    folders = {name.split("/")[0] for name in names if "/" in name}
    if len(folders) >= SEVERAL and not _is_clear(names, assignment) and not _own(_children(source), assignment):
        raise KitError(
            f"{source} holds {len(names)} notebooks in folders further below; give the folder that has one entry per student"
        )


def _notebooks(folder: Path) -> list[str]:
    """The names of the notebooks in a folder, at any depth."""
    return [name for _, name, _ in walk(folder, []) if handed_in_as(name) == ".ipynb"]


def _is_clear(names: Sequence[str], assignment: str) -> bool:
    """Whether names alone say which notebook to grade."""
    stems = [(name.count("/"), without_ending(name.rpartition("/")[2]).casefold()) for name in names]
    own = sorted(depth for depth, stem in stems if stem == assignment.casefold())
    if own:
        return own.count(own[0]) == 1
    return sum(assignment.casefold() in stem for _, stem in stems) == 1 or len(stems) == 1


def _holds_something(path: Path) -> bool:
    """Whether there is a notebook or zip file at or below a path. What cannot be told counts as one."""
    if not _is_folder(path):
        return bool(handed_in_as(path.name)) or _is_link(path)
    return any(handed_in_as(name) for _, name, _ in walk(path, []))


def _some_files(folder: Path) -> list[str]:
    return [name for (_, name, _), _ in zip(walk(folder, []), range(MOST_NAMED + 1))]


def _not_a_class(source: Path) -> str:
    return (
        f"{_shown(source)} looks like a class, but other arguments do not, so each is read as one submission; "
        "give a class alone"
    )


def _hides_a_class(source: Path, assignment: str) -> Path | None:
    """The notebook named after the assignment in a folder that has several others, else None."""
    if not _is_folder(source):
        return None
    children = _entries(_children(source))
    own = _own(children, assignment)
    return own[0] if own and sum(map(_holds_notebook, children)) > SEVERAL else None


def _layout_at(source: Path, assignment: str) -> Layout | None:
    if not _is_folder(source):
        return None
    try:
        return layout_of(source, _children(source), assignment)
    except KitError:
        return None  # it cannot be listed; ``collect`` says why


def _read(source: Path, layout: Layout | None, assignment: str, notes: Notes) -> list[HandedIn]:
    if layout is None:
        return [_plain(source)]
    children = _children(source)
    if layout.name:
        notes.append(f"{_shown(source)} is read as {layout.name}")
    return layout.read(source, children, assignment, notes)


# --- Gradescope ---------------------------------------------------------------------------------------------------


def _is_gradescope(folder: Path, children: Sequence[Path], assignment: str) -> bool:
    entries = _entries(children)
    alike = [child for child in entries if GRADESCOPE_ENTRY.fullmatch(child.name) and _is_folder(child)]
    return _is_file(folder / GRADESCOPE_METADATA) and (not entries or _most(alike, entries))


def _gradescope(folder: Path, children: Sequence[Path], assignment: str, notes: Notes) -> list[HandedIn]:
    metadata = folder / GRADESCOPE_METADATA
    try:
        listed = yaml.safe_load(_text(metadata, MOST_METADATA_BYTES))
        listed = {str(name): entry for name, entry in listed.items()}
    except Exception as error:  # the reader of YAML can raise anything
        raise KitError(
            f"{metadata} cannot be read ({one_line(str(error), 200)}); download the submissions from Gradescope again"
        ) from None
    there = {child.name: child for child in children if _is_folder(child)}
    found, others = [], [child for child in children if child != metadata]
    for name, entry in listed.items():
        if name not in there:
            _not_there(name, entry, folder, notes)
            continue
        try:
            found.append(_gradescope_entry(there[name], entry))
            others.remove(there[name])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            notes.append(f"{GRADESCOPE_METADATA} does not say whose {_shown(name)} is ({one_line(str(error), 100)})")
    found = _told_apart(found)
    return found + _misfits(others, found, notes)


def _not_there(name: str, entry: object, folder: Path, notes: Notes) -> None:
    """Say that the list of submissions names one that is not there, and whose it is."""
    try:
        students = _gradescope_entry(folder / name, entry).students
    except (AttributeError, KeyError, TypeError, ValueError):
        students = (Student(name),)
    who = ", ".join(one_line(student.shown, 60) for student in students)
    sentence = (
        f"{GRADESCOPE_METADATA} names {_shown(name)}, which is not in {_shown(folder)}; it is the submission of {who}"
    )
    notes.append(sentence)
    notes.passed += [PassedOver(student, sentence) for student in students]


def _told_apart(found: Sequence[HandedIn]) -> list[HandedIn]:
    """Students with one id get the name of their entry behind it, and a remark.

    Gradescope exports one submission for each person or group, so they are different people: students write their own
    ids there.
    """
    times = Counter(student.id.casefold() for handed in found for student in handed.students)
    taken = {student.id for handed in found for student in handed.students}
    apart = []
    for handed in found:
        students, remarks = [], list(handed.remarks)
        for place, student in enumerate(handed.students, start=1):
            if times[student.id.casefold()] > 1:
                remarks.append(f"Several students have the id {student.id}; find out whose submission this is.")
                student = replace(student, id=free_id(f"{student.id} ({_place(handed.files[0][1], place)})", taken))
            students.append(student)
        apart.append(replace(handed, students=tuple(students), remarks=tuple(dict.fromkeys(remarks))))
    return apart


def _place(entry: str, place: int) -> str:
    """A name for the students of an entry, each of them another."""
    return entry + (f"-{place}" if place > 1 else "")


def _gradescope_entry(folder: Path, entry: dict) -> HandedIn:
    students = []
    for place, who in enumerate(entry.get(":submitters") or [{}], start=1):
        said = (who.get(key) for key in (":name", ":sid", ":email"))
        name, sid, email = (str(value) if isinstance(value, str | int | float) else "" for value in said)
        # Students choose their names on Gradescope, so a name is nobody's id.
        students.append(Student(sid or email or _place(folder.name, place), name, email))
    created = entry.get(":created_at")
    if isinstance(created, datetime) and created.tzinfo is None:  # YAML converts to UTC and drops the time zone
        created = created.replace(tzinfo=UTC)
    return HandedIn(tuple(students), ((folder, folder.name),), created if isinstance(created, datetime) else None)


# --- nbgrader -----------------------------------------------------------------------------------------------------


def _is_nbgrader(folder: Path, children: Sequence[Path], assignment: str) -> bool:
    tree = _nbgrader_tree(folder, children)
    children = children if tree == folder else _children(tree)
    kinds = [_nbgrader_kind(child, assignment) for child in _entries(children)]
    fitting = [child for child, kind in zip(_entries(children), kinds) if kind == "fits"]
    timed = [child for child in fitting if _is_file(child / assignment / NBGRADER_TIME)]
    known = tree.name == NBGRADER_TREE or _most(timed, fitting)
    return bool(fitting) and known and len(fitting) > kinds.count("other")


def _nbgrader(folder: Path, children: Sequence[Path], assignment: str, notes: Notes) -> list[HandedIn]:
    tree = _nbgrader_tree(folder, children)
    found, others = [], []
    for child in children if tree == folder else _children(tree):
        kind = _nbgrader_kind(child, assignment)
        if kind == "fits":
            place = child / assignment
            submitted, remarks = _nbgrader_time(place)
            found.append(HandedIn((Student(child.name),), ((place, child.name),), submitted, remarks=remarks))
        elif kind == "elsewhere":
            notes.pass_over(child.name, f"it has no folder {assignment}", Student(child.name))
        else:
            others.append(child)
    return found + _misfits(others, found, notes)


def _nbgrader_tree(folder: Path, children: Sequence[Path]) -> Path:
    """``submitted`` in a folder that has only what a course of nbgrader has, else the folder itself."""
    tree = folder / NBGRADER_TREE
    course = tree in children and _is_folder(tree) and all(child.name in NBGRADER_COURSE for child in children)
    return tree if course else folder


def _nbgrader_kind(child: Path, assignment: str) -> str:
    """``"fits"``, ``"elsewhere"`` if it has only other assignments, else ``"other"``."""
    if not _is_folder(child):
        return "other"
    inner = _listed(child)
    if not inner or not all(map(_is_folder, inner)):
        return "other"
    if child / assignment in inner:
        return "fits"
    return "elsewhere" if all(_is_file(place / NBGRADER_TIME) for place in inner) else "other"


def _nbgrader_time(folder: Path) -> tuple[datetime | None, tuple[str, ...]]:
    """The time in ``timestamp.txt``, in UTC; None and a remark if there is a file that holds no time."""
    path = folder / NBGRADER_TIME
    if not _is_file(path):
        return None, ()
    try:
        return parsed_as_nbgrader(_text(path, MOST_TIME_BYTES).strip()).replace(tzinfo=UTC), ()
    except (OSError, ValueError, OverflowError):
        return None, (f"{NBGRADER_TIME} holds no time, so nothing can be said about lateness.",)


def parsed_as_nbgrader(text: str) -> datetime:
    """A time as nbgrader reads it (``nbgrader.utils.parse_utc``, which takes seconds to import): in UTC, without a zone.

    A third word is the zone: its name, or a number. A zone that is not known counts as UTC.

    Raises:
        ValueError or OverflowError: it is no time.
    """
    from dateutil import parser, tz

    words = text.split(" ")
    zones = {}
    if len(words) == 3:
        zone = int(words[2]) if re.fullmatch(r"\s*[+-]?[0-9]+\s*", words[2]) else tz.gettz(words[2])
        words, zones = [*words[:2], "TZ"], {"TZ": zone}
    time = parser.parse(" ".join(words), tzinfos=zones)
    return (time - time.utcoffset()).replace(tzinfo=None) if time.tzinfo else time


# --- Moodle and Canvas --------------------------------------------------------------------------------------------


def moodle_owners(names: Iterable[str]) -> dict[str, Owner]:
    """Whose each file or folder of a download from Moodle is; names that do not look like Moodle's are left out."""
    owners = {}
    for name in names:
        if match := MOODLE.fullmatch(name):
            twice = len(MOODLE_MARK.findall(name)) > 1
            remark = (
                f"{_shown(name)} looks like the file of two students; the first name in it counts." if twice else ""
            )
            number = match["number"] or match["name"]  # the default group has no number
            owners[name] = Owner(number, match["name"], match["file"] or name, sure=not twice, remark=remark)
    return owners


def canvas_owners(names: Iterable[str]) -> dict[str, Owner]:
    """Whose each file of a download from Canvas is; names that do not look like Canvas's are left out.

    Canvas gives each file a number of its own. If several names have the same number there, it is the group's. So it is
    where groups of one name are numbered: ``group_7_1001_50001_hw.ipynb`` and ``group_8_1002_50002_hw.ipynb``, and where
    only then the numbers have as many digits as those of the other files.
    """
    first = {name: match for name in names if (match := CANVAS.fullmatch(name))}
    serials = Counter(match["serial"] for match in first.values())
    numbered = _numbered_groups(first.values())
    plain = [match for match in first.values() if not CANVAS_REST.fullmatch(match["file"])]
    digits = {part: {len(match[part]) for match in plain} for part in ("number", "serial")}
    owners = {}
    for name, match in first.items():
        rest = CANVAS_REST.fullmatch(match["file"])
        shifted = rest and (
            serials[match["serial"]] > 1
            or match["name"] in numbered
            or (  # as long as the numbers of files that can be read in one way only
                len(match["serial"]) not in digits["serial"]
                and len(match["serial"]) in digits["number"]
                and len(rest["serial"]) in digits["serial"]
            )
        )
        if shifted and not match["late"]:
            group = f"{match['name']}_{match['number']}"
            owners[name] = Owner(match["serial"], group, rest["file"], serial=rest["serial"])
        else:
            late = bool(match["late"])
            owners[name] = Owner(match["number"], match["name"], match["file"], late, match["serial"], sure=not rest)
    return owners


def _numbered_groups(matches: Iterable[re.Match]) -> set[str]:
    """The names that several groups have, each with another number behind it, which looks like a student's."""
    files: dict[str, list[re.Match]] = {}
    late = Counter()
    for match in matches:
        if match["late"]:
            late[match["name"].rpartition("_")[0]] += match["name"].rpartition("_")[2].isdigit()
        else:
            files.setdefault(match["name"], []).append(match)
    groups = set()
    for name, mine in files.items():
        rests = [CANVAS_REST.fullmatch(match["file"]) for match in mine]
        several = len({match["number"] for match in mine}) + late[name] >= SEVERAL
        if several and all(rests) and max(Counter(rest["serial"] for rest in rests).values()) == 1:
            groups.add(name)
    return groups


def anonymous_owners(names: Iterable[str]) -> dict[str, Owner]:
    """Whose each file of an anonymous download from Canvas is; other names are left out."""
    matches = {name: match for name in names if (match := CANVAS_ANONYMOUS.fullmatch(name))}
    return {
        name: Owner(match["number"], f"anon_{match['number']}", match["file"], bool(match["late"]), match["serial"])
        for name, match in matches.items()
    }


def looks_anonymous(names: Sequence[str], entries: Sequence[str]) -> bool:
    """Whether most of the ``entries`` have names of an anonymous download from Canvas with several students."""
    owners = anonymous_owners(names)
    serials = Counter(owner.serial for owner in owners.values())
    sound = [name for name in entries if name in owners and serials[owners[name].serial] == 1]
    return _most(sound, entries) and len({owners[name].number for name in sound}) >= SEVERAL


def looks_like_moodle(names: Sequence[str], entries: Sequence[str]) -> bool:
    """Whether at least half of the ``entries`` have names of a download from Moodle; nobody else writes such names."""
    found = moodle_owners(entries)
    return bool(found) and 2 * len(found) >= len(entries)


def looks_like_canvas(names: Sequence[str], entries: Sequence[str]) -> bool:
    """Whether most of the ``entries`` have names of a download from Canvas with several students.

    Each number of a file is there once among all ``names``, and each number of a student has one name.
    """
    owners = canvas_owners(names)
    serials = Counter(owner.serial for owner in owners.values())
    people = Counter(number for number, _ in {(owner.number, owner.name) for owner in owners.values()})
    sound = [
        name for name in entries if name in owners
        and serials[owners[name].serial] == 1 and people[owners[name].number] == 1
    ]  # fmt: skip
    return _most(sound, entries) and len({owners[name].number for name in sound}) >= SEVERAL


def _platform(
    name: str, looks_like: Callable[[Sequence[str], Sequence[str]], bool],
    owners_of: Callable[[Iterable[str]], Mapping[str, Owner]],
) -> Layout:  # fmt: skip
    """The layout of a platform that writes the student into the name of each file."""

    def fits(folder: Path, children: Sequence[Path], assignment: str) -> bool:
        return looks_like([child.name for child in children], [child.name for child in _entries(children)])

    def read(folder: Path, children: Sequence[Path], assignment: str, notes: Notes) -> list[HandedIn]:
        owners = owners_of([child.name for child in children])
        mine = {child: owners[child.name] for child in children if child.name in owners}
        found = _by_owner(mine)
        return found + _misfits([child for child in children if child not in mine], found, notes)

    return Layout(name, fits, read)


def _by_owner(owners: Mapping[Path, Owner]) -> list[HandedIn]:
    """The files and folders of a platform's bulk download, grouped by student."""
    groups: dict[tuple[str, str], list[Path]] = {}
    for child, owner in owners.items():
        groups.setdefault((owner.number, owner.name), []).append(child)
    names = Counter(number for number, _ in groups)
    sure = {whose: any(owners[child].sure for child in children) for whose, children in groups.items()}
    sure_names = Counter(number for (number, _), is_sure in sure.items() if is_sure)
    found = []
    for (number, name), children in groups.items():
        mine = [owners[child] for child in children]
        remarks = [owner.remark for owner in mine if owner.remark]
        student = Student(number, name)
        if names[number] > 1 and not (sure[number, name] and sure_names[number] == 1):  # a student may have written it
            remarks.append(f"Several names have the number {number}; find out whose submission this is.")
            student = Student(f"{number} ({name})", name)
        files, taken = [], set()
        for child, owner in zip(children, mine):
            files.append((child, child.name if owner.file in taken else owner.file))
            taken.add(owner.file)
        late = any(owner.late for owner in mine)
        found.append(HandedIn((student,), tuple(files), late=late, remarks=tuple(remarks)))
    return found


# --- one entry per student ----------------------------------------------------------------------------------------


def _is_class(folder: Path, children: Sequence[Path], assignment: str) -> bool:
    """Whether there are several folders with notebooks, zip files and notebooks.

    Beside a notebook named after the assignment, two others may be its older versions.
    """
    holding = [child for child in _entries(children) if _holds_notebook(child)]
    own = _own(holding, assignment)
    return len(holding) >= SEVERAL and (not own or len(holding) - len(own) > SEVERAL)


def _each_child(folder: Path, children: Sequence[Path], assignment: str, notes: Notes) -> list[HandedIn]:
    """Every folder, zip file and notebook as a submission."""
    found = []
    for child in children:
        if _is_entry(child):
            found.append(_plain(child))
        else:
            notes.pass_over(child.name, NO_SUBMISSION)
    notes += [
        f"{_shown(child.name)} is graded as the submission of {_shown(child.stem)!r}; remove it if it is yours"
        for child in _own(children, assignment)
    ]
    return found


def _own(children: Iterable[Path], assignment: str) -> list[Path]:
    return [
        child
        for child in children
        if handed_in_as(child.name)
        and without_ending(child.name).casefold() == assignment.casefold()
        and _is_file(child)
    ]


def _plain(source: Path) -> HandedIn:
    whole = Path(os.path.abspath(source))
    name = without_ending(whole.name) if handed_in_as(whole.name) and not _is_folder(whole) else whole.name
    submitted, remarks = _changed(source)
    return HandedIn(
        (Student(name),), ((source, source.name),), submitted, remarks=remarks, unsure=submitted is not None
    )


def _misfits(others: Sequence[Path], found: Sequence[HandedIn], notes: Notes) -> list[HandedIn]:
    """What lies in a platform's download and is not from there: submissions under their own names, and the rest."""
    taken = {student.id for handed in found for student in handed.students}
    extra = []
    for child in others:
        if not (_is_entry(child) and _holds_notebook(child)):
            reason = "it holds no notebook" if os.path.isdir(child) else NO_SUBMISSION
            notes.pass_over(child.name, f"it does not look like the rest, and {reason}")
            continue
        plain = _plain(child)
        (student,) = plain.students
        student = replace(student, id=free_id(student.id, taken))
        notes.append(
            f"{_shown(child.name)} does not look like the rest; it is graded as the submission of {student.id!r}"
        )
        extra.append(replace(plain, students=(student,)))
    return extra


PLATFORMS = {
    "Moodle's download": looks_like_moodle,
    "Canvas's anonymous download": looks_anonymous,
    "Canvas's download": looks_like_canvas,
}
LAYOUTS = (
    Layout("Gradescope's export", _is_gradescope, _gradescope),
    Layout("nbgrader's submitted folder", _is_nbgrader, _nbgrader),
    _platform("Moodle's download", looks_like_moodle, moodle_owners),
    _platform("Canvas's anonymous download", looks_anonymous, anonymous_owners),
    _platform("Canvas's download", looks_like_canvas, canvas_owners),
    Layout("", _is_class, _each_child),
)


# --- reading ------------------------------------------------------------------------------------------------------


def _children(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise KitError(f"{folder} cannot be read: {error.strerror}") from None
    return [folder / name for name in names if not ignored(name) and not name.startswith(".")]


def _listed(folder: Path) -> list[Path]:
    """The children of a folder; none if it cannot be read or has very many."""
    try:
        with os.scandir(folder) as listing:
            names = [child.name for child, _ in zip(listing, range(MOST_LOOKED_AT + 1))]
    except OSError:
        return []
    kept = [name for name in names if not ignored(name) and not name.startswith(".")]
    return [folder / name for name in sorted(kept)] if len(names) <= MOST_LOOKED_AT else []


def _entries(children: Iterable[Path]) -> list[Path]:
    """Those that may be submissions: folders, zip files and notebooks."""
    return list(filter(_is_entry, children))


def _is_entry(child: Path) -> bool:
    return os.path.isdir(child) or bool(handed_in_as(child.name))


def _most(some: Sequence | Mapping, of: Sequence) -> bool:
    return 2 * len(some) > len(of)


def _is_folder(path: Path) -> bool:
    """Whether it is a folder, not a link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def _is_link(path: Path) -> bool:
    return os.path.islink(path)


def _is_file(path: Path) -> bool:
    """Whether it is a regular file, not a link to one."""
    return os.path.isfile(path) and not os.path.islink(path)


def _text(path: Path, most: int) -> str:
    """The text of a regular file. Raises OSError, or ValueError if it is longer or not UTF-8."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"more than {most:,} bytes")
    return content.decode("utf-8")


def _holds_notebook(path: Path) -> bool:
    """Whether the path is a notebook or zip file, or has one at most two levels below it."""
    if not _is_folder(path):
        return bool(handed_in_as(path.name))
    inner = walk(path, [], levels=LOOK_INTO, most=MOST_LOOKED_AT)
    return any(handed_in_as(name) for _, name, _ in inner)


def regular_files(handed: HandedIn, remarks: list[str] | None = None) -> Iterator[tuple[Path, str, os.stat_result]]:
    """The regular files of a submission, with their names in it. Links and special files are skipped.

    What cannot be read or is out of bounds gets a sentence in ``remarks``.
    """
    remarks = [] if remarks is None else remarks
    for path, name in handed.files:
        try:
            status = path.lstat()
        except OSError as error:
            remarks.append(f"{_shown(name)} was left out: {error.strerror}.")
            continue
        if stat.S_ISREG(status.st_mode):
            yield path, name, status
        elif stat.S_ISDIR(status.st_mode):
            for inner, inner_name, inner_status in walk(path, remarks):
                if stat.S_ISREG(inner_status.st_mode):
                    yield inner, inner_name, inner_status


def _changed(source: Path) -> tuple[datetime | None, tuple[str, ...]]:
    """The latest modification time of the files of a plain submission, and a sentence if some times are none."""
    times, odd = [], []
    for _, name, status in regular_files(HandedIn((), ((source, source.name),))):
        try:
            times.append(datetime.fromtimestamp(status.st_mtime, UTC))
        except (ValueError, OverflowError, OSError):  # no year from 1 to 9999
            odd.append(name)
    if not odd:
        return max(times, default=None), ()
    names = ", ".join(map(_shown, odd[:3])) + (", …" if len(odd) > 3 else "")
    return max(times, default=None), (f"The time of {names} is no date, so it was not used.",)


def packed_download(source: Path, assignment: str = "") -> str:
    """What a zip file looks like if it is the bulk download of a platform or a class, else ''."""
    if source.suffix.lower() != ".zip" or not _is_file(source):
        return ""
    names = [name.replace("\\", "/") for name in zip_names(source)]
    names = [name for name in names if not any(map(ignored, name.split("/")))]
    for _ in range(MOST_ENTERED):
        if name := _packed(names, assignment):
            return name
        top = {name.split("/")[0] for name in names}
        if len(top) > 1 or not names:
            return ""
        names = [inner for name in names if (inner := name.partition("/")[2])]
    return ""


def _packed(names: Sequence[str], assignment: str) -> str:
    folders = {name.split("/")[0] for name in names if "/" in name}
    tops = list(dict.fromkeys(name.split("/")[0] for name in names))
    entries = [top for top in tops if top in folders or handed_in_as(top)]
    if GRADESCOPE_METADATA in names and all(map(GRADESCOPE_ENTRY.fullmatch, entries)):
        return "Gradescope's export"
    for name, looks_like in PLATFORMS.items():
        if looks_like(tops, entries):
            return name
    notebooks = [name for name in names if handed_in_as(name) == ".ipynb"]
    holding = {
        name.split("/")[0] for name in names if handed_in_as(name) and ("/" in name or name.lower().endswith(".zip"))
    }
    loose = [
        top for top in tops if top not in folders and PurePosixPath(top).suffix.lower() not in (*BESIDE_A_CLASS, ".zip")
    ]
    return "a class" if len(holding) >= SEVERAL and not loose and not _is_clear(notebooks, assignment) else ""


# --- unique ids ---------------------------------------------------------------------------------------------------


def _with_unique_ids(found: list[HandedIn]) -> list[HandedIn]:
    """Equal names in different folders are different students, so the later ones get a number that is nobody's name."""
    taken = {student.id for handed in found for student in handed.students}
    given: dict[tuple[str, Path], str] = {}
    unique = []
    for handed in found:
        first, *others = handed.students
        here = Path(os.path.abspath(handed.files[0][0])).parent
        if (first.id, here) not in given:
            again = any(id == first.id for id, _ in given)
            given[first.id, here] = free_id(first.id, taken) if again else first.id
        unique.append(replace(handed, students=(replace(first, id=given[first.id, here]), *others)))
    return unique


def free_id(id: str, taken: set[str]) -> str:
    """The id, or the id with a number if it is taken already. It is taken from now on."""
    number = 1
    free = id
    while free in taken:
        number += 1
        free = f"{id}-{number}"
    taken.add(free)
    return free


def _names(handed: HandedIn) -> str:
    return ", ".join(one_line(path.name, 80) for path, _ in handed.files)


def _shown(path: object) -> str:
    return one_line(str(path), 100)


def _oldest() -> datetime:
    return datetime.min.replace(tzinfo=UTC)
