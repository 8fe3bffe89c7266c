"""A mistake costs its own points only: a small course in which the second question builds on the first."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.release.notebooks import notebook_bytes
from autograder.stand_ins import called_like, standing_in
from tests.checkout import kit

SETTINGS = """
name = "steps"
title = "Two steps"
dataset = ""
colab_url = ""
picture_probe = ""

[[question]]
id = "q1"
title = "A line"
points = { value = 2 }

[[question]]
id = "q2"
title = "The sum of its squares"
points = { value = 3 }
"""
LINE = {
    "question.py": """
import torch
from autograder.questions.model import Case, Close, Test
from . import probes

def draw(generator):
    return tuple(Case(name, {"x": torch.randn(5, generator=generator), "k": k}) for name, k in (("a", 2.0), ("b", 3.0)))

STUBS = ("line",)
TESTS = (Test("value", "the line", probes.value, ("a", "b"), {"y": Close(1e-4, what="the line")}),)
""",
    "probes.py": 'def value(student, x, k):\n    return {"y": student["line"](x, k)}\n',
    "oracle.py": 'def line(x, k):\n    return k * x\n\nORACLE = {"line": line}\n',
}
SQUARES = {
    "question.py": """
from autograder.questions.model import Close, Test
from ..q1_line.question import draw
from . import probes

STUBS = ("squares",)
SUM = {"sum": Close(1e-4, what="the sum")}
TESTS = (
    Test("value", "the sum of squares", probes.value, ("a", "b"), SUM),
    Test("value_given", "It is right, given another line in the place of yours.", probes.value, ("a", "b"), SUM,
         instead_of="value", after=("q1",), stand_ins={"line": probes.other_line}),
)
""",
    "probes.py": """
def value(student, x, k):
    return {"sum": student["squares"](x, k)}

def other_line(x, k):
    return 3 * x + 7 * k
""",
    "oracle.py": """
from ..q1_line.oracle import line

def squares(x, k):
    return sum(number**2 for number in line(x, k))

ORACLE = {"squares": squares}
""",
}
ALIKE = {"correct.py": "CORRECT = {}\n", "mistakes.py": "MISCONCEPTIONS = ()\n"}

LINE_OK, LINE_WRONG = "def line(x, k):\n    return k * x", "def line(x, k):\n    return k + x"
SQUARES_OK, SQUARES_WRONG = (f"def squares(x, k):\n    return (line(x, k) ** {power}).sum()" for power in (2, 4))
INLINE = "def squares(x, k):\n    return k * k * (x @ x)"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps")
    assignment = folder / "solutions" / "steps"
    for name, files in (("q1_line", LINE), ("q2_squares", SQUARES)):
        (assignment / name).mkdir(parents=True)
        for file, text in (files | ALIKE).items():
            (assignment / name / file).write_text(text)
    (assignment / "assignment.toml").write_text(SETTINGS)
    for question in ("q1", "q2"):
        drawn = kit(folder, "draw", "steps", question)
        assert drawn.returncode == 0, drawn.stderr
    return folder


CASES = {
    "right": ((LINE_OK, SQUARES_OK), (2, 3)),
    "upstream wrong": ((LINE_WRONG, SQUARES_OK), (0, 3)),
    "upstream missing": ((SQUARES_OK,), (0, 3)),
    "another order": (
        ("def line(k, x):\n    return k + x", SQUARES_OK.replace("line(x, k)", "line(k, x=x)")),
        (0, 3),
    ),
    "inlined": ((LINE_WRONG, INLINE), (0, 3)),
    "both wrong": ((LINE_WRONG, SQUARES_WRONG), (0, 0)),
    "called wrongly": ((LINE_WRONG, SQUARES_OK.replace("(x, k)", "(x, 2 * k)")), (0, 0)),
    "own mistake": ((LINE_OK, SQUARES_WRONG), (2, 0)),
    "nothing": ((LINE_WRONG, "line = squares = None"), (0, 0)),
}


def graded(course, cases, out):
    """What ``kit grade`` gives for a class: case -> the entries of its two tests in results.json."""
    classroom = out.with_name(f"{out.name}-handed-in")
    for name in cases:
        folder = classroom / name.replace(" ", "-")
        folder.mkdir(parents=True)
        cells = [new_code_cell(cell) for cell in CASES[name][0]]
        (folder / "steps.ipynb").write_bytes(notebook_bytes(new_notebook(cells=cells)))
    done = kit(course, "grade", "steps", str(classroom), "--out", str(out))
    assert done.returncode == 0, done.stderr
    return {name: json.loads((out / name.replace(" ", "-") / "results.json").read_text())["tests"] for name in cases}


@pytest.fixture(scope="module")
def tests(course, tmp_path_factory):
    return graded(course, CASES, tmp_path_factory.mktemp("out") / "grades")


@pytest.mark.parametrize("case", CASES)
def test_points(tests, case):
    assert tuple(test["score"] for test in tests[case]) == CASES[case][1]


def test_the_student_reads_what_was_used(tests):
    assert "It is right, given another line in the place of yours." in tests["upstream wrong"][1]["output"]
    assert "in the place of" not in tests["right"][1]["output"] + tests["inlined"][1]["output"]


def test_a_setting_turns_it_off(course, tmp_path):
    settings = course / "solutions" / "steps" / "assignment.toml"
    settings.write_text(SETTINGS.replace("dataset", "follow_through = false\ndataset", 1))
    try:
        found = graded(course, ["upstream wrong", "right"], tmp_path / "grades")
    finally:
        settings.write_text(SETTINGS)
    assert [test["score"] for name in found for test in found[name]] == [0, 0, 2, 3]


def test_a_stand_in_takes_arguments_as_the_own_function_does():
    def own(b, a=5): ...

    def stand_in(a, b):
        return a, b

    assert called_like(own, stand_in)(1) == (5, 1)
    assert called_like(own, stand_in)(b=1, a=2) == (2, 1)
    for other in (None, print, lambda u, v: 0):
        assert called_like(other, stand_in)(1, 2) == (1, 2)


def test_names_are_as_before_afterwards():
    names = {"own": 1}
    with pytest.raises(ValueError), standing_in({"own": max, "new": min}, [names]):
        assert names["new"](3, 2) == 2 and names["own"](3, 2) == 3
        raise ValueError
    assert names == {"own": 1}
