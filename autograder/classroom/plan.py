"""Decides what to grade. A question is graded again only if something that affects its verdicts has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.assignment import Assignment
from autograder.classroom.intake import HandedIn
from autograder.classroom.store import Record, digest_of, results_folder, stamps
from autograder.engine.submission import shortened
from autograder.limits import Limits
from autograder.tensors import read_tensors
from data_scripts import Prepared

MOST_REMARKS = 10


@dataclass(frozen=True)
class Plan:
    """A submission: the folder for its results, its record (None: none usable), and the ``questions`` to grade.

    ``before`` is the record that is in the folder, also if it is of no use. ``why`` says why there is something to grade.
    """

    handed: HandedIn
    folder: Path
    digest: str
    files: tuple[tuple[str, int, int], ...]
    record: Record | None
    questions: frozenset[str]
    before: Record | None = None
    why: str = ""


def parts_of(assignment: Assignment, bundle: Path, data: Prepared | None) -> dict[str, str]:
    """For each question, a hash of everything that affects its verdicts except the submission and the points."""
    common = [repr(assignment.limits), assignment.files, assignment.picture_probe, assignment.follow_through]
    common += [sheet.id for sheet in assignment.written]
    tests: dict[str, list] = {}
    for entry in read_tensors(bundle / "key.safetensors")[1]["tests"]:
        tests.setdefault(entry["question"], []).append(entry)
    parts = {question.id: _hash([common, tests.get(question.id)]) for question in assignment.questions}
    manifest = (data.folder / "manifest.json").read_text(encoding="utf-8") if data else None
    for artefact in assignment.artefacts:
        needed = [hashlib.sha256(file.read_bytes()).hexdigest() for file in artefact.extra_files(assignment.dataset)]
        parts[artefact.question] = _hash([common, artefact.kind, artefact.settings(), manifest, needed])
    return parts


def sheet_of(assignment: Assignment) -> str:
    """A hash of the settings that turn results into points and text."""
    return _hash(
        repr(replace(assignment, limits=Limits(), files=(), colab_url="", picture_probe="", follow_through=True))
    )


def make_plan(handed: HandedIn, out: Path, parts: Mapping[str, str], regrade: bool) -> Plan:
    """The plan for a submission, from its record. What cannot be read of it becomes a remark for the instructor."""
    remarks: list[str] = []
    unreadable: list[str] = []
    folder, record = results_folder(out, handed.students)
    files = stamps(handed, remarks)
    digest = record.digest if record and record.files == files else digest_of(handed, unreadable)
    if unreadable:  # when it can be read one day, its size and time are the same
        files = ()
    same = record is not None and record.digest == digest
    if same:
        handed = _timed(handed, record)
    handed = replace(handed, remarks=(*handed.remarks, *shortened([*remarks, *unreadable], MOST_REMARKS)))
    if not same or regrade:
        why = "graded again" if same else "another submission" if record else ""
        return Plan(handed, folder, digest, files, None, frozenset(parts), record, why)
    stale = frozenset(question for question, part in parts.items() if record.parts.get(question) != part)
    tried = all(question not in record.parts for question in stale)
    why = "" if not stale else "tried again" if tried else "tests or limits changed"
    return Plan(handed, folder, digest, files, record, stale, record, why)


def _timed(handed: HandedIn, record: Record) -> HandedIn:
    """The same bytes keep the time that a platform or the first run recorded: copying them changes the time of files."""
    if not handed.unsure or record.submitted is None:
        return handed
    if not record.unsure or record.submitted < handed.submitted:
        return replace(handed, submitted=record.submitted, unsure=record.unsure)
    return handed


def kept_plan(folder: Path, record: Record, parts: Mapping[str, str]) -> Plan:
    """The plan for a record whose submission is not among those of this run: nothing is graded."""
    stale = [question for question, part in parts.items() if record.parts.get(question) != part]
    remarks = ()
    if stale:
        remarks = (
            f"Graded before {', '.join(stale)} changed, and not handed to this run; grade it again with its files.",
        )
    handed = HandedIn(record.students, (), record.submitted, record.late, remarks, record.unsure)
    return Plan(handed, folder, record.digest, record.files, record, frozenset(), record)


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
