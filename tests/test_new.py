"""``kit new``, and docs/writing.md, walked through from its first line to its last in an empty directory."""

import json
import re
import shlex
import subprocess
import zipfile

import nbformat
import pytest

from autograder.commands.new import check_name
from autograder.course import AssignmentFolder
from autograder.errors import KitError
from autograder.release.notebooks import notebook_bytes
from tests.checkout import COURSE, ROOT, kit, python

PAGE = (ROOT / "docs" / "writing.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"^(?:`(?P<file>[^`]+)`, (?P<how>[a-z ]+):\n\n)?```(?P<language>\w+)\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
STEPS = [found.groupdict() for found in STEP.finditer(PAGE)]
# What the page counts: the files of the question's folder.
COUNTED = [step for step in STEPS if step["file"] and "/q2_accuracy/" in step["file"]]
TWO_MISTAKES = """
def softmax_loss(W, x, y):
    log_p = torch.log_softmax(x @ W, dim=1)
    target = torch.nn.functional.one_hot(y, W.shape[1])
    return -(log_p * target).sum(dim=1).mean(), x.T @ (log_p.exp() - target)

def accuracy(W, x, y):
    return sum(guess == label for guess, label in zip((x @ W).max(dim=1).indices.tolist(), y.tolist()))
"""


said: dict[str, subprocess.CompletedProcess] = {}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course at the end of the page; what each command said is in ``said``."""
    folder = tmp_path_factory.mktemp("course")
    for step in STEPS:
        take(folder, step)
    return folder


def take(folder, step):
    """One step of the page: commands are run, files written."""
    if step["language"] == "bash":
        for line in step["text"].splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "kit", line
            done = kit(folder, *arguments)
            assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            said[line] = done
        return
    path = folder / step["file"]
    assert path.exists() == (step["how"] != "a new file"), path
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if step["how"] == "added at its end" else ""
    gap = {"python": "\n\n", "toml": "\n"}[step["language"]] if before else ""
    path.write_text(before + gap + step["text"])


def results(folder, name):
    return json.loads((folder / name / "results.json").read_text())


def test_the_page_has_every_step():
    assert len([step for step in STEPS if step["language"] == "bash"]) == 3
    assert [step["how"] for step in STEPS if step["file"]] == ["a new file"] * 6 + ["added at its end"] * 2
    assert len(STEPS) == PAGE.count("```") / 2


def test_the_second_question_takes_less_than_fifty_lines():
    lines = [line for step in COUNTED for line in step["text"].splitlines() if line.strip()]
    assert len(COUNTED) == 6 and len(lines) < 50
    assert sum(step["text"].count("    edit(") for step in COUNTED) == 2


def test_solution_earns_everything(course):
    graded = results(course / "grades" / "softmax", "softmax")
    assert graded["score"] == 7 and len(graded["tests"]) >= 2
    checks = [done.stdout for line, done in said.items() if line.startswith("kit check")]
    assert "solution: 7 of 7 points; blank notebook: 0" in checks[-1]


def test_the_tests_of_both_questions_run(course):
    assert re.search(r"\b6 passed", said["kit test solutions/softmax"].stdout)


def test_points_stand_in_both_notebooks(course):
    for folder in ("solutions", "assignments"):
        cells = nbformat.read(course / folder / "softmax" / "softmax.ipynb", as_version=4).cells
        assert "(7 points)" in cells[0].source
        assert any(cell.source.startswith("## q2 · Accuracy (2 points)") for cell in cells)


def test_each_mistake_costs_its_own_points_and_is_named(course, tmp_path):
    student = nbformat.read(course / "assignments" / "softmax" / "softmax.ipynb", as_version=4)
    (tmp_path / "blank.ipynb").write_bytes(notebook_bytes(student))
    student.cells.append(nbformat.v4.new_code_cell(TWO_MISTAKES, id="mistakes"))
    (tmp_path / "mistakes.ipynb").write_bytes(notebook_bytes(student))
    for name, score in (("blank", 0), ("mistakes", 2)):
        done = kit(course, "grade", "softmax", str(tmp_path / f"{name}.ipynb"), "--out", str(tmp_path / "grades"))
        assert done.returncode == 0, done.stderr
        graded = results(tmp_path / "grades", name)
        assert graded["score"] == score
        hints = " ".join(test["output"] for test in graded["tests"])
        for hint in ("divide it by their number", "divide by the number of all rows"):
            assert (hint in hints) == (name == "mistakes")


def test_no_answer_leaves_the_instructor(course):
    """What Gradescope and students get holds no oracle and no misconception's code."""
    with zipfile.ZipFile(course / "dist" / "softmax-gradescope.zip") as archive:
        names = [name for name in archive.namelist() if name.startswith("bundle/code/")]
    assert sorted(names) == [
        "bundle/code/softmax/q1_softmax_loss/probes.py",
        "bundle/code/softmax/q2_accuracy/probes.py",
    ]
    assert "log_softmax" not in (course / "assignments" / "softmax" / "softmax.ipynb").read_text()


def test_what_was_made_has_the_style_of_the_kit(course):
    for command in (["check"], ["format", "--check"]):
        rules = ("--config", str(ROOT / "pyproject.toml"))
        done = python(course, "-m", "ruff", *command, *rules, *map(str, course.glob("solutions/*/q*")))
        assert done.returncode == 0, done.stdout


def test_a_name_that_is_taken_is_left_alone(course):
    master = course / "solutions" / "softmax" / "master.py"
    before = master.read_text()
    done = kit(course, "new", "softmax")
    assert done.returncode == 2 and "exists already" in done.stderr and done.stderr.count("\n") == 1
    assert master.read_text() == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *((name, "exists already") for name in ("simclr", "ddpm")),
        *((name, "a keyword of Python") for name in ("class", "lambda", "match")),
        *(
            (name, "small letter")
            for name in ("", "7up", "Softmax", "my-task", "../out", "/tmp/out", "a b", "é", "a\n")
        ),
        ("a" * 41, "40 characters at most"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused(name, words):
    with pytest.raises(KitError, match=re.escape(words)):
        check_name(AssignmentFolder(COURSE, name))


@pytest.mark.parametrize("name", ["torch", "random", "given", "model"])
def test_a_name_that_others_use_is_free(name):
    check_name(AssignmentFolder(COURSE, name))


def test_a_course_begins_where_the_variable_says(tmp_path, monkeypatch):
    begun = tmp_path / "begun"
    begun.mkdir()
    monkeypatch.setenv("KIT_COURSE", str(begun))
    assert kit(tmp_path, "new", "softmax").returncode == 0
    assert (begun / "solutions/softmax/assignment.toml").is_file() and list(tmp_path.iterdir()) == [begun]
