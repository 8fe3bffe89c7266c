"""What is known of a submission, turned into points by the settings of its assignment. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autograder.assignment import SAMPLES, AccuracySheet, Assignment
from autograder.engine.judge import KeyTest
from autograder.engine.measure import Measured, earned
from autograder.engine.report import Report, Verdict
from autograder.engine.samples import samples_earned

NOT_REACHED = "Not graded: the time for this submission ran out before this test."
Key = Mapping[tuple[str, str], KeyTest]


def unreached(assignment: Assignment, key: Key) -> dict[tuple[str, str], Verdict]:
    """The verdicts of a submission of which nothing is graded yet; those of bonus questions come last."""
    verdicts = {}
    for question in assignment.questions:
        for test, points in question.points.items():
            title = key[question.id, test].title
            possible, bonus = (0, points) if question.bonus else (points, 0)
            verdicts[question.id, test] = Verdict(
                question.id, question.title, test, title, 0, possible, NOT_REACHED, assignment.visibility.tests,
                bonus=bonus,
            )  # fmt: skip
    if sheet := assignment.accuracy:
        for test, title, points in (("accuracy", "top-1 accuracy", sheet.points), ("bonus", "bonus", 0)):
            verdicts[sheet.question, test] = Verdict(
                sheet.question, sheet.title, test, title, 0, points, NOT_REACHED, assignment.visibility.accuracy
            )
    if sheet := assignment.samples:
        for test, title in SAMPLES.items():
            verdicts[sheet.question, test] = Verdict(
                sheet.question, sheet.title, test, title, 0, sheet.points[test], NOT_REACHED,
                assignment.visibility.accuracy,
            )  # fmt: skip
    extra = {question.id for question in assignment.questions if question.bonus}
    return dict(sorted(verdicts.items(), key=lambda item: item[0][0] in extra))


def accuracy_earned(sheet: AccuracySheet, measured: Measured) -> dict[str, tuple[float, str]]:
    """Points of a checkpoint's accuracy and of its bonus, with the sentences for the student."""
    points, bonus = earned(sheet, measured.accuracy)
    over = f"Earned by more than {sheet.bonus_above:.0%}: {sheet.bonus:g} points." if bonus else ""
    return {"accuracy": (points, measured.message), "bonus": (bonus, over or f"For more than {sheet.bonus_above:.0%}.")}


def rescored(assignment: Assignment, key: Key, report: Report) -> Report:
    """The report of the same submission under the present points, titles, thresholds, visibility and choice of questions.

    Tests of which the report knows nothing stay without points.
    """
    known = {(verdict.question, verdict.test): verdict for verdict in report.verdicts}
    measured = {}
    if (sheet := assignment.accuracy) and report.measured:
        measured = {(sheet.question, test): worth for test, worth in accuracy_earned(sheet, report.measured).items()}
    if (sheet := assignment.samples) and report.findings:
        measured = {(sheet.question, test): worth for test, worth in samples_earned(sheet, report.findings).items()}
    verdicts = []
    for place, blank in unreached(assignment, key).items():
        if place in measured:
            points, message = measured[place]
            verdicts.append(replace(blank, points=points, message=message))
        elif old := known.get(place):
            points = old.share * (blank.possible + blank.bonus)
            found = {name: getattr(old, name) for name in ("message", "detail", "misconception", "share", "incident")}
            verdicts.append(replace(blank, points=points, **found))
        else:
            verdicts.append(blank)
    return replace(report, title=assignment.title, verdicts=verdicts)


def merged(old: Report, new: Report, questions: set[str], ran: bool) -> Report:
    """What both reports of one submission know: the new one of ``questions``, the old one of all others.

    ``ran`` says that the new one comes from a run of the notebook, so that what was seen on the way is the new one's.
    """
    kept = [verdict for verdict in old.verdicts if verdict.question not in questions]
    seen = new if ran else old
    return replace(
        new,
        verdicts=kept + [verdict for verdict in new.verdicts if verdict.question in questions],
        remarks=seen.remarks,
        notes=list(dict.fromkeys(old.notes + new.notes)),
        incidents=seen.incidents,
        pictures=new.pictures or old.pictures,
        measured=new.measured or old.measured,
        findings=new.findings or old.findings,
        seconds=old.seconds + new.seconds,
    )
