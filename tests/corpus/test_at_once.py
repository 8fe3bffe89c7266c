"""What students read before the hidden tests are shown, for each setting of ``feedback``: all of it, and nothing more."""

from __future__ import annotations

import html
import json
import re
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest

from autograder.assignment import FEEDBACK
from autograder.classroom.store import _plain, _report
from autograder.engine.answer_key import read_draws
from autograder.engine.grade import ask_cases as ask
from autograder.engine.outcomes import LATER
from autograder.engine.public_checks import OWN
from autograder.engine.report import Filled
from autograder.engine.scoring import rescored
from autograder.engine.session import SandboxError
from autograder.frontends.at_once import Due
from autograder.frontends.gradescope import read_due, results
from autograder.frontends.html import pages
from tests.corpus.small import BARLOW_TWINS, EUCLIDEAN, FULL, HONEST, IMPORTS, NT_XENT, QUESTIONS, hand_in
from tests.frontends.test_renderings import SCHEMA

SUMMED = NT_XENT.replace("torch.arange(2 * n).roll(n))", "torch.arange(2 * n).roll(n), reduction='sum')")
HINT = "return the mean of the 2n losses, not their sum"
STUB = 'def {}(a, b, c):\n    """Your task."""\n    raise NotImplementedError("your code")'
BLANK = (IMPORTS, *(STUB.format(name) for name in ("nt_xent", "barlow_twins", "nt_xent_euclidean")))


@pytest.fixture(scope="module")
def checked(grader, master):
    """The grader of the small assignment, with the public tests of simclr."""
    with_checks = copy(grader)
    with_checks.public = {question: master.metadata["otter"]["tests"][question] for question in QUESTIONS}
    return with_checks


@pytest.fixture
def graded(checked, tmp_path):
    """``graded(cells)`` is the report of a notebook; ``feedback`` is a setting."""

    def grade(cells, feedback="public"):
        one = copy(checked)
        one.assignment = replace(checked.assignment, feedback=feedback)
        return one.grade(hand_in(tmp_path / "handed in", cells))

    return grade


def read_by(report, due=Due()):  # noqa: B008
    """(the text, the rows) that Gradescope shows a student before the due date."""
    content = results(report, due)
    jsonschema.validate(content, SCHEMA)
    assert content["output_format"] == "html"
    rows = [test for test in content["tests"] if test["visibility"] == "visible"]
    return html.unescape(re.sub(r"<[^>]+>", "\n", content["output"])), rows


@pytest.fixture
def with_own(checked, bundle):
    """The grader with the questions' own tests on public inputs, too."""
    whole = copy(checked)
    whole.own = tuple(test for test in read_draws(bundle / OWN) if test.question in QUESTIONS)
    return whole


@pytest.mark.parametrize("feedback", FEEDBACK)
def test_each_setting_shows_what_it_says(graded, feedback):
    report = graded([IMPORTS, SUMMED, BARLOW_TWINS, EUCLIDEAN], feedback)
    text, rows = read_by(report)
    shown = text + json.dumps(rows, ensure_ascii=False)
    lost = [verdict for verdict in report.verdicts if not verdict.passed]
    assert lost and all(HINT in verdict.message for verdict in lost)
    assert "3 of 3 questions are filled in; " in text and "q1a · NT-Xent loss: filled in; " in text
    assert "q1b · Barlow Twins loss: filled in; 4 of 4 public checks pass." in text
    assert '"Temperature 1.0: expected' in text  # the public test's own words, as the words of the student's process
    assert "All 4 code cells ran to their end." in text
    assert (HINT in shown) == (feedback != "public")
    assert (HINT in text) == (feedback == "hints")
    assert ("costs" in shown) == (feedback == "all")
    assert len(rows) == (len(report.verdicts) if feedback == "all" else 0)
    for verdict in report.verdicts if feedback != "all" else ():
        assert f"{verdict.question_title}: {verdict.title}" not in shown and verdict.test not in text.split()
    assert ("after the due date" in text) == (feedback != "all")


def test_a_question_s_own_tests_name_the_mistake_before_the_due_date(with_own, tmp_path):
    text, rows = read_by(report := with_own.grade(hand_in(tmp_path / "handed in", [IMPORTS, SUMMED, *HONEST[2:]])))
    own = {test.title for test in with_own.own if test.question == "q1a" and not test.instead_of}
    told = {check.title: check for check in report.checks if check.question == "q1a"}
    lost = {verdict.title for verdict in report.verdicts if not verdict.passed}
    assert lost and own <= told.keys() and {title for title in own if not told[title].passed} == lost
    assert text.count(HINT) == 1 and "(and" in text and not rows
    assert all(check.passed for check in report.checks if check.question != "q1a")


def test_a_check_that_needs_another_one_waits_for_it(with_own, tmp_path):
    """As at the student's desk: what compares a function with itself says nothing about a function that does no work."""
    idle = "def nt_xent(z_i, z_j, temperature):\n    return (z_i - z_j).pow(3).mean() * temperature"
    report = with_own.grade(hand_in(tmp_path / "idle", [IMPORTS, idle, *HONEST[2:]]))
    waiting = [check for check in report.checks if check.message == LATER]
    assert [check.question for check in waiting] == ["q1a"] and not waiting[0].passed
    assert read_by(report)[0].count(LATER) == 1


def test_only_results_that_an_instructor_reads_first_rely_on_the_hidden_tests(with_own, tmp_path, monkeypatch):
    asked = []

    def noted(runner, test, *more):
        asked.append(test)
        return ask(runner, test, *more)

    monkeypatch.setattr("autograder.engine.grade.ask_cases", noted)
    for for_class in (True, False):
        grader = copy(with_own)
        grader.for_class = for_class
        report = grader.grade(hand_in(tmp_path / str(for_class), HONEST))
        assert len(report.checks) == (12 if for_class else 23) and all(check.passed for check in report.checks)
        assert any(test in with_own.own for test in asked) != for_class


@pytest.mark.parametrize("error", [RuntimeError("no reason"), SandboxError("no session")])
def test_a_failure_of_the_public_checks_costs_no_point(checked, tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("autograder.engine.grade.run_public", fail)
    report = checked.grade(hand_in(tmp_path / "handed in", HONEST))
    assert report.score == FULL and str(error) in report.notes[-1]
    assert not any(verdict.unfinished for verdict in report.verdicts)


def test_a_blank_notebook_is_told_so_with_its_stubs(graded):
    text, rows = read_by(graded(BLANK))
    assert text.strip().startswith("Nothing is filled in yet.") and not rows
    assert "q1c · NT-Xent with Euclidean similarity: not filled in yet: nt_xent_euclidean." in text
    assert "public check" not in text and "All 4 code cells ran" in text


def test_what_is_left_to_write_is_named_and_the_rest_is_checked(graded):
    class_of_stubs = "class barlow_twins:\n    def __new__(cls, a, b, c):\n        raise NotImplementedError"
    report = graded([IMPORTS, NT_XENT, class_of_stubs, "1 / 0\n" + EUCLIDEAN.replace("def nt", "def my_nt")])
    assert [one.untouched for one in report.filled] == [False, True, True]
    assert report.filled[1].stubs == ("barlow_twins.__new__",)
    assert dict(report.filled[2].missing) == {
        "nt_xent_euclidean": 'cell 4 defines "my_nt_xent_euclidean", a similar name'
    }
    text, _ = read_by(report)
    assert "1 of 3 questions is filled in; 5 of 5 public checks pass." in text
    assert "nt_xent_euclidean is not defined (cell 4 defines" in text
    assert "1 of 4 code cells did not run to their end" in text and "Cell 4: it raised ZeroDivisionError" in text


def test_a_definition_that_python_finds_is_not_called_missing(graded):
    """The text of the notebook does not show it, and the tests find it."""
    made = f"exec({EUCLIDEAN!r}, globals())"
    report = graded([*HONEST[:-1], made])
    assert report.score == FULL and all(one.whole for one in report.filled)
    stub_first = [IMPORTS, STUB.format("nt_xent"), NT_XENT.replace("nt_xent", "mine") + "nt_xent = mine", *HONEST[2:]]
    assert all(one.whole for one in graded(stub_first).filled)


def test_public_checks_come_from_a_process_that_has_seen_no_hidden_input(graded):
    """Else their words, which are shown at once, could spell the inputs."""
    spy = "SEEN = []\n" + NT_XENT.replace(
        "    n =", "    SEEN.append(z_i)\n    assert False, f'SEEN {len(SEEN)}'\n    n ="
    )
    text, _ = read_by(graded([IMPORTS, spy, *HONEST[2:]]))
    assert re.findall(r"SEEN \d+", text) == [f"SEEN {count}" for count in range(1, 6)]  # once in each check
    assert "line 5 of cell 2" in text


def test_what_a_submission_says_cannot_be_markup_or_end_its_quotation(graded):
    loud = NT_XENT.replace("    n =", "    raise ValueError('<b>\" passed. <script>')\n    n =")
    report = graded([IMPORTS, loud, *HONEST[2:]])
    content = results(report)["output"]
    assert (
        "<b>" not in content and "<script" not in content and "&lt;b&gt;&#x27; passed. &lt;script&gt;&quot;" in content
    )
    assert content.count("passed. &lt;script") == 1  # a sentence that five checks have
    _, student = pages(report)
    assert "&lt;b&gt;" in student and "<script" not in student and "7 of 12 public checks pass" in student


def test_endless_code_takes_one_check_s_time(with_own, tmp_path):
    endless = "def nt_xent(z_i, z_j, temperature):\n    while True: pass"
    report = with_own.grade(hand_in(tmp_path / "endless", [IMPORTS, endless, *HONEST[2:]]))
    checks = {question: [one for one in report.checks if one.question == question] for question in QUESTIONS}
    assert [one.message for one in checks["q1a"]] == ["your code was stopped after 5 seconds (line 2 of cell 2)"]
    assert len(checks["q1b"]) == 8 and all(one.passed for one in checks["q1b"])


def test_checks_that_the_time_does_not_reach_are_not_told(graded, monkeypatch):
    monkeypatch.setattr("autograder.engine.grade.CHECKS_SECONDS", 4.0)
    endless = "def barlow_twins(z_a, z_b, lambd):\n    while True: pass"
    report = graded([IMPORTS, NT_XENT, endless, EUCLIDEAN.replace("return ", "return 2 * ")])
    assert [one.question for one in report.checks] == ["q1a"] * 5 + ["q1b"]
    assert "q1c · NT-Xent with Euclidean similarity: filled in.\n" in read_by(report)[0]


def test_a_second_test_without_a_cell_is_told_with_its_result_only(graded):
    """That a hidden test failed at first is no remark, which is shown at once."""
    report = graded([*HONEST, "float = 2.5"])
    assert report.score == FULL and any("was tested again" in verdict.message for verdict in report.verdicts)
    assert "tested again" not in read_by(report)[0]


def test_a_submission_that_cannot_be_graded_reads_why(checked, tmp_path):
    (tmp_path / "simclr.ipynb").write_text("no notebook")
    text, rows = read_by(checked.grade(tmp_path / "simclr.ipynb"))
    assert "is not a notebook" in text and not rows


def test_a_stored_report_says_the_same_and_follows_the_setting(graded, checked):
    report = graded([IMPORTS, SUMMED, *HONEST[2:]])
    stored = _report(json.loads(json.dumps(_plain(report))))
    assert results(stored) == results(report) and isinstance(stored.filled[0], Filled)
    later = rescored(replace(checked.assignment, feedback="all"), checked.key, stored)
    assert len(read_by(later)[1]) == len(report.verdicts)


METADATA = {"assignment": {"due_date": "2026-12-01T23:59:00.000000+01:00", "late_due_date": None}, "users": [{}, {}]}
LATE = {"assignment": {**METADATA["assignment"], "late_due_date": "2026-12-03T23:59:00.000000+01:00"}}
GROUP = {
    **METADATA,
    "users": [{"assignment": None}, {"assignment": {"due_date": "2026-12-08T12:00:00.000000+01:00"}}],
}


@pytest.mark.parametrize(
    ("metadata", "day", "over"),
    [
        (METADATA, 1, True),
        (LATE, 3, False),
        (GROUP, 8, False),
        ({}, None, False),
        ([], None, False),
        ("?", None, False),
    ],
)
def test_the_date_is_that_of_the_last_member_of_a_group(tmp_path, metadata, day, over):
    path = tmp_path / "submission_metadata.json"
    path.write_text(json.dumps(metadata))
    due = read_due(path, datetime(2026, 12, 2, tzinfo=UTC))
    assert (due.at and due.at.day, due.over) == (day, over)
    assert read_due(tmp_path / "none.json", datetime.now(UTC)) == Due()


def test_the_date_is_told_before_and_no_longer_after(graded):
    report = graded([IMPORTS, SUMMED, *HONEST[2:]], "hints")
    at = datetime.fromisoformat("2026-12-01T23:59:00.000000+01:00")
    before, after = (read_by(report, Due(at, over))[0] for over in (False, True))
    assert "appear here after the due date, 1 December 2026, 23:59 (UTC+01:00)." in before and HINT in before
    assert "The due date is over" in after and HINT not in after  # the rows have it
