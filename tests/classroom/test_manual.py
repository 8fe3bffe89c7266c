"""Written answers: shown to both sides, graded by hand in manual.csv, and counted in every table."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import nbformat
import pytest

from autograder.classroom.manual import Mark, read_marks, with_marks, write_marks
from autograder.classroom.model import Student
from autograder.classroom.store import Record
from autograder.classroom.summary import write_summary
from autograder.engine.handed_report import read_report
from autograder.engine.report import Report, Written
from autograder.engine.submission import collect
from autograder.errors import KitError
from autograder.sandbox.notebook import MAX_ANSWER, NO_ANSWER, read_notebook
from tests.classroom.conftest import edit, hand_in

WRITTEN = """
[[written]]
id = "w1"
title = "In your own words"
points = 4

[[written]]
id = "w2"
title = "The batch"
points = 6

[[artefact]]"""
RUBRIC = "4 points: the secret rubric"
ANSWER = "Two <b>views</b>\n\n- of one image"


@pytest.fixture
def course(room, tmp_path):
    """A class of two whose notebooks have answers, and a function that grades it as ``./kit grade`` does."""
    edit(room.bundle, "[[artefact]]", WRITTEN.strip())
    (room.bundle / "rubrics.json").write_text(json.dumps({"rubrics": {"w1": RUBRIC}}))
    work = hand_in(tmp_path / "class", ada="right", bob="wrong")
    answer(work / "ada" / "simclr.ipynb", w1=ANSWER, w2=NO_ANSWER)
    answer(work / "bob" / "simclr.ipynb", w1="=1+1", w2="more")
    marks = {}
    own = room.settings
    room.settings = lambda: replace(own(), marks=marks)

    def grade(**settings):
        marks.clear()
        marks.update(read_marks(room.out, own().assignment))
        result = room.grade(work, **settings)
        return write_summary(room.out, room.plans, room.settings(), result, None, False)

    return grade


def answer(path, **answers):
    notebook = nbformat.read(path, as_version=4)
    for tag, text in answers.items():
        question = nbformat.v4.new_markdown_cell(f"### {tag}", metadata={"tags": ["written", tag]})
        notebook.cells += [question, nbformat.v4.new_markdown_cell(text, metadata={"tags": [tag]})]
    nbformat.write(notebook, path)


def rows(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def fill_in(path, marks, delimiter=","):
    """Enter points and comments as a spreadsheet saves them."""
    found = rows(path)
    for row in found:
        row["points"], row["comment"] = marks.get((row["id"], row["question"]), (row["points"], row["comment"]))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, found[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(found)


def total(room, student):
    (row,) = (row for row in rows(room.out / "grades.csv") if row["id"] == student)
    return float(row["total"]), float(row["possible"])


def test_answers_are_shown_and_the_rubric_to_the_instructor_alone(course, room):
    said = " ".join(course())
    assert "w1, w2 are graded by hand (10 points)" in said and "left: 3" in said
    report, feedback = ((room.out / "ada" / name).read_text() for name in ("report.html", "feedback.html"))
    for page in (report, feedback):
        assert "In your own words" in page and "Two &lt;b&gt;views" in page and "graded by hand (4 points)" in page
    assert RUBRIC in report and RUBRIC not in feedback
    found = {row["question"]: row for row in rows(room.out / "manual.csv") if row["id"] == "ada"}
    assert list(found) == ["w1", "w2"] and found["w1"]["points"] == found["w2"]["answer"] == ""
    assert "graded by hand" in (room.out / "class.html").read_text()
    tests = {test["number"]: test for test in json.loads((room.out / "ada" / "results.json").read_text())["tests"]}
    assert "Two <b>views" in tests["w1"]["output"] and tests["w1"]["max_score"] == 0
    assert "no answer" in tests["w2"]["output"]


HOSTILE = """<!DOCTYPE html></iframe><title>x</title><meta http-equiv="refresh" content="0; url={0}/refresh">
<script>fetch("{0}/script"); top.location = "{0}/top"</script><img src="{0}/image" onerror="fetch('{0}/error')">
<link rel="stylesheet" href="{0}/style"><iframe src="{0}/frame"></iframe><base href="{0}/"><p>The curves</p>
<a href="{0}/here">here</a> <a href="{0}/above" target="_top">above</a> <a href="{0}/beside" target="_blank">beside</a>"""


def test_a_handed_in_report_is_kept_beside_the_results_and_named_as_a_file(course, room, tmp_path):
    folder = tmp_path / "class"
    (folder / "ada" / "simclr-report.pdf").write_bytes(b"%PDF-1.4 ada")
    (folder / "bob" / "simclr-report.pdf").write_bytes(b"<script>no pdf")
    (folder / "bob" / "simclr-report.html").write_text(HOSTILE.format("http://example.org"))
    course()
    assert (room.out / "ada" / "student-report.pdf").read_bytes() == b"%PDF-1.4 ada"
    found = {(row["id"], row["question"]): row["report"] for row in rows(room.out / "manual.csv")}
    assert found["ada", "w1"] == "ada/student-report.pdf" and found["bob", "w2"] == "bob/student-report.html"
    page = (room.out / "bob" / "student-report.html").read_text()
    assert page.count("<iframe sandbox srcdoc=") == 1 and "<script" not in page and page.count("</iframe>") == 1
    shown = "".join(path.read_text() for path in room.out.rglob("*") if path.suffix in (".html", ".json", ".csv"))
    assert "example.org/top" not in shown.replace(page, "") and "%PDF" not in shown
    for name in ("feedback.html", "report.html", "results.json"):
        assert "simclr-report" not in (room.out / "ada" / name).read_text()  # no remark about a file
    (folder / "ada" / "simclr-report.pdf").unlink()
    course()
    assert not list((room.out / "ada").glob("student-report*"))
    assert {row["report"] for row in rows(room.out / "manual.csv") if row["id"] == "ada"} == {""}


def test_nothing_of_a_handed_in_page_runs_or_reaches_the_network(tmp_path):
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive a browser")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("needs Chromium")
    source = tmp_path / "simclr-report.html"
    kept = tmp_path / "student-report.html"
    asked = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server, api.sync_playwright() as driver:
        Thread(target=server.serve_forever, daemon=True).start()
        source.write_text(HOSTILE.format(f"http://127.0.0.1:{server.server_port}"))
        (tmp_path / "simclr.ipynb").write_text("{}")
        kept.write_bytes(read_report(collect(tmp_path, tmp_path.with_name("copy"), "simclr"), "simclr").content)
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(kept.as_uri())
        assert tab.frames[1].locator("p").inner_text() == "The curves"
        for link in ("above", "beside", "here"):
            tab.frames[1].locator("a", has_text=link).click()
        tab.wait_for_timeout(1500)
        assert asked == [] and tab.url == kept.as_uri()
        tab.goto(source.as_uri(), wait_until="commit")
        waited = 0
        while not asked and waited < 30:  # as it was handed in, it does
            tab.wait_for_timeout(500)
            waited += 0.5
        assert asked
        server.shutdown()


def test_points_by_hand_are_in_every_table_and_survive(course, room):
    course()
    machine, full = total(room, "ada")
    fill_in(room.out / "manual.csv", {("ada", "w1"): ("3,5", "good:\n- one\n=two"), ("bob", "w2"): ("0", "-")}, ";")
    for again in ({}, {"regrade": True}, {}):
        course(**again)
        assert total(room, "ada") == (machine + 3.5, full + 10)
        ada = {row["question"]: row for row in rows(room.out / "manual.csv") if row["id"] == "ada"}
        assert ada["w1"]["points"] == "3.5"
    assert read_marks(room.out, room.settings().assignment)["ada", "w1"] == Mark(3.5, "good:\n- one\n=two")
    assert json.loads((room.out / "ada" / "results.json").read_text())["score"] == machine + 3.5
    assert "good:" in (room.out / "ada" / "feedback.html").read_text()
    for name, column in (("moodle", "Grade"), ("gradescope", "Total Score")):
        (row,) = (row for row in rows(room.out / f"{name}.csv") if "ada" in row.values())
        assert float(row[column]) == machine + 3.5, name
    canvas = rows(room.out / "canvas.csv")
    assert [float(list(row.values())[-1]) for row in canvas[:2]] == [full + 10, machine + 3.5]
    (row,) = (row for row in rows(room.out / "gradescope.csv") if row["SID"] == "ada")
    assert row["w1: In your own words (4 pts)"] == "3.5" and row["w2: The batch (6 pts)"] == ""
    course()
    assert room.run == []
    (room.out / "manual.csv").unlink()  # by mistake
    course()
    assert total(room, "ada") == (machine + 3.5, full + 10) and (room.out / "manual.csv").is_file()


HEADER = "id,name,question,possible,points,comment,answer\n"


@pytest.fixture
def read(room):
    """Reads the rows of a ``manual.csv``."""
    edit(room.bundle, "[[artefact]]", WRITTEN.strip())
    room.out.mkdir()

    def reading(rows, header=HEADER, encoding="utf-8"):
        (room.out / "manual.csv").write_text(header + rows, encoding=encoding)
        return read_marks(room.out, room.settings().assignment)

    return reading


@pytest.mark.parametrize(
    ("rows", "header", "complaint"),
    [
        ("ada,,w1,4,many,,\n", HEADER, "line 2: points is 'many', expected a number from 0 to 4"),
        ("ada,,w1,4,,,\nada,,w2,6,6.5,,\n", HEADER, "line 3: points is '6.5', expected a number from 0 to 6"),
        ("ada,,w1,4,-1,,\n", HEADER, "from 0 to 4"),
        ("ada,,w1,4,1,,\nada,,w1,4,2,,\n", HEADER, "already in line 2"),
        ("ada,w1,3\n", "id,question,Punkte\n", "no column 'points'"),
        ("", "", "manual.csv is empty"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(read, rows, header, complaint):
    with pytest.raises(KitError, match=complaint):
        read(rows, header)


def test_what_spreadsheets_make_of_the_table_is_read(read):
    rows = "0042;;w1;4;2,5;'=good;\n42x; ;w2;6; 0 ;;\n;;;;;;\nbob;;w1;4;;;\n"
    for encoding in ("utf-8-sig", "utf-16"):
        marks = read(rows, HEADER.replace(",", ";"), encoding)
        assert marks == {("42", "w1"): Mark(2.5, "=good"), ("42x", "w2"): Mark(0.0)}
    report = Report("simclr", "", "", written=[Written("w1", "", 4, "yes"), Written("w2", "", 6)])
    counted = with_marks(report, [Student("0042")], marks)
    assert counted.score == 2.5 and counted.possible() == 10 and counted.written[0].comment == "=good"
    assert with_marks(report, [Student("bob")], {}).possible() == 0  # until somebody has points


def test_members_of_a_group_share_points_and_a_difference_is_told(read, room, tmp_path):
    marks = read("ada,,w1,4,3,,\nbob,,w1,4,1,,\ncleo,,w1,4,2,well done,\n")
    students = (Student("ada"), Student("bob"))
    report = with_marks(Report("simclr", "", "", written=[Written("w1", "", 4, "yes")]), students, marks)
    assert report.score == 3
    record = Record(students, (), "", {}, "", None, False, report)
    said = " ".join(
        write_marks(room.out, room.settings().assignment, {room.out / "pair": record}, marks, lambda student: student)
    )
    assert "members of a group have different points" in said and "bob (w1)" in said
    assert "cleo" in said and read_marks(room.out, room.settings().assignment) == marks  # nothing is dropped


def test_an_answer_is_read_from_its_cells(tmp_path):
    path = tmp_path / "simclr.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    answer(path, w1="first part", w2=NO_ANSWER, w3="x" * (2 * MAX_ANSWER))
    answer(path, w1="second part", w4="\N{GREEK SMALL LETTER TAU}")
    answers = read_notebook(path).answers
    assert answers["w1"] == "first part\n\nsecond part" and "w2" not in answers and answers["w4"] == "τ"
    assert len(answers["w3"]) < MAX_ANSWER + 100
