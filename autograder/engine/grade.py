"""Grade one submission: collect it, run its notebook in the sandbox, run every hidden test, measure its artefacts."""

from __future__ import annotations

import re
import tempfile
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from autograder.arrays import double, is_floating
from autograder.artefacts import Artefact, Finding, Inputs
from autograder.assignment import Assignment, read_assignment
from autograder.course_code import PACKAGE
from autograder.engine.answer_key import drawn, made_from, read_draws
from autograder.engine.clock import Clock, clock_of
from autograder.engine.counting import counted, counts_of
from autograder.engine.curves import FILE as METRICS
from autograder.engine.curves import read_curves
from autograder.engine.handed_report import read_report
from autograder.engine.hidden_tests import TestFailed, run_hidden_test
from autograder.engine.judge import Failure, Judgement, KeyTest, Result, judge, shows_work
from autograder.engine.notebook import Notebook, NotebookError, read_notebook, reader
from autograder.engine.outcomes import Answers
from autograder.engine.public_checks import OWN, Question, run_public
from autograder.engine.public_checks import read as read_public
from autograder.engine.reading import read_tensors
from autograder.engine.report import Filled, Report, Verdict, line_of
from autograder.engine.runner import CellOutcome, Runner
from autograder.engine.scoring import NOT_REACHED, OUT_OF_TIME, earned, headlines, unreached, unsaved, written
from autograder.engine.session import STUB, NotStopped, Probes, Sandbox, Session, SessionLost, StudentError
from autograder.engine.submission import Submission, collect
from autograder.engine.whereabouts import Explain, whereabouts
from autograder.errors import KitError, MachineError
from autograder.pictures import Picture
from autograder.questions.model import Count
from autograder.sandbox import layers, sightings
from autograder.sandbox.bindings import EVERYTHING
from autograder.sandbox.notebook import SKIP_TAG
from autograder.sandbox.sightings import BOUND, MOST_PLACES
from autograder.text import quoted, without_numbers
from data_scripts import Prepared

Publish = Callable[[Report], None]
Progress = Callable[[int], None]
DEFECT = "The grader itself failed in this test; that is not your fault. Please tell your instructor."
NEEDS = "Nothing is wrong here, but this test earns points only together with {}."
PICTURE_SECONDS = 10.0
PICTURE_TITLE = "Two views of eight test images, drawn by the submission's own transform"
MAX_TROUBLES = 20
HALTED = ("timeout", "lost", "definitions")
ENOUGH_TO_READ = 1.0  # seconds
# All public checks together, and the longest cell that is run again as a whole for them; of others the definitions are.
CHECKS_SECONDS = 30.0
SHORT_CELL = 2.0
# The shortest time between two reports while an artefact is measured.
PUBLISH_SECONDS = 1.0


@dataclass
class Grading:
    """A submission while it is graded. Every verdict is in ``verdicts`` from the start, so each report is complete.

    ``key`` has its tests with the draw of the cases that its code chooses, so a second grading asks the same.
    """

    assignment: Assignment
    key: dict[tuple[str, str], KeyTest]
    report: Report
    publish: Publish
    progress: Progress
    deadline: float
    clock: Clock = time.monotonic
    started: float = field(default_factory=time.monotonic)
    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    counts: Mapping[str, Count | None] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)  # the cell that defines a graded name
    right: set[tuple[str, str]] = field(default_factory=set)  # tests that passed
    working: set[tuple[str, str]] = field(default_factory=set)  # tests whose results show work (``shows_work``)
    missed: dict[str, str] = field(default_factory=dict)  # graded names that tests did not find, and where they may be
    slow: set[int] = field(default_factory=set)  # cells that take long, or do not end
    units: int = 0  # of progress: what the artefacts have done so far

    def record(self, question: str, test: str, **changes: object) -> None:
        """Replace a verdict, which is finished by that unless it is said, and publish the report."""
        verdict = self.verdicts[question, test]
        if verdict.unfinished:
            verdict = replace(verdict, unfinished=False, incident="")
        self.verdicts[question, test] = replace(verdict, **changes)
        self.publish_verdicts()

    def credit(self, artefact: Artefact, finding: Finding) -> None:
        """Give an artefact's tests the points that a finding earns, and publish the report."""
        question = artefact.question
        self.report.findings[question] = replace(finding, pictures=())
        self.report.headlines = headlines(self.assignment, self.report.findings)
        for test, changes in earned(artefact, finding).items():
            self.verdicts[question, test] = replace(self.verdicts[question, test], **changes)
        self.publish_verdicts()

    def earned(self, question: str, test: str) -> bool:
        """Whether a test is passed; tests that are not part of this grading count as passed."""
        verdict = self.verdicts.get((question, test))
        return verdict is None or verdict.passed

    def publish_verdicts(self) -> None:
        """Publish the report with the current verdicts."""
        self.report.verdicts = list(self.verdicts.values())
        self.report.seconds = time.monotonic() - self.started
        self.publish(self.report)

    def record_all(self, message: str) -> None:
        """Give every verdict the same message, because the whole submission cannot be graded."""
        for question, test in self.verdicts:
            finished = {"unfinished": False, "incident": ""}
            self.verdicts[question, test] = replace(self.verdicts[question, test], message=message, **finished)
        self.report.verdicts = list(self.verdicts.values())
        self.report.remarks.append(message)
        self.report.incidents.append(f"The submission could not be graded: {message}")

    def met(self, question: str, needs: Sequence[str]) -> bool:
        """Whether one of the tests that a test needs shows work, if it needs any."""
        return not needs or any((question, other) in self.working for other in needs)

    def lost(self, question: str, place: str) -> bool:
        """Whether ``place``, a test of the question or another question, did not pass whole, or was not run."""
        of = [one for one in self.verdicts if one == (question, place) or one[0] == place]
        return not self.right.issuperset(of)

    def variants(self, failed: KeyTest) -> list[KeyTest]:
        """Other ways to pass a test that failed, because something that it builds on lost points."""
        if not self.assignment.follow_through or (failed.question, failed.id) in self.right:
            return []
        found = [test for test in self.key.values() if (test.question, test.instead_of) == (failed.question, failed.id)]
        return [test for test in found if any(self.lost(test.question, place) for place in test.after)]

    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - self.clock()


class Grader:
    """Grades the submissions of one assignment, one after another, with one preloaded parent. A context manager.

    Args:
        bundle: the folder with ``assignment.toml``, hidden tests and answer key.
        data: the prepared images that artefacts are measured with; without them (None) no artefact is measured.
        unsafe: grade even if this machine cannot isolate student code from the grader's files and processes.
        patience: see ``Limits``; 1 where something ends this process after some time by the clock.
        for_class: students read the results when they read all of them. So students' reports are kept, and of the public
            checks only those by hand are run, where a hidden test failed. Who reads sooner could learn which ones passed.

    Raises:
        KitError: the bundle or the sandbox is not usable.
    """

    def __init__(
        self,
        bundle: Path,
        data: Prepared | None = None,
        unsafe: bool = False,
        patience: float = 1.0,
        for_class: bool = False,
    ) -> None:
        self.bundle = bundle
        self.data = data
        self.for_class = for_class
        self.assignment = read_assignment(bundle / "assignment.toml")
        key = bundle / "key.safetensors"
        self.tests, self.secret = read_draws(key), (made_from(key) or "").encode()
        self.key = drawn(self.tests, self.secret)
        self.names = frozenset(name for test in self.tests for name in test.names)
        self.homes = {name: test.question for test in reversed(self.tests) for name in test.names}
        self.counts = counts_of(self.tests, bundle / "code")
        public = read_public(bundle)
        self.public = public.get("tests", {})
        self.own = read_draws(bundle / OWN) if (bundle / OWN).is_file() else ()
        probes = replace(probes_in(bundle, self.assignment, self.tests), cells=tuple(public.get("cells", ())))
        self.sandbox = Sandbox(probes, replace(self.assignment.limits, patience=patience), unsafe=unsafe)

    def __enter__(self) -> Self:
        self.sandbox.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.sandbox.__exit__(*exception)

    def grade(
        self,
        source: Path,
        publish: Publish = lambda report: None,
        progress: Progress = lambda units: None,
        spent: float = 0.0,
        only: Collection[str] | None = None,
    ) -> Report:
        """Grade the submission at ``source``. All its processes are dead when this returns.

        Args:
            source: a folder, zip file or notebook.
            publish: called with the report after every verdict.
            progress: called with the number of units that all artefacts together have done (``Artefact.units``).
            spent: seconds of the submission's time that are already over.
            only: the ids of the questions to grade; None grades all.

        A submission that cannot be graded is not an error; its report says so.

        Raises:
            MachineError: this machine, not the submission, is why it cannot be graded.
        """
        assignment = self.assignment
        report = Report(assignment.name, assignment.title, source.name, feedback=assignment.feedback)
        clock, patience = clock_of(self.sandbox, self.sandbox.limits.patience), self.sandbox.limits.patience
        left = assignment.limits.total_seconds - spent
        grading = Grading(
            assignment, self.key, report, publish, progress, clock() + left, clock,
            started=time.monotonic() - spent, counts=self.counts,
        )  # fmt: skip
        grading.verdicts = unreached(assignment, self.key)
        report.written = written(assignment, {})
        report.layers = [
            (layer.name, layer.active, layer.why_not or layer.remark or layer.promise) for layer in layers.status()
        ]
        report.verdicts = list(grading.verdicts.values())
        publish(report)
        with tempfile.TemporaryDirectory(prefix="submission-", dir=self.sandbox.root) as scratch:
            try:
                last = time.monotonic() + patience * left
                submission = collect(source, Path(scratch) / "submission", assignment.name, deadline=last)
                beside = submission.beside_notebook(assignment.files)
                if assignment.written and self.for_class:  # before any code of the submission runs
                    report.handed_report = read_report(submission, assignment.name)
                with reader(self.sandbox, submission.notebook, beside) as (session, first):
                    last = time.monotonic() + grading.left()
                    keep = (beside / submission.notebook.name).exists()
                    notebook = read_notebook(session, submission.notebook, self.names, last, keep)
                    report.submission = submission.name
                    report.remarks += submission.remarks
                    report.curves = read_curves(submission)
                    trained = (*(file for artefact in assignment.artefacts for file in artefact.files()), METRICS)
                    report.remarks += unsaved(len(notebook.stubs), [file for file in trained if submission.find(file)])
                    report.code = [cell.source for cell in notebook.cells]
                    report.written = written(assignment, notebook.answers)
                    grading.key = drawn(self.tests, self.secret + "\0".join(report.code).encode(errors="replace"))
                    grading.places = places_of(notebook, self.names)
                    questions = [q.id for q in assignment.questions if only is None or q.id in only]
                    report.filled = filled(grading, notebook)
                    if questions:
                        self.run_notebook(grading, notebook, beside, first, questions)
                self.measure_artefacts(grading, submission, only)
                if questions:
                    try:
                        self.run_checks(grading, notebook, beside)
                    except NotStopped:
                        raise
                    except Exception as error:  # the points are earned by now, and these checks cost none
                        said = f"{type(error).__name__}: {quoted(str(error))}"
                        report.notes.append(f"public checks: the grader failed: {said}")
            except MachineError:
                raise
            except KitError as error:
                # With no time left, a notebook that could not be read says nothing about the notebook.
                if not isinstance(error, NotebookError) or grading.left() > ENOUGH_TO_READ:
                    grading.record_all(str(error))
        report.seconds = time.monotonic() - grading.started
        publish(report)
        return report

    def run_notebook(
        self, grading: Grading, notebook: Notebook, beside: Path, session: Session | None, questions: Sequence[str]
    ) -> None:
        """Run the notebook, in ``session`` if there is one, and the hidden tests of the questions, in order."""
        assignment, report = self.assignment, grading.report
        explain = partial(whereabouts, notebook, self.homes)
        with Runner(self.sandbox, notebook.cells, beside, grading.deadline, session, explain, grading.clock) as runner:
            for question in questions:
                file = self.bundle / "tests" / f"{question}.py"
                run_question(grading, file, {question: remote_question(grading, runner, question)})
                if any(grading.variants(test) for place, test in grading.key.items() if place[0] == question):
                    run_question(grading, file, {question: followed_question(grading, runner, question)})
            if assignment.picture_probe and self.data is not None:
                report.pictures += picture(runner, picture_address(assignment), self.data)
            report.remarks += notes(notebook) + troubles(runner.outcomes, explain, report.code)
            report.incidents += incidents(runner.outcomes)
            report.cells = cells_ran(runner.outcomes)
            grading.slow = {one.index for one in runner.outcomes if one.seconds > SHORT_CELL or one.status in HALTED}
        report.filled = filled(grading, notebook, questions)
        self.retry_rebound(grading, notebook, beside, questions)

    def run_checks(self, grading: Grading, notebook: Notebook, beside: Path) -> None:
        """Run the public checks, last and in a session of their own: they cost no point, and what they say is shown at once,
        so it comes from a process that has seen nothing of the hidden tests."""
        deadline = min(grading.deadline, grading.clock() + CHECKS_SECONDS)
        begun = [one.question for one in grading.report.filled if not one.untouched]
        blank = [one.question for one in grading.report.filled if one.untouched]
        # Where students read the hints of the hidden tests, their own tests have nothing to add.
        own = self.own if grading.report.feedback == "public" and not self.for_class else ()
        questions = [
            Question(
                id,
                self.public.get(id, ""),
                tuple(test for test in own if test.question == id),
                whole=self.for_class and not grading.lost(id, id),
            )
            for id in begun
        ]
        if not any(one.hand or one.own for one in questions) or grading.left() <= 0:
            return

        def ask(test: KeyTest) -> Answers:
            results, incident = ask_cases(runner, test, grading.counts[test.count])
            if grading.clock() >= deadline:
                raise SessionLost("deadline", "")
            return Answers(results, ended=bool(incident))

        explain = partial(whereabouts, notebook, self.homes)
        with Runner(
            self.sandbox, notebook.cells, beside, deadline, None, explain, grading.clock, reduced=grading.slow
        ) as runner:
            told = partial(sentence_of, names=self.names)
            grading.report.checks = list(run_public(runner, questions, told, ask, blank))

    def measure_artefacts(self, grading: Grading, submission: Submission, only: Collection[str] | None) -> None:
        """Measure the artefacts, in order, while there is time."""
        for artefact in self.assignment.artefacts:
            if (only is None or artefact.question in only) and grading.left() > 0:
                grade_artefact(grading, artefact, self.sandbox, submission, self.data)

    def retry_rebound(self, grading: Grading, notebook: Notebook, beside: Path, questions: Sequence[str]) -> None:
        """Try failed tests again without the later cells that rebind names which the answer uses.

        What is earned either way counts. In all this takes at most the time of running the notebook once.
        """
        deadline = min(grading.deadline, grading.clock() + self.assignment.limits.notebook_seconds)
        for question in questions:
            failed = [
                test for place, test in grading.key.items() if place[0] == question and not grading.earned(*place)
            ]
            rebinding = [(name, cell) for name in names_of(failed) for cell in notebook.rebound.get(name, ())]
            if not rebinding:
                continue
            if grading.clock() > deadline:
                for test in failed if grading.left() <= 0 else ():
                    grading.record(question, test.id, incident=OUT_OF_TIME, unfinished=True)
                continue
            left = {cell for _, cell in rebinding}
            cells = [cell for cell in notebook.cells if cell.index not in left]
            with Runner(self.sandbox, cells, beside, deadline, clock=grading.clock) as runner:
                functions = {question: remote_question(grading, runner, question, again=True)}
                run_question(grading, self.bundle / "tests" / f"{question}.py", functions)
            for test in (test for test in failed if grading.earned(question, test.id)):
                told = [
                    f"Cell {cell} rebinds {listed(notebook.rebound[name][cell])}, which your {name} uses; "
                    f"{question} was tested again without that cell."
                    for name, cell in rebinding
                    if name in test.names
                ]
                # A remark is shown at once, and would tell that a hidden test failed at first.
                grading.record(question, test.id, message=" ".join(told[:MAX_TROUBLES]))


def filled(grading: Grading, notebook: Notebook, ran: Collection[str] = ()) -> list[Filled]:
    """What the notebook has of each question. ``ran`` are the questions whose tests have run.

    The text of the notebook tells the stubs. A name that no statement of it binds is missing, unless tests found it.
    """
    found = []
    for question in grading.assignment.questions:
        names = names_of(test for test in grading.key.values() if test.question == question.id)
        unbound = [n for n in names if all(one.kind != sightings.BOUND for one in notebook.sightings.get(n, ()))]
        missed = [name for name in names if name in grading.missed]
        missing = [n for n in names if n in missed or (n in unbound and (question.id not in ran or missed))]
        stubs = tuple(stub for stub in notebook.stubs if stub.partition(".")[0] in names)
        where = tuple((name, grading.missed.get(name, "")) for name in missing)
        found.append(Filled(question.id, question.title, tuple(names), stubs, where))
    return found


def cells_ran(outcomes: Sequence[CellOutcome]) -> str:
    """A sentence for the student: how many cells ran to their end. Remarks tell of each of the others."""
    tagged = [one for one in outcomes if one.status == "skipped" and one.message == f"tagged {SKIP_TAG}"]
    run = [one for one in outcomes if one not in tagged]
    ended = sum(one.status == "ok" for one in run)
    left = f" {len(tagged)} more with the tag {SKIP_TAG}, such as training, are not run for grading." if tagged else ""
    if ended == len(run):
        return f"All {len(run)} code cells ran to their end.{left}"
    return f"{len(run) - ended} of {len(run)} code cells did not run to their end; the remarks say why.{left}"


def names_of(tests: Iterable[KeyTest]) -> list[str]:
    """The graded names that tests ask for, each once."""
    return list(dict.fromkeys(name for test in tests for name in test.names))


def places_of(notebook: Notebook, names: Collection[str]) -> dict[str, int]:
    """The code cell that defines each name last. A name with too many definitions to know them all is left out."""
    found = {name: notebook.sightings.get(name, ()) for name in names}
    return {
        name: bound[-1].cell
        for name, places in found.items()
        if len(places) < MOST_PLACES and (bound := [place for place in places if place.kind == BOUND])
    }


def located(places: Mapping[str, int], names: Iterable[str]) -> str:
    """The functions of a test with their cells, such as ``"nt_xent in cell 7"``; '' if no cell is known."""
    return ", ".join(f"{name} in cell {places[name]}" for name in names if name in places)


def listed(names: Sequence[str]) -> str:
    """Names from a student's notebook for a sentence; "*" stands for all names of a module."""
    shown = [f"names by {quoted('import *')}" if name == EVERYTHING else quoted(name, 40) for name in names[:3]]
    return ", ".join(shown + ["…"] * (len(names) > 3))


def notes(notebook: Notebook) -> list[str]:
    """Sentences for the student about lines and cells that are not run, at most ``MAX_TROUBLES``."""
    found = [*notebook.notes, *(note for cell in notebook.cells for note in cell.notes)]
    partly = [str(cell.index) for cell in notebook.cells if cell.only is not None and cell.skip is None]
    if partly:
        found.append(
            f"Cell{'s' * (len(partly) > 1)} {', '.join(partly[:10])}: because of the tag skip-grading, only what your "
            "answers need was run."
        )
    more = [f"There are {len(found) - MAX_TROUBLES:,} more remarks of this kind."] if len(found) > MAX_TROUBLES else []
    return found[:MAX_TROUBLES] + more


def probes_in(bundle: Path, assignment: Assignment, key: Iterable[KeyTest]) -> Probes:
    """The modules of probes that the tests of a bundle and the image in its report need."""
    modules = {address.rpartition(".")[0] for test in key for address in (test.probe, *test.stand_ins.values())}
    if assignment.picture_probe:
        modules.add(picture_address(assignment).rpartition(".")[0])
    return Probes(bundle / "code", tuple(sorted(modules)), assignment.framework)


def picture_address(assignment: Assignment) -> str:
    """Module and name of the probe that draws the image in the report."""
    folder, _, name = assignment.picture_probe.partition(".")
    return f"{PACKAGE}.{assignment.name}.{folder}.probes.{name}"


def grade(
    bundle: Path,
    source: Path,
    data: Prepared | None,
    publish: Publish = lambda report: None,
    progress: Progress = lambda units: None,
) -> Report:
    """Grade one submission with its own ``Grader``."""
    with Grader(bundle, data) as grader:
        return grader.grade(source, publish, progress)


def troubles(
    outcomes: tuple[CellOutcome, ...], explain: Explain = lambda *what: "", code: Sequence[str] = ()
) -> list[str]:
    """A sentence for the student for the cells that did not run to their end, one for all with the same message.

    ``code`` is the text of the code cells; a cell that is alone with its message gets the line that raised.
    """
    groups: dict[str, list[CellOutcome]] = {}
    for outcome in outcomes:
        if outcome.status not in ("ok", "skipped"):
            groups.setdefault(outcome.message, []).append(outcome)
    return [trouble(message, group, outcomes, explain, code) for message, group in groups.items()][:MAX_TROUBLES]


def trouble(
    message: str, group: Sequence[CellOutcome], outcomes: tuple[CellOutcome, ...], explain: Explain, code: Sequence[str]
) -> str:
    """What became of the cells of a group, which have the same message."""
    first, *others = group
    if first.error is not None and first.error.undefined:
        first.error.whereabouts = explain(outcomes, first.error.undefined, first.index, first.error.type == STUB)
    advice = first.error.advice if first.error is not None else ""
    if not others:
        raised = first.error.limit is None if first.error is not None else False
        own = line_of(code, first.error.cell or 0, first.error.line or 0) if raised else ""
        return f"Cell {first.index}: {first.told}{advice}." + (f" The line is {quoted(own, 120)}." if own else "")
    *most, last = [str(outcome.index) for outcome in group[:10]]
    last = f"{len(group) - len(most)} more" if len(group) > 10 else last
    return f"Cells {', '.join(most)} and {last}: {re.sub('^it ', 'each ', message)}{advice}."


def incidents(outcomes: tuple[CellOutcome, ...]) -> list[str]:
    """A sentence for the instructor for each cell that hung or ended its session."""
    return [f"Cell {o.index}: {o.message}" for o in outcomes if o.status in ("timeout", "lost")][:MAX_TROUBLES]


def grade_artefact(
    grading: Grading, artefact: Artefact, sandbox: Sandbox, submission: Submission, data: Prepared | None
) -> None:
    """Measure an artefact, record its points and show its images. A failure of the grader costs no other question.

    Points that are certain are recorded during the measurement, so the report has them even if this process is killed.
    """
    report, done, last = grading.report, grading.units, -PUBLISH_SECONDS

    def progress(units: int) -> None:
        grading.units = done + units
        grading.progress(grading.units)

    def publish(finding: Finding) -> None:
        nonlocal last
        if time.monotonic() - last >= PUBLISH_SECONDS:
            grading.credit(artefact, finding)
            last = time.monotonic()

    inputs = Inputs(
        grading.assignment.dataset,
        data,
        has=lambda file: bool(submission.find(file)),
        read=lambda file: read_tensors(file, sandbox, submission, grading.left()),
        deadline=grading.deadline,
        clock=grading.clock,
        progress=progress,
        publish=publish,
        near=lambda file: submission.near(file, [name for one in grading.assignment.artefacts for name in one.files()]),
    )
    report.remarks += filter(None, map(submission.renamed, artefact.files()))
    try:
        finding = artefact.measure(inputs)
        report.notes += finding.notes
        report.pictures += [replace(picture, question=artefact.question) for picture in finding.pictures]
        grading.credit(artefact, finding)
    except Exception as error:
        report.findings.pop(artefact.question, None)  # after a defect there is nothing to compute points from
        report.headlines.pop(artefact.question, None)
        for test in artefact.tests():
            report_defect(grading, artefact.question, test.id, error)


def run_question(grading: Grading, path: Path, functions: dict[str, Callable]) -> None:
    """Run one hidden test file and give each case that Otter reports as passed its points, if what it needs passed too."""
    test_file = run_hidden_test(path, functions)
    question, passed = test_file.name, {r.test_case.name: r for r in test_file.test_case_results if r.passed}
    for id, result in passed.items():
        needs = grading.key[question, id].needs
        if grading.met(question, needs):
            grading.record(question, id, points=result.test_case.points, share=1.0)
        else:
            grading.record(question, id, message=NEEDS.format(" or ".join(needs)))


def remote_question(grading: Grading, runner: Runner, question: str, again: bool = False) -> Callable[[str], None]:
    """The remote function of a question: runs all cases of a test in the sandbox, judges and records the results.

    It raises ``TestFailed`` if the test does not pass, which Otter counts as a failure. ``again``: what was passed before
    stays passed, and what fails again keeps its first message.
    """

    def ask(test_id: str) -> None:
        test = grading.key[question, test_id]
        if again and grading.earned(question, test_id):
            return
        if grading.left() <= 0:
            raise TestFailed(NOT_REACHED)
        try:
            results, incident = ask_cases(runner, test, grading.counts[test.count], grading.missed)
            judgement = judge(test, results)
        except Exception as error:  # Otter would count it as the student's failure without a message
            report_defect(grading, question, test_id, error)
            raise TestFailed(DEFECT) from error
        if judgement.passed:
            grading.right.add((question, test_id))
        if shows_work(test, results, judgement):
            grading.working.add((question, test_id))
        if again and not judgement.passed:
            raise TestFailed(judgement.message)
        late = not judgement.passed and grading.left() <= 0
        grading.record(
            question,
            test_id,
            message=judgement.message,
            misconception=judgement.misconception,
            where=located(grading.places, test.names),
            example=judgement.example,
            cell=judgement.cell,
            line=judgement.line,
            detail=detail(judgement, results),
            incident=OUT_OF_TIME if late else incident,
            unfinished=late,
        )
        if not judgement.passed:
            raise TestFailed(judgement.message)

    return ask


def followed_question(grading: Grading, runner: Runner, question: str) -> Callable[[str], None]:
    """The remote function of a question whose tests have all run: passes a failed test if one of its variants passes.

    It raises ``TestFailed`` with the first message if none does.
    """

    def ask(test_id: str) -> None:
        place = question, test_id
        if place in grading.right:
            return
        own = grading.verdicts[place].message
        for variant in grading.variants(grading.key[place]) if grading.left() > 0 else ():
            results, incident = ask_cases(runner, variant, grading.counts[variant.count])
            if not incident and judge(variant, results).passed and grading.met(question, variant.needs):
                grading.right.add(place)
                grading.working.add(place)
                grading.record(
                    *place, message=variant.title, misconception=None, detail=f"without follow-through: {own}",
                    example="", cell=0, line=0,
                )  # fmt: skip
                return
        raise TestFailed(own)

    return ask


def report_defect(grading: Grading, question: str, test: str, error: Exception) -> None:
    """Tell the student that it is not their fault, and the instructor where the grader failed."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(where.filename).name}:{where.lineno}"
    incident = f"the grader failed: {type(error).__name__}: {quoted(str(error))} ({place})"
    note = f"{question} {test}: {incident}"
    grading.report.notes.append(note)
    grading.record(question, test, message=DEFECT, detail=note, incident=incident)


def ask_cases(
    runner: Runner, test: KeyTest, count: Count | None, missed: dict[str, str] | None = None
) -> tuple[dict[str, Result], str]:
    """The results of all cases of a test, and a sentence if the time ran out or the session was lost ('' otherwise).

    Both end the test, because its other cases would end in the same way. A graded name that is not there goes into
    ``missed``, with where it may be.
    """
    results: dict[str, Result] = {}
    while waiting := test.cases[len(results) :]:
        sent = [{name: value for name, value in case.inputs.items() if name not in test.kept} for case in waiting]
        try:
            for produced, case in zip(runner.calls(test.probe, sent, test.seconds, test.stand_ins), waiting):
                results[case.name] = counted(count, produced, case.inputs, case.sizes)
        except StudentError as error:
            case = test.cases[len(results)]
            if missed is not None and error.missing in test.names:
                missed[error.missing] = error.whereabouts
            place = (error.cell or 0, error.line or 0) if error.limit is None else (0, 0)
            results[case.name] = Failure(error.type, sentence_of(error, test.names), *place)
            if error.limit is not None:
                return dict.fromkeys((c.name for c in test.cases), results[case.name]) | results, sentence_of(error)
        except SessionLost as error:
            lost = Failure("SessionLost", f"your code was stopped: {error.reason}")
            suspicious = "suspicious: " if error.kind == "protocol" else ""
            return dict.fromkeys((c.name for c in test.cases), lost) | results, f"{suspicious}{error.reason}"
    return results, ""


def sentence_of(error: StudentError, names: Collection[str] = ()) -> str:
    """What the student reads about an exception in their code. ``names`` are the graded names of the test.

    The words of the submission's process are only in quotation marks, also those of a probe, since any code in that
    process can raise the same exception.
    """
    where = f" ({error.where})" if error.where else ""
    if error.limit is not None:
        return f"your code was stopped after {error.limit:g} seconds{where}"
    if error.missing is not None:
        if error.missing not in names:
            return "your notebook does not define a name that this test needs"
        return f"your notebook does not define {error.missing}" + (
            f": {error.whereabouts}" if error.whereabouts else ""
        )
    said = quoted(without_numbers(error.message))
    if error.type == STUB:
        return (f"not implemented yet ({said})" if error.message else "not implemented yet") + error.advice
    if error.complaint:
        return f"your code made the test stop: {said}"
    return f"your code {error.quoted}{where}{error.advice}"


def detail(judgement: Judgement, results: dict[str, Result]) -> str:
    """What the instructor sees in addition to the message: the inputs on which the code raised."""
    if judgement.passed:
        return ""
    raised = {name: result for name, result in results.items() if isinstance(result, Failure)}
    return "; ".join(f"{name}: {failure.message}" for name, failure in list(raised.items())[:3])


def picture(runner: Runner, probe: str, data: Prepared) -> list[Picture]:
    """The submission's own views of eight test images. An empty list if they cannot be drawn, which costs no points."""
    images = np.array(data.images("test")[:8])  # not a memory map
    try:
        views = runner.call(probe, {"images": images}, PICTURE_SECONDS)["views"]
    except (StudentError, SessionLost, KeyError):
        return []
    whole = views.ndim == 5 and views.shape[:3] == (8, 2, 3) and is_floating(views)
    if not whole or not all(1 <= side <= 96 for side in views.shape[3:]):
        return []
    shown = double(views).swapaxes(0, 1)
    return [Picture(PICTURE_TITLE, shown.reshape(16, *shown.shape[2:]), columns=8)] if np.isfinite(shown).all() else []
