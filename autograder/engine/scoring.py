"""Computes points from the results of a submission and the settings of its assignment. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from autograder.artefacts import Artefact, Finding, Headline
from autograder.assignment import Assignment
from autograder.engine.judge import KeyTest
from autograder.engine.report import Report, Verdict, Written

MANY_STUBS = 3  # one or two may be left out on purpose
NOT_REACHED = "Not graded: the time for this submission ran out before this test."
OUT_OF_TIME = (
    "the time for this submission ran out before this was finished; what was certain by then counts, and the next run "
    "tries it again"
)
# What a verdict says of a submission, whatever the points of the test are.
FOUND = ("message", "detail", "misconception", "share", "incident", "unfinished", "where", "example", "cell", "line")
Key = Mapping[tuple[str, str], KeyTest]


def unreached(assignment: Assignment, key: Key) -> dict[tuple[str, str], Verdict]:
    """The verdicts of a submission before anything is graded. Those of bonus questions come last."""
    verdicts = {}
    for question in assignment.questions:
        for test, points in question.points.items():
            title = key[question.id, test].title
            possible, bonus = (0, points) if question.bonus else (points, 0)
            verdicts[question.id, test] = Verdict(
                question.id, question.title, test, title, 0, possible, NOT_REACHED, assignment.shown.tests,
                bonus=bonus, incident=OUT_OF_TIME, unfinished=True,
            )  # fmt: skip
    for artefact in assignment.artefacts:
        for test in artefact.tests():
            verdicts[artefact.question, test.id] = Verdict(
                artefact.question, artefact.title, test.id, test.title, 0, test.points, NOT_REACHED,
                assignment.shown.artefacts, incident=OUT_OF_TIME, unfinished=True,
            )  # fmt: skip
    extra = {question.id for question in assignment.questions if question.bonus}
    return dict(sorted(verdicts.items(), key=lambda item: item[0][0] in extra))


def unsaved(stubs: int, files: Sequence[str]) -> list[str]:
    """A question to the student, if ``stubs`` functions are untouched although ``files`` of a training run are there."""
    if stubs < MANY_STUBS or not files:
        return []
    *most, last = files
    there = f"{', '.join(most)} and {last} are" if most else f"{last} is"
    return [f"{stubs} stubs are untouched, although {there} there: was the notebook saved before it was handed in?"]


def written(assignment: Assignment, answers: Mapping[str, str]) -> list[Written]:
    """The written questions with the answers of a submission; nobody has graded them yet."""
    return [Written(sheet.id, sheet.title, sheet.points, answers.get(sheet.id, "")) for sheet in assignment.written]


def headlines(assignment: Assignment, findings: Mapping[str, Finding]) -> dict[str, Headline]:
    """The headline of each question that has one. If several artefacts are of one kind, its title names the question."""
    named = {}
    for artefact in assignment.artefacts:
        found = findings.get(artefact.question)
        if found is None or found.headline is None:
            continue
        headline, question = found.headline, artefact.question
        if sum(other.kind == artefact.kind for other in assignment.artefacts) > 1:
            headline = replace(headline, title=f"{question}: {headline.title}", column=f"{question} {headline.column}")
        named[question] = headline
    return named


def earned(artefact: Artefact, finding: Finding) -> dict[str, dict[str, object]]:
    """What a finding changes in the verdict of each test: points, the share of all that it can earn, the message, and
    whether it is finished."""
    worth = {test.id: test.points + test.bonus for test in artefact.tests()}
    state = {"unfinished": not finding.finished, "incident": "" if finding.finished else OUT_OF_TIME}
    return {
        test: {"points": points, "share": points / worth[test] if worth[test] else 0.0, "message": message, **state}
        for test, (points, message) in artefact.earned(finding).items()
    }


def rescored(assignment: Assignment, key: Key, report: Report) -> Report:
    """The report of the same submission with the current points, titles, thresholds, visibility and choice of questions.

    Tests that are not in the report get no points.
    """
    known = {(verdict.question, verdict.test): verdict for verdict in report.verdicts}
    measured = {
        (artefact.question, test): worth
        for artefact in assignment.artefacts
        if artefact.question in report.findings
        for test, worth in earned(artefact, report.findings[artefact.question]).items()
    }
    verdicts = []
    for place, blank in unreached(assignment, key).items():
        if place in measured:
            verdicts.append(replace(blank, **measured[place]))
        elif old := known.get(place):
            points = old.share * (blank.possible + blank.bonus)
            found = {name: getattr(old, name) for name in FOUND}
            verdicts.append(replace(blank, points=points, **found))
        else:
            verdicts.append(blank)
    return replace(
        report, title=assignment.title, feedback=assignment.feedback, verdicts=verdicts,
        headlines=headlines(assignment, report.findings),
        written=written(assignment, {one.question: one.answer for one in report.written}),
    )  # fmt: skip


def merged(old: Report, new: Report, questions: set[str], ran: bool) -> Report:
    """Merge two reports of one submission: ``questions`` from the new report, all others from the old one.

    ``ran``: the new report comes from a run of the notebook, so remarks and incidents are taken from it too. Where the time
    ran out in the new one, the points of the old one stay: nothing that was earned is lost to a busy machine.
    """
    new = with_earlier(old, new, questions)
    kept = [verdict for verdict in old.verdicts if verdict.question not in questions]
    seen = new if ran else old
    pictures = [picture for picture in seen.pictures if not picture.question]
    pictures += [picture for picture in old.pictures if picture.question and picture.question not in questions]
    pictures += [picture for picture in new.pictures if picture.question in questions]
    findings = {question: found for question, found in old.findings.items() if question not in questions}
    return replace(
        new,
        verdicts=kept + [verdict for verdict in new.verdicts if verdict.question in questions],
        remarks=seen.remarks,
        filled=seen.filled,
        cells=seen.cells,
        checks=seen.checks,
        notes=list(dict.fromkeys(old.notes + new.notes)),
        incidents=seen.incidents,
        pictures=pictures,
        findings=findings | new.findings,
        seconds=old.seconds + new.seconds,
    )


def with_earlier(old: Report, new: Report, questions: set[str]) -> Report:
    """The new report with what the old one knows better, because in the new one the time ran out.

    That is a test that the new one did not finish, and a measurement that earned more; both stay unfinished.
    """
    known = {(verdict.question, verdict.test): verdict for verdict in old.verdicts if verdict.question in questions}
    verdicts, findings = [], dict(new.findings)
    for verdict in new.verdicts:
        earlier = known.get((verdict.question, verdict.test))
        better = verdict.unfinished and earlier is not None and earlier.points > verdict.points
        if better and verdict.question in old.findings:
            findings[verdict.question] = replace(old.findings[verdict.question], finished=False)
        verdicts.append(replace(earlier, unfinished=True, incident=verdict.incident) if better else verdict)
    return replace(new, verdicts=verdicts, findings=findings)
