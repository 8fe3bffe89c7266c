"""nbgrader for real: its own commands in the course folder, its SQLite gradebook, and in it the points of this kit."""

import copy
import csv
import html
import json
import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.formgrader.handlers import template_path
from traitlets.config import Config

from autograder.assignment import read_assignment
from autograder.demo import hostile
from autograder.engine.grade import Grader
from autograder.frontends.nbgrader import (
    MISSING,
    UNREADABLE,
    SaveExtraCredit,
    claimed_id,
    configure,
    copies_of_links,
    files_to_copy,
    read_plainly,
    restored,
    shown_code,
    shown_markdown,
    time_of,
)  # fmt: skip
from autograder.frontends.terminal import by_question
from autograder.questions.loading import load_module
from autograder.release.bundle import build_bundle
from autograder.release.course import assignment_master
from autograder.release.nbgrader import write_course
from autograder.release.notebooks import has_tag, notebook_bytes, question_tag, solution_lines, student_notebook
from autograder.sandbox.leftovers import remove_tree
from tests.checkout import COURSE, ROOT, SOLUTIONS

DEMO = load_module(COURSE.assignment("softmax"), "demo")

QUESTIONS = ("q1", "q2a", "q2b", "q3", "q4", "q5", "q6", "q7", "q8")
WRITTEN = ("w1", "w2")
ATTACK = (
    "<script>document.title='gained'</script> [x](javascript:alert(1)) ![x](attachment:none.png)\n\nBEGIN MARK SCHEME"
)


# Students whose zip holds the solution under another name, with the name in it, and other files.
RENAMED = {
    "copied": ("Copy of softmax.ipynb",),
    "counted": ("softmax (1).ipynb",),
    "wrapped": ("hw/softmax.ipynb", "__MACOSX/hw/softmax.ipynb"),
}


def nbgrader(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run one of nbgrader's commands in the course folder; it must succeed."""
    home = course.parent / "home"
    places = {name: str(home) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    places["PYTHONPATH"] = os.pathsep.join([str(home), str(ROOT)])
    # The optional package that autograder.engine does without, too: nbgrader would take 5 s to import it, each time.
    home.mkdir(exist_ok=True)
    (home / "rfc3987_syntax.py").write_text("raise ImportError")
    # nbgrader calls alembic by its name.
    environment = {**os.environ, **places, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def filled_in(release, source, stubs=None):
    """The release with the source's solutions and answers, some stub cells replaced."""
    notebook, waiting = copy.deepcopy(release), dict(stubs or {})
    solved = {cell.id: cell for cell in source.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    for cell in notebook.cells:
        if cell.id in solved:
            question = solved[cell.id].metadata["tags"][0]
            cell.source = waiting.pop(question, solved[cell.id].source).strip()
    assert not waiting
    return notebook


def tampered(release):
    """A notebook whose settings claim all points, with cells moved, doubled and deleted, and markup in an answer."""
    notebook = copy.deepcopy(release)
    by_id = {c.metadata["nbgrader"]["grade_id"]: c for c in notebook.cells if "nbgrader" in c.metadata}
    for cell in by_id.values():
        cell.metadata["nbgrader"].update(points=1000, checksum="0" * 32, locked=False)
    for question in ("q1", "q2a"):
        by_id[question].outputs = [
            nbformat.v4.new_output("execute_result", data={"text/plain": "1000"}, execution_count=1)
        ]
        by_id[question].source = "1000"
    by_id["q1"].metadata["nbgrader"]["grade_id"], by_id["q2a"].metadata["nbgrader"]["grade_id"] = "q2a", "q9"
    by_id["q2b"].metadata["nbgrader"].update(solution=True, grade=False)
    by_id["q3"].metadata["nbgrader"]["schema_version"] = 99
    notebook.cells.remove(by_id["q4"])
    notebook.cells.append(copy.deepcopy(by_id["q5"]) | {"id": "again"})
    notebook.cells.remove(by_id["w1-question"])
    by_id["w2"].source = ATTACK
    by_id["w1"].metadata["nbgrader"] = "no settings"
    notebook.cells.append(new_code_cell(hostile.cell(ROOT, DEMO.HOSTILE), id="hostile"))
    notebook.metadata["language_info"] = {"name": 7}
    return notebook


def hand_in(archive: Path, notebook: str, *files: Path) -> None:
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("softmax.ipynb", notebook)
        for file in files:
            made.write(file, file.name)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder with all assignments."""
    folder = tmp_path_factory.mktemp("nbgrader") / "course"
    for name in ("simclr", "ddpm", "vae", "simsiam", "softmax", "contrastive"):
        write_course(
            folder,
            COURSE.assignment(name),
            assignment_master(COURSE.assignment(name)),
            read_assignment(SOLUTIONS / name / "assignment.toml"),
        )
    return folder


@pytest.fixture(scope="module")
def graded(course, softmax, softmax_weights, images):
    """The class, released, collected and graded by nbgrader; what this kit says of the same submissions."""
    released = course / "release" / "softmax" / "softmax.ipynb"
    before = released.read_bytes()
    nbgrader(course, "generate_assignment", "softmax")
    assert released.read_bytes() == before, "./kit build writes what generate_assignment makes"
    exchange = course.parent / "exchange"
    exchange.mkdir()
    nbgrader(course, "release_assignment", "softmax", f"--Exchange.root={exchange}")
    assert (exchange / "simclr" / "outbound" / "softmax" / "softmax.ipynb").read_bytes() == before
    nbgrader(course, "db", "student", "add", "solution", "--first-name=Ada")
    release = nbformat.reads(before.decode(), as_version=4)
    source = nbformat.read(course / "source" / "softmax" / "softmax.ipynb", as_version=4)
    archive = course / "downloaded" / "softmax" / "archive"
    archive.mkdir(parents=True)
    # Without any settings of nbgrader, as the student notebook of assignments/ is.
    page = course.parent / "softmax-report.html"
    page.write_text("<script>shown = 1</script>")
    solution = notebook_bytes(softmax.master).decode()
    weights = course.parent / "softmax.npz"
    weights.write_bytes(softmax_weights[weights.name])
    hand_in(archive / "solution.zip", solution, weights, page)
    hand_in(archive / "untouched.zip", before.decode())
    hand_in(archive / "mistakes.zip", nbformat.writes(filled_in(release, source, DEMO.MISTAKES)))
    hand_in(archive / "tampered.zip", json.dumps(tampered(filled_in(release, source, DEMO.MISTAKES))))
    hand_in(archive / "broken.zip", "no notebook")
    for student, (inside, *others) in RENAMED.items():
        with zipfile.ZipFile(archive / f"{student}.zip", "w") as made:
            made.writestr(inside, solution)
            for other in others:
                made.writestr(other, "")
    nbgrader(course, "zip_collect", "softmax")
    submitted = course / "submitted"
    (submitted / "tampered" / "softmax" / "notes.txt").symlink_to(softmax.bundle / "key.safetensors")
    hinder(submitted / "mistakes" / "softmax")
    nbgrader(course, "autograde", "softmax", f"--GradeWithKit.data={images.folder}")
    remove_tree(submitted / "mistakes" / "softmax" / "a")  # pytest cannot
    nbgrader(course, "generate_feedback", "softmax")
    nbgrader(course, "export", "--to", "grades.csv")
    with Grader(softmax.bundle, images) as grader:
        return {student.name: grader.grade(student / "softmax") for student in sorted(submitted.iterdir())}


def hinder(folder):
    """Put beside a notebook what nbgrader cannot copy, or waits for, or what ends its copying."""
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "timestamp.txt")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to(".")
    os.mknod(folder / "socket", stat.S_IFSOCK | 0o600)  # bound by name it may have 107 bytes of path
    nested(folder, 1500)


def nested(folder, levels):
    """Folders in folders, made step by step because a path may have no more than 4,096 bytes."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("a", dir_fd=here)
        inner = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def gradebook(course, assignment):
    """What the gradebook holds of an assignment: student, then cell, then its row."""
    query = """
        SELECT submitted_assignment.student_id AS student, base_cell.name AS cell, grade.auto_score, grade.manual_score,
               grade.extra_credit, grade.needs_manual_grade AS needs_person, grade_cells.max_score
        FROM grade JOIN base_cell ON grade.cell_id = base_cell.id
        JOIN grade_cells ON grade_cells.id = base_cell.id
        JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
        JOIN notebook ON submitted_notebook.notebook_id = notebook.id
        JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
        WHERE notebook.name = ?
    """
    rows = defaultdict(dict)
    with sqlite3.connect(course / "gradebook.db") as connection:
        connection.row_factory = sqlite3.Row
        for row in connection.execute(query, (assignment,)):
            rows[row["student"]][row["cell"]] = row
    return rows


def feedback(course, student, assignment="softmax"):
    return (course / "feedback" / student / assignment / f"{assignment}.html").read_text()


def test_points_are_those_of_the_kit(course, graded):
    rows = gradebook(course, "softmax")
    assert set(rows) == set(graded) == {"solution", "untouched", "mistakes", "tampered", "broken", *RENAMED}
    for student, report in graded.items():
        groups = by_question(report.verdicts)
        assert set(rows[student]) == {*QUESTIONS, *WRITTEN}
        for question, verdicts in groups.items():
            row = rows[student][question]
            assert row["auto_score"] + (row["extra_credit"] or 0) == sum(v.points for v in verdicts), (
                student,
                question,
            )
            assert row["max_score"] == sum(v.possible for v in verdicts)
            assert not row["needs_person"] and row["manual_score"] is None
    totals = {student: sum(row["auto_score"] or 0 for row in rows[student].values()) for student in rows}
    assert totals["untouched"] == totals["broken"] == 0
    assert totals["solution"] == 44, "all but the weights, which guess"
    assert 0 < totals["tampered"] <= totals["mistakes"] < 44


def test_a_notebook_under_another_name_is_graded_and_left_where_it_was(course, graded):
    for student, inside in RENAMED.items():
        assert sum(row["auto_score"] or 0 for row in gradebook(course, "softmax")[student].values()) == 44, student
        folder = course / "submitted" / student / "softmax"
        assert (folder / inside[0]).is_file() and not (folder / "softmax.ipynb").exists()
        assert "passed" in feedback(course, student)


def test_partial_credit_is_there(course, graded):
    row = gradebook(course, "softmax")["mistakes"]
    assert 0 < row["q4"]["auto_score"] < row["q4"]["max_score"]


def test_export_has_the_same_totals(course, graded):
    with (course / "grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == "softmax"}
    assert {s: float(rows[s]["raw_score"]) for s in rows} == {s: report.score for s, report in graded.items()}
    assert {float(row["max_score"]) for row in rows.values()} == {50 + 8}


def test_written_questions_wait_for_a_person_or_have_no_answer(course, graded):
    rows = gradebook(course, "softmax")
    written = {
        student: [(bool(rows[student][w]["needs_person"]), rows[student][w]["auto_score"]) for w in WRITTEN]
        for student in rows
    }
    assert written["solution"] == written["mistakes"] == [(True, None)] * 2
    assert written["untouched"] == [(False, 0)] * 2
    assert {rows["solution"][w]["max_score"] for w in WRITTEN} == {4}


def test_feedback_shows_every_hint(course, graded):
    for student, report in graded.items():
        page = html.unescape(feedback(course, student))
        for verdict in report.verdicts:
            assert verdict.message in page, (student, verdict)
        assert all(remark in page for remark in report.remarks)
    assert "of 100 test images" in feedback(course, "solution"), "the weights beside the notebook were measured"
    assert "shown = 1" not in feedback(course, "solution") and "softmax-report" not in str(graded["solution"].remarks)
    assert any(v.misconception for v in graded["mistakes"].verdicts)


def test_markup_of_students_is_shown_as_text(course, graded):
    for page in (feedback(course, "tampered"), formgrader_page(course, "tampered")):
        assert "document.title" in page and "<script>document.title" not in page
        assert 'href="javascript' not in page


def formgrader_page(course, student):
    """What formgrader shows of a submission, by its own template."""
    config = Config()
    configure(config)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [template_path]
    path = course / "autograded" / student / "softmax" / "softmax.ipynb"
    return HTMLExporter(config=config).from_filename(str(path), resources={"index": 0, "total": 1})[0]


def test_graders_see_rubrics_and_students_do_not(course, graded):
    page = formgrader_page(course, "untouched")
    for text in ("For graders.", "Model answer.", "probabilities compete and sum to 1"):
        assert text in page
        for secret_free in (feedback(course, "untouched"), feedback(course, "tampered")):
            assert text not in secret_free


@pytest.mark.parametrize("name", ["simclr", "ddpm", "vae", "simsiam", "softmax", "contrastive"])
def test_nothing_secret_is_released(name, course):
    """No line of a solution, a rubric, a hidden test, an oracle or a misconception."""
    secrets = secrets_of(name)
    page = (course / "release" / name / f"{name}.ipynb").read_text()
    assert [line for line in secrets if json.dumps(line, ensure_ascii=False)[1:-1] in page] == []


def test_nothing_secret_is_in_the_feedback(course, graded):
    page = html.unescape(feedback(course, "untouched"))
    assert [line for line in secrets_of("softmax") if line in page] == []
    files = [path for path in (course / "feedback").rglob("*") if path.is_file()]
    given = "run.py"  # assignment.toml publishes it beside the notebook
    assert {path.name for path in files} == {"softmax.html", "softmax.npz", given}, "and no copy through the link"


def secrets_of(name):
    """Lines that no student may see, but for those that stand in the student notebook anyhow."""
    master = assignment_master(COURSE.assignment(name))
    hidden = lines_of(build_bundle(COURSE.assignment(name)).glob("tests/*.py"))
    answers = lines_of(path for kind in ("oracle", "mistakes") for path in (SOLUTIONS / name).rglob(f"{kind}.py"))
    public = "\n".join([*master.metadata.otter.tests.values(), *(c.source for c in student_notebook(master).cells)])
    long = {line for line in solution_lines(master) | hidden | answers if len(line) > 24}
    secrets = {line for line in long if line not in public and not line.startswith(("import ", "from "))}
    assert sum(line in secrets for line in hidden) > 20 and len(secrets) > 400
    return secrets


def lines_of(paths):
    return {line.strip() for path in paths for line in path.read_text().splitlines()}


def test_release_is_the_student_notebook_with_settings(course):
    for name in ("simclr", "ddpm", "vae", "simsiam", "softmax", "contrastive"):
        release = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
        student = student_notebook(assignment_master(COURSE.assignment(name)))
        text = "\n\n".join(cell.source for cell in release.cells if not cell.id.startswith("graded-"))
        assert text == "\n\n".join(cell.source for cell in student.cells)
        assert release.metadata == student.metadata


def test_tampering_leaves_the_gradebooks_cells(course, graded):
    """The autograded notebook has each cell of the gradebook once, with the gradebook's points."""
    notebook = nbformat.read(course / "autograded" / "tampered" / "softmax" / "softmax.ipynb", as_version=4)
    settings = {
        c.metadata["nbgrader"]["grade_id"]: c.metadata["nbgrader"] for c in notebook.cells if "nbgrader" in c.metadata
    }
    assert [settings[question]["points"] for question in QUESTIONS] == [4, 3, 4, 5, 8, 10, 4, 6, 6]
    assert [c.source for c in notebook.cells].count(ATTACK) == 1
    assert not any(c.source == "1000" for c in notebook.cells if "nbgrader" in c.metadata)


def test_a_course_folder_in_use_is_left_alone(course, graded):
    """A second build rewrites source and release alone."""
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "# mine\n")
    rows = gradebook(course, "softmax")
    write_course(
        course,
        COURSE.assignment("softmax"),
        assignment_master(COURSE.assignment("softmax")),
        read_assignment(SOLUTIONS / "softmax" / "assignment.toml"),
    )
    assert config.read_text().endswith("# mine\n")
    assert {s: dict(r) for s, r in gradebook(course, "softmax").items()} == {s: dict(r) for s, r in rows.items()}


def test_a_bonus_question_is_extra_credit(course, tmp_path):
    nbgrader(course, "generate_assignment", "ddpm")
    folder = course / "submitted" / "solution" / "ddpm"
    folder.mkdir(parents=True)
    (folder / "ddpm.ipynb").write_bytes(notebook_bytes(assignment_master(COURSE.assignment("ddpm"))))
    nbgrader(course, "autograde", "ddpm")
    rows = gradebook(course, "ddpm")["solution"]
    assert (rows["q7"]["max_score"], rows["q7"]["auto_score"], rows["q7"]["extra_credit"]) == (0, 0, 5)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        assert book.find_submission("ddpm", "solution").score == 42 + 5
        book.find_grade("q7", "ddpm", "ddpm", "solution").manual_score = 1.0
        book.db.commit()
        place = {
            "db_url": f"sqlite:///{course}/gradebook.db",
            "notebook": "ddpm",
            "assignment": "ddpm",
            "student": "solution",
        }
        SaveExtraCredit().preprocess(new_notebook(), {"nbgrader": place, "kit_extra_credit": {"q7": 3.0}})
        assert gradebook(course, "ddpm")["solution"]["q7"]["extra_credit"] == 5, "a person has graded this cell"


# --- the parts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b'{"cells": 3}', b'{"cells": [3]}', b"[" * 100_000, b"\xff\xfe\x00",
        b'{"cells": [{"cell_type": "code", "source": 3, "metadata": {"tags": "x", "nbgrader": []}}]}',
        b'{"cells": [{"cell_type": "raw", "source": ["a", 1], "metadata": [], "attachments": {"a": 3}}]}',
        b'{"cells": [{"cell_type": "markdown", "source": "\\ud800", "metadata": {"tags": ["q1", "q1", 7, "a,b"]}}]}',
    ],
)  # fmt: skip
def test_any_file_is_read_as_a_valid_notebook(tmp_path, content):
    path = tmp_path / "simclr.ipynb"
    path.write_bytes(content)
    notebook = read_plainly(path)
    nbformat.validate(notebook)
    assert notebook_bytes(notebook) and notebook.cells


def test_a_link_or_pipe_is_not_read(tmp_path):
    (tmp_path / "other.ipynb").write_text(nbformat.writes(new_notebook(cells=[new_markdown_cell("theirs")])))
    (tmp_path / "simclr.ipynb").symlink_to(tmp_path / "other.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    for name in ("simclr", "pipe"):
        assert [cell.source for cell in read_plainly(tmp_path / f"{name}.ipynb").cells] == [UNREADABLE]


def test_copies_of_links_are_found(tmp_path):
    for folder in ("submitted/figures", "autograded/figures"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "submitted" / "figures" / "a.png").symlink_to("/etc/hostname")
    (tmp_path / "submitted" / "b.txt").write_text("b")
    shutil.copy("/etc/hostname", tmp_path / "autograded" / "figures" / "a.png")
    shutil.copy(tmp_path / "submitted" / "b.txt", tmp_path / "autograded" / "b.txt")
    found = copies_of_links(tmp_path / "submitted", tmp_path / "autograded")
    assert found == [tmp_path / "autograded" / "figures" / "a.png"]


class Converter:
    """What of nbgrader's converter the reading of files needs."""

    def __init__(self, *submissions):
        self.assignments = dict.fromkeys(map(str, submissions))
        self.log = logging.getLogger("test")


def test_of_a_submission_only_readable_files_are_copied(tmp_path):
    hinder(tmp_path)
    for name in ("data.csv", "figures/a.png", "skip.pyc", "a.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = files_to_copy(Converter(tmp_path), str(tmp_path), ["*.pyc", "*.ipynb"])
    assert found == [str(tmp_path / "data.csv"), str(tmp_path / "figures" / "a.png")]
    remove_tree(tmp_path / "a")
    assert str(tmp_path / "dangling") in files_to_copy(Converter(), str(tmp_path), []), "the instructor's own"


def test_a_time_that_is_none_ends_nothing(tmp_path):
    stock = CourseDirectory(root=str(tmp_path)).get_existing_timestamp
    file = tmp_path / "timestamp.txt"
    file.write_text("2026-12-02 01:30:00 CET")
    assert time_of(Converter(), stock, str(tmp_path)) == datetime(2026, 12, 2, 0, 30)
    for text in ("yesterday", "", "9" * 5000, "10000-01-01"):
        file.write_text(text)
        assert time_of(Converter(), stock, str(tmp_path)) is None
    file.unlink()
    os.mkfifo(file)
    assert time_of(Converter(), stock, str(tmp_path)) is None


def original(identity, source="", **settings):
    return new_markdown_cell(
        source,
        metadata={"nbgrader": {"grade_id": identity, "grade": False, "solution": False, "locked": False, **settings}},
    )


def test_restored_puts_missing_cells_after_the_one_before_them():
    originals = {
        "w1-question": original("w1-question", "Why?", locked=True),
        "w1": original("w1", "", grade=True, solution=True),
        "w2-question": original("w2-question", "How?", locked=True),
    }
    cells = [
        new_markdown_cell("text"),
        original("w1", "because"),
        original("w1", "no: therefore"),
        new_markdown_cell("end"),
    ]
    made = restored(cells, originals)
    assert [cell.source for cell in made] == ["text", "because", "no: therefore", "How?", "end", "Why?"]
    assert [claimed_id(cell) for cell in made] == [None, None, "w1", "w2-question", None, "w1-question"]


def test_restored_says_where_an_answer_is_missing():
    made = restored([], {"w1": original("w1", "empty", grade=True, solution=True)})
    assert [cell.source for cell in made] == [MISSING]


def test_an_answer_is_known_by_its_tag():
    assert claimed_id(new_markdown_cell("", metadata={"tags": ["w2"]})) == "w2"
    assert claimed_id(new_markdown_cell("", metadata={"tags": ["w2", "written"]})) is None
    assert claimed_id(new_code_cell("", metadata={"tags": ["w2"]})) is None


def shown(source, attachments=None):
    return shown_markdown({"cell": new_markdown_cell(source, attachments=attachments or {})}, source)


@pytest.mark.parametrize("text", ["a" + " " * 200_000 + "b", r"\begin{a}" * 20_000, r"\\[" * 60_000, "[a][" * 50_000])
def test_a_text_that_is_looked_at_again_and_again_is_shown_as_it_is(text):
    started = time.process_time()
    assert shown(text) == f"<pre>{html.escape(text)}</pre>"
    assert time.process_time() - started < 1


def test_a_line_of_code_that_is_looked_at_again_and_again_is_shown_as_it_is():
    started = time.process_time()
    assert shown_code("a." * 100_000) == f"<pre>{'a.' * 100_000}</pre>"
    assert time.process_time() - started < 1
    assert 'class="k">return' in shown_code("return 1\n" * 500)


def test_images_are_shown_and_not_very_often():
    pasted = "data:image/png;base64," + "A" * 300_000
    page = shown(f"*See* ![x]({pasted}) and ![y](data:image/jpeg;base64,QQ==) `data:image/png;base64,UQ==`")
    assert page.count(pasted) == 1 and "jpeg;base64,QQ==" in page and "png;base64,UQ==" in page and "<em>See" in page
    assert len(shown(f"[x]: {pasted}\n\n" + "![x] " * 1000)) < 2 * len(pasted) + 100_000
    attached = {"a.png": {"image/png": "B" * 300_000}, "b.png": {"image/png": "C" * 300_000}}
    page = shown("![](attachment:a.png) ![](attachment:b.png) ![](attachment:a.png)", attached)
    assert page.count("B" * 300_000) == 2 and page.count("C" * 300_000) == 1
    assert len(shown("![](attachment:a.png) " * 400, attached)) < 9 * 300_000


def test_every_stub_is_an_answer_of_its_question(course):
    for name in ("simclr", "ddpm", "vae", "simsiam", "softmax", "contrastive"):
        master = {cell.id: cell for cell in assignment_master(COURSE.assignment(name)).cells}
        source = nbformat.read(course / "source" / name / f"{name}.ipynb", as_version=4)
        answers = {
            c.id: c.metadata["nbgrader"]["grade_id"]
            for c in source.cells
            if c.id in master and has_tag(master[c.id], "stub")
        }
        assert answers and all(
            identity.startswith(f"{question_tag(master[i])}-code") for i, identity in answers.items()
        )
