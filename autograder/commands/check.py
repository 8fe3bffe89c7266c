"""``./kit check``: check the settings, dry-run the solution and the blank notebook, and print the point sheet."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox import preload

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.table import Table

    from autograder.assignment import Assignment
    from autograder.engine.report import Report, Verdict
    from autograder.release.public import Slips

EXAMPLE = "./kit check simclr --submission runs/demo-simclr/submissions/solution.zip"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the assignment, e.g. simclr")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with the prepared data set (default: the usual places)"
    )
    parser.add_argument(
        "--submission",
        type=Path,
        metavar="PATH",
        help="a finished run of the solution with all its files (folder or zip), to check the artefacts too",
    )


def run(arguments: argparse.Namespace) -> int:
    from autograder.assignment import read_assignment
    from autograder.course import find_course
    from autograder.datasets import find_data
    from autograder.errors import KitError

    name, submission = arguments.name, arguments.submission
    folder = find_course(arguments.course).assignment(name)
    assignment = read_assignment(folder.settings)  # reports a wrong entry at once
    if submission and not submission.exists():
        raise KitError(f"{submission} does not exist")
    data = find_data(assignment.dataset, arguments.data, folder.course)
    preload.start_over(arguments.command_line, framework=folder.framework)

    import nbformat
    from rich.console import Console

    from autograder.engine.grade import Grader
    from autograder.engine.scoring import unreached
    from autograder.limits import LOCAL_PATIENCE
    from autograder.release.bundle import build_bundle
    from autograder.release.course import assignment_master, left_out
    from autograder.release.notebooks import notebook_bytes, student_notebook
    from autograder.release.public import all_slips, public_key
    from autograder.release.travel import public_cells, same_but_numbers, with_checks

    def say(text: str) -> None:
        print(f"kit: {text}", file=sys.stderr)

    console, bundle = Console(), build_bundle(folder, say)
    master = assignment_master(folder)
    student = with_checks(student_notebook(master), public_cells(folder, master, say))
    blank = notebook_bytes(student)
    # A machine without a sandbox may run the course's own notebooks.
    with (
        Grader(bundle, data, unsafe=submission is None, patience=LOCAL_PATIENCE) as grader,
        tempfile.TemporaryDirectory() as scratch,
    ):
        console.print(point_sheet(assignment, list(unreached(assignment, grader.key).values())))
        for line in rules(assignment, left_out(master, assignment)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        for line in public_lines(all_slips(folder, public_key(folder))):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        say("dry run of the solution and of the blank notebook")
        solution = submission or written(Path(scratch) / "solution" / f"{name}.ipynb", notebook_bytes(master))
        best = grader.grade(solution)
        worst = grader.grade(written(Path(scratch) / "blank" / f"{name}.ipynb", blank))
    files = frozenset(artefact.question for artefact in assignment.artefacts)
    untried = frozenset() if submission else files
    console.print(outcome(best, worst, untried), highlight=False, markup=False, soft_wrap=True)
    built = folder.student
    if not built.is_file() or not same_but_numbers(nbformat.read(built, as_version=4), student):
        say(f"{built} is out of date; run ./kit build {name}")
    wrong = [*too_little(best, files, untried), *too_much(worst)]
    for sentence in wrong:
        say(sentence)
    if wrong:
        raise KitError(f"{name} is not ready for release; fix the {len(wrong)} problem{'s' * (len(wrong) > 1)} above")
    return 0


def written(path: Path, content: bytes) -> Path:
    """Write a submission with one file. Returns its folder."""
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path.parent


def too_little(report: Report, files: Collection[str], untried: Collection[str]) -> list[str]:
    """A sentence for each test in which the solution does not earn all points, or which it fails, even for 0 points.

    ``files`` are the questions with artefacts; ``untried`` are those whose files are absent.
    """
    return [
        f"the solution earns {v.points:g} of {v.possible + v.bonus:g} points in {v.question} {v.test}: {v.message}"
        for v in report.verdicts
        if v.question not in untried and (v.points < v.possible + v.bonus or (v.question not in files and not v.passed))
    ]


def too_much(report: Report) -> list[str]:
    """A sentence for each test that the blank notebook passes, even for 0 points."""
    return [
        f"the blank notebook passes {v.question} {v.test} ({v.points:g} points), so students earn them without any work"
        for v in report.verdicts
        if v.points > 0 or v.share > 0
    ]


def point_sheet(assignment: Assignment, verdicts: Sequence[Verdict]) -> Table:
    """The points of every test, from the verdicts of a submission before anything is graded."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from autograder.frontends.terminal import by_question

    table = Table(title=Text(assignment.title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("", "question", "test", "what is tested"):
        table.add_column(column, overflow="fold")
    table.add_column("points", justify="right", no_wrap=True)
    extra = {(a.question, test.id): test.bonus for a in assignment.artefacts for test in a.tests()}
    for question, group in by_question(list(verdicts)).items():
        on_top = {v.test: extra.get((question, v.test), v.bonus) for v in group}
        whole = worth(sum(v.possible for v in group), sum(on_top.values()))
        for row, v in enumerate(group):
            heads = (question, f"{v.question_title} ({whole})") if row == 0 else ("", "")
            table.add_row(*map(Text, (*heads, v.test, v.title, worth(v.possible, on_top[v.test]))))
        table.add_section()
    bonus = sum(extra.values()) + sum(v.bonus for v in verdicts)
    if not assignment.written:
        table.add_row("", "total", "", "", worth(assignment.possible, bonus))
        return table
    for sheet in assignment.written:
        table.add_row(
            *map(Text, (sheet.id, sheet.title, "", "a written answer, graded by hand", worth(sheet.points, 0)))
        )
    table.add_section()
    by_hand = f"{worth(assignment.possible, 0)} + {worth(assignment.by_hand, 0)}"
    table.add_row("", "total", "", "by machine + by hand", by_hand)
    if bonus:
        table.add_row("", "bonus", "", "", worth(0, bonus))
    return table


def worth(points: float, bonus: float) -> str:
    """Points and bonus points as text: 8, 8 + 5, + 5."""
    from autograder.frontends.terminal import number

    return " ".join([number(points)] * bool(points or not bonus) + [f"+ {number(bonus)}"] * bool(bonus))


def rules(assignment: Assignment, left_out: Sequence[str]) -> list[str]:
    """The rules for points other than the tests, one per line."""
    lines = [f"not graded, because students get their code: {', '.join(left_out)}"] if left_out else []
    lines += [f"{artefact.question}: {artefact.rule(assignment.dataset)}" for artefact in assignment.artefacts]
    if late := assignment.late:
        lines.append(
            f"due {late.due.isoformat(' ', 'minutes')}; {late.grace_minutes:g} minutes of grace; then each started day "
            f"costs {100 * late.per_day:g}% of the points earned; after {late.most_days} days there are no points"
        )
    return lines


def public_lines(slips: Sequence[Slips]) -> list[str]:
    """How many known mistakes pass the public checks, in all and in each question with one, and which they are."""
    known, passed = sum(one.known for one in slips), sum(len(one.passed) for one in slips)
    lines = [f"public checks: {passed} of {known} known mistakes pass"]
    return lines + [
        f"  {one.question}: {len(one.passed)} of {one.known}: {', '.join(one.passed)}" for one in slips if one.passed
    ]


def outcome(best: Report, worst: Report, untried: Collection[str]) -> str:
    """The points of both dry runs, and which questions were not tried."""
    tried = [v for v in best.verdicts if v.question not in untried]
    earned, possible = sum(v.points for v in tried), sum(v.possible + v.bonus for v in tried)
    text = f"solution: {earned:g} of {possible:g} points; blank notebook: {worst.score:g}"
    if untried:
        text += (
            f"\nnot tried: {', '.join(sorted(untried))}, because a notebook alone does not contain the files of a training; "
            "give a finished run with --submission PATH to try them"
        )
    return text
