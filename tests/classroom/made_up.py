"""A made-up class: real verdicts of an assignment, with scores, mistakes and accuracies drawn by chance."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from autograder.artefacts import Finding, Headline
from autograder.assignment import Assignment, read_assignment
from autograder.classroom.model import Graded, Student
from autograder.engine.answer_key import read_key
from autograder.engine.report import Report, Verdict
from autograder.engine.scoring import headlines, unreached
from tests.checkout import COURSE

HOSTILE = (
    "<script>alert(1)</script>",
    "../../x",
    "=cmd|'/c calc'!A1",
    "\u202eevil\u202c שלום",
    "N" * 300,
    '"); DROP TABLE, grades; --',
    "\x1b[31mred\udcff",
)
FIRST = (
    "Ana", "Bo", "Chiara", "Dmitri", "Élodie", "Farid", "Grace", "Hanna", "Ivo", "Jörg", "Kofi", "Li", "Mara",
    "Noor", "Olu", "Priya", "Quinn", "Rosa", "Sören", "Tariq",
)  # fmt: skip
LAST = (
    "Abe", "Berg", "Costa", "Díaz", "Eze", "Fischer", "Gupta", "Haddad", "Ivanova", "Jones", "Kim", "Lopez",
    "Moreau", "Nowak", "Okafor", "Petrov", "Qi", "Rossi",
)  # fmt: skip


def assignment(name: str = "simclr") -> Assignment:
    """The settings of an assignment of the kit."""
    return read_assignment(COURSE.assignment(name).bundle / "assignment.toml")


def blank(name: str = "simclr") -> list[Verdict]:
    """Its verdicts, none of them reached."""
    key = {(test.question, test.id): test for test in read_key(COURSE.assignment(name).bundle / "key.safetensors")}
    return list(unreached(assignment(name), key).values())


def member(number: int, verdicts: list[Verdict], hints: dict, rng: random.Random, sheet: Assignment) -> Graded:
    """One student: able in some degree, and wrong in the ways that the answer key knows."""
    ability = min(1.0, max(0.05, rng.gauss(0.72, 0.25)))
    done = [_verdict(verdict, ability, hints, rng) for verdict in verdicts]
    findings = {a.question: _accuracy(ability, rng) for a in sheet.artefacts if a.kind == "accuracy"}
    worth = {a.question: a.earned(findings[a.question]) for a in sheet.artefacts if a.question in findings}
    for place, verdict in enumerate(done):
        if verdict.question in worth:
            points, message = worth[verdict.question][verdict.test]
            done[place] = replace(verdict, points=points, message=message, misconception=None)
    student = Student(f"s{number:04}", f"{rng.choice(FIRST)} {rng.choice(LAST)}", f"s{number:04}@uni.edu")
    attention = ()
    if rng.random() < 0.06:
        attention = (rng.choice([
            "The notebook ran out of time in cell 14; the tests after it were asked of a fresh session.",
            "The submission was stopped: it used more than 1500 MB.",
            "A cell tried to open a network connection (socket is not permitted).",
        ]),)  # fmt: skip
    late = rng.random() < 0.05
    seconds = rng.lognormvariate(1.0, 0.35) + (40 if attention else 0)
    report = Report("simclr", sheet.title, f"{student.id}.zip", done, findings=findings, seconds=seconds)
    report.headlines = headlines(sheet, findings)
    return Graded(
        student, Path("grades") / student.id, report, attention=attention,
        submitted=datetime(2026, 11, 1, 12) + timedelta(minutes=number),
        deduction=5.0 if late else 0.0, late="handed in 14 hours after the due date: 10 % off" if late else "",
    )  # fmt: skip


def _accuracy(ability: float, rng: random.Random) -> Finding:
    if rng.random() > 0.9:
        return Finding({"accuracy": "simclr_lin_best.pt is not in the submission."})
    correct = int(10_000 * min(0.93, max(0.1, rng.gauss(0.45 + 0.4 * ability, 0.06))))
    numbers = {"correct": correct, "evaluated": 10_000, "dataset_size": 10_000}
    headline = Headline("Top-1 accuracy", "top1", correct / 10_000, f"{correct / 100:.2f} %")
    return Finding({"accuracy": f"{correct} of 10000 images are right."}, numbers, headline=headline)


def top1(one: Graded) -> float | None:
    """The accuracy of a student's checkpoint; None where it was not measured."""
    return one.report.headlines["q6"].value if one.report.headlines else None


def _verdict(verdict: Verdict, ability: float, hints: dict, rng: random.Random) -> Verdict:
    if rng.random() < ability**0.5:
        return replace(verdict, points=verdict.possible + verdict.bonus, share=1.0, message="")
    known = hints.get((verdict.question, verdict.test), [])
    if known and rng.random() < 0.6:
        mistake = known[min(int(rng.expovariate(1.2)), len(known) - 1)]
        return replace(verdict, message=mistake.hint, misconception=mistake.id)
    return replace(verdict, message="`loss` does not match the definition (on all 12 inputs).")


def made_up_class(students: int = 200, name: str = "simclr", seed: int = 1) -> list[Graded]:
    """A class of ``students``; the same for the same seed."""
    rng, verdicts, sheet = random.Random(seed), blank(name), assignment(name)
    key = read_key(COURSE.assignment(name).bundle / "key.safetensors")
    hints = {(test.question, test.id): [m for m in test.misconceptions if not m.harmless] for test in key}
    return [member(number, verdicts, hints, rng, sheet) for number in range(students)]
