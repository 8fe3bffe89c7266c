"""``./kit grade``: grade one submission or those of a whole class, on this machine or on a cluster."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder.course import find_course
from autograder.errors import KitError
from autograder.sandbox import preload

EXAMPLE = "./kit grade simclr submissions/ --out grades --jobs 4"
MEMORY_PER_JOB = 2 << 30
MOST_JOBS = 64
FEW = 5
MOST_NOTES = 200
MOST_CHANGES = 20


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the assignment, e.g. simclr")
    parser.add_argument(
        "submissions", nargs="+", type=Path, metavar="SUBMISSION",
        help="a folder, a zip or an .ipynb; or a folder with the submissions of a class: one entry per student, "
        "nbgrader's submitted/, or an unpacked bulk download of Gradescope, Canvas or Moodle",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("grades"), metavar="DIR", help="folder for the results (default: grades)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with the prepared data set (default: the usual places)"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="submissions graded in parallel (default: by processors and memory)"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="grade on the workers of this Dask scheduler, tcp://…")
    parser.add_argument("--regrade", action="store_true", help="also grade submissions that have not changed")
    parser.add_argument(
        "--only", action="append", default=[], metavar="STUDENT",
        help="grade only this student's submission again, by id, name or e-mail address; can be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--roster",
        type=Path,
        metavar="CSV",
        help="the students of the class: an export of Canvas, Moodle or Gradescope, or a table with id,name",
    )
    parser.add_argument(
        "--leaderboard", action="store_true", help="show artefact results in the class report, under pseudonyms"
    )
    parser.add_argument(
        "--unsafe",
        action="store_true",
        help="grade even if this machine cannot isolate student code from your files and processes",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.jobs is not None and not 1 <= arguments.jobs <= MOST_JOBS:
        raise KitError(f"--jobs is {arguments.jobs}, expected a number from 1 to {MOST_JOBS}")
    refuse_mixed(arguments.submissions, arguments.out)
    check_arguments(arguments)
    jobs = arguments.jobs or default_jobs()
    if not arguments.scheduler:
        framework = find_course(arguments.course).assignment(arguments.name).framework
        preload.start_over(arguments.command_line, jobs, framework)

    from rich.console import Console
    from tqdm import tqdm

    from autograder.assignment import read_assignment
    from autograder.classroom.cluster import Cluster
    from autograder.classroom.grade_class import (
        ClassRun,
        carry_out,
        other_plans,
        plans_of,
        read_settings,
        refuse_other_assignment,
        tasks_of,
    )
    from autograder.classroom.intake import Notes, find_submissions
    from autograder.classroom.manual import read_marks
    from autograder.classroom.pool import Pool
    from autograder.classroom.roster import read_roster
    from autograder.classroom.store import locked
    from autograder.classroom.summary import given_cells, write_summary
    from autograder.datasets import find_data
    from autograder.engine.submission import shortened
    from autograder.frontends.terminal import print_report
    from autograder.release.bundle import build_bundle

    course = find_course(arguments.course)
    folder = course.assignment(arguments.name)
    bundle = build_bundle(folder, say=say)
    assignment = read_assignment(bundle / "assignment.toml")
    data = find_data(assignment.dataset, arguments.data, folder.course)
    roster = read_roster(arguments.roster) if arguments.roster else None
    notes = Notes()
    handed = find_submissions(arguments.submissions, arguments.name, notes, course.names())
    handed = chosen(handed, arguments.only, roster, notes)
    if roster:
        notes.append(roster.described)
    if assignment.late and (unsure := sum(one.unsure for one in handed)):
        notes.append(
            f"{unsure} of {len(handed)} submissions have no time but that of their newest file, which copying changes; "
            "a time that was recorded earlier for the same files is kept"
        )
    for note in shortened(notes, MOST_NOTES):
        say(note)
    settings = read_settings(bundle, data, given_cells(folder.student))
    console, result, out = Console(), ClassRun(passed=notes.passed), arguments.out
    with locked(out):
        settings = replace(settings, marks=read_marks(out, assignment))
        refuse_other_assignment(out, settings.assignment)
        plans = plans_of(handed, out, settings, arguments.regrade or bool(arguments.only), result)
        waiting = tasks_of(plans)
        if len(waiting) < len(plans):
            say(f"{len(plans) - len(waiting)} of {len(plans)} submissions are already graded and have not changed")
        if others := other_plans(out, plans, settings, result):
            notes.append(kept_note(out, others))
            say(notes[-1])

        def outcomes(tasks):
            if not tasks:
                return
            workers = (
                Cluster(arguments.scheduler, bundle, assignment.dataset, data, arguments.unsafe)
                if arguments.scheduler
                else Pool(bundle, data, arguments.unsafe, min(jobs, len(tasks)))
            )
            with workers, tqdm(total=len(tasks), desc="grading", unit=" submissions", disable=None) as bar:
                for done, (number, outcome) in enumerate(workers.run(tasks), start=1):
                    yield number, outcome
                    bar.update()
                    if bar.disable:
                        say(progress_line(done, len(tasks), plans[number], result))

        def show(plan, report):
            if report and plan.handed.files and len(plans) <= FEW:
                print_report(console, report)
                results = f"  {plan.folder / 'results.json'}\n  {plan.folder / 'report.html'}\n"
                console.print(results, markup=False, highlight=False, soft_wrap=True)

        plans += others
        carry_out(plans, settings, outcomes, result, show)
        notes += result.failures
        for line in write_summary(out, plans, settings, result, roster, arguments.leaderboard, notes):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    for line in shortened(result.changes, MOST_CHANGES):
        say(line)
    if len(result.changes) > MOST_CHANGES:
        say(f"{out / 'class.html'} lists them all")
    for failure in result.failures:
        say(failure)
    return 2 if result.failures else 0


def check_arguments(arguments: argparse.Namespace) -> None:
    """Find what is wrong with the arguments before torch is imported, which takes seconds.

    Raises:
        KitError: a path, the name or the roster is wrong, or there is nothing to grade.
    """
    if preload.waiting:  # this was done before the process was replaced
        return
    from autograder.classroom.intake import Notes, find_submissions
    from autograder.classroom.roster import read_roster

    course = find_course(arguments.course)
    course.assignment(arguments.name)
    once = arguments.roster and arguments.roster.exists() and not arguments.roster.is_file()  # a pipe is read only once
    roster = read_roster(arguments.roster) if arguments.roster and not once else None
    notes = Notes()
    handed = find_submissions(arguments.submissions, arguments.name, notes, course.names())
    if not once:
        chosen(handed, arguments.only, roster, notes)


def chosen(handed: list, only: Sequence[str], roster, notes) -> list:
    """The submissions of the students in ``only``; all, if there is none. The others are noted as not graded now.

    Raises:
        KitError: a student has no submission, with the names that are there.
    """
    if not only:
        return handed
    from autograder.classroom.intake import PassedOver
    from autograder.text import one_line

    def known_as(student) -> set[str]:
        entry = roster.find(student) if roster else None
        group = roster.group(student) if roster else ()
        people = [student, *([entry] if entry else []), *group]
        return {value.casefold() for one in people for value in (one.id, one.name, one.email) if value}

    names = [(one, set().union(*map(known_as, one.students))) for one in handed]
    for student in only:
        if not any(student.casefold() in known for _, known in names):
            there = [one_line(one.students[0].id, 40) for one in handed]
            listed = ", ".join(there[:10]) + (", …" if len(there) > 10 else "")
            raise KitError(f"--only {student}: no submission is this student's; the submissions are those of {listed}")
    wanted = {student.casefold() for student in only}
    for one, known in names:
        if not known & wanted:
            sentence = "handed in, but this run was for " + ", ".join(only)
            notes.passed += [PassedOver(student, sentence) for student in one.students]
    return [one for one, known in names if known & wanted]


def kept_note(out: Path, others: Sequence) -> str:
    """The sentence about results of earlier runs."""
    from autograder.text import one_line

    names = ", ".join(one_line(plan.handed.students[0].id, 40) for plan in others[:FEW])
    more = ", …" if len(others) > FEW else ""
    return (
        f"{out} also holds {len(others)} results of earlier runs ({names}{more}), which stay in the tables; remove a "
        "folder there to take its student out"
    )


def progress_line(done: int, of: int, plan, result) -> str:
    """The line about one submission, for a log."""
    from autograder.frontends.terminal import number
    from autograder.text import one_line

    who = ", ".join(one_line(student.shown, 40) for student in plan.handed.students[:3])
    record = result.records.get(plan.folder)
    graded = record and record is not plan.record
    said = f"{number(record.report.score)} of {number(record.report.possible())} points" if graded else "not graded"
    return f"{done} of {of}: {who}: {said}"


def refuse_mixed(sources: Sequence[Path], out: Path) -> None:
    """Refuse a folder for results that shares files with a source: a student's file would pass for a result.

    Raises:
        KitError: ``out`` is one of the sources, or lies inside one or around one.
    """
    results = out.resolve()
    for source in sources:
        place = source.resolve()
        if results == place or place in results.parents or results in place.parents:
            where = "is" if results == place else "lies inside" if place in results.parents else "contains"
            raise KitError(
                f"the folder for results, {out}, {where} {source}, which is to be graded, and files of students would "
                "pass for results; give another folder with --out, e.g. one beside the submissions"
            )


def say(text: str) -> None:
    print(f"kit: {text}", file=sys.stderr)


def default_jobs() -> int:
    """One job per processor, as far as memory allows."""
    import psutil

    fitting = psutil.virtual_memory().available // MEMORY_PER_JOB
    return int(max(1, min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, fitting, MOST_JOBS)))
