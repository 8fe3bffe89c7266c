"""Where a name that is not defined may be: told in one clause, from the notebook's text and what became of its cells."""

import json
from functools import partial

import nbformat
import pytest

from autograder.assignment import read_assignment
from autograder.engine.grade import sentence_of, troubles
from autograder.engine.runner import CellOutcome, Runner
from autograder.engine.session import StudentError
from autograder.engine.whereabouts import whereabouts
from autograder.frameworks import TORCH
from autograder.sandbox import preload
from autograder.sandbox.notebook import read_notebook
from autograder.sandbox.sightings import MOST_NAMES, MOST_PLACES
from tests.checkout import COURSE, PROBES, ROOT

LIBRARIES = preload.LIBRARIES[TORCH]

HOMES = {"evaluate": "q5", "nt_xent": "q1a"}
DEFINED = "def evaluate(model):\n    return model"


def cell(source, kind="code", **metadata):
    return {"cell_type": kind, "source": source, "metadata": metadata}


def tagged(source):
    return cell(source, tags=["skip-grading"])


@pytest.fixture
def notebook(tmp_path):
    """Reads a notebook of these cells; a text is a code cell."""

    def read(*cells):
        content = {"cells": [cell(one) if isinstance(one, str) else one for one in cells], "metadata": {}}
        path = tmp_path / "simclr.ipynb"
        path.write_text(json.dumps(content))
        return read_notebook(path, HOMES)

    return read


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (("x = 1", cell(DEFINED, "markdown")), "its definition is in a Markdown cell after code cell 1; make that a "),
        ((cell("```python\n" + DEFINED, "raw"),), "its definition is in a raw cell above the first code cell; make "),
        (("def evaluate(:\n    pass",), 'cell 1 holds its definition, but it has a SyntaxError in line 1: "invalid'),
        ((tagged("x = (\n" + DEFINED),), "cell 1 holds its definition, but it has a SyntaxError in line 1: "),
        (("x = 1", "%%timit\n" + DEFINED), 'cell 2 holds its definition, but the cell magic "%%timit" is not run'),
        (("evaluate <- function(m) {\n}",), "cell 1 holds its definition, but it has a SyntaxError"),
        (("def Evaluate(m):\n    pass",), 'cell 1 defines "Evaluate", a similar name'),
        (("x = 1", "def evalaute(m):\n    pass"), 'cell 2 defines "evalaute", a similar name'),
        (("def evaluate_model(m):\n    pass",), 'cell 1 defines "evaluate_model", a similar name'),
        (("def my_evaluate(m):\n    pass",), 'cell 1 defines "my_evaluate", a similar name'),
        (("def eval_(m):\n    pass",), "q5 of the notebook that you were given"),
        (("evaluat = lambda m: m",), 'cell 1 defines "evaluat", a similar name'),
        (("evaluat = 3",), "q5 of the notebook that you were given"),
        (("class E_valuate:\n    pass",), 'cell 1 defines "E_valuate", a similar name'),
        (("def run():\n    def evaluate(m):\n        pass",), 'cell 1 defines it only inside "run"; move it to the '),
        (
            ("class Run:\n    if True:\n        def evaluate(m):\n            pass",),
            'cell 1 defines it only inside "Run"',
        ),
        (("# def evaluate(m):\n#     pass",), "cell 1 holds its definition only in a comment or a string"),
        (('"""\ndef evaluate(m):\n    pass\n"""',), "cell 1 holds its definition only in a comment or a string"),
        (("%%writefile e.py\n" + DEFINED,), "cell 1 only writes its definition into a file"),
        (
            ("if False:\n    def evaluate(m):\n        pass",),
            'cell 1 defines it only in a part of its "if" that was not',
        ),
        ((DEFINED, "del evaluate"), "cell 2 deletes it"),
        (("x = 1",), "q5 of the notebook that you were given has a cell for it"),
        ((cell("`evaluate` gives the accuracy", "markdown"), "evaluation = value = 1"), "q5 of the notebook that you "),
        ((), "q5 of the notebook that you were given has a cell for it"),
    ],
)
def test_the_place_of_a_missing_function_is_told(notebook, cells, told):
    read = notebook(*cells)
    outcomes = [CellOutcome(one.index, "skipped" if one.skip else "ok", one.skip or "") for one in read.cells]
    said = whereabouts(read, HOMES, outcomes, "evaluate")
    assert said.startswith(told) and "\n" not in said
    error = StudentError("NameMissing", "evaluate", missing="evaluate")
    error.whereabouts = said
    assert sentence_of(error, HOMES) == f"your notebook does not define evaluate: {said}"


def test_what_comes_later_is_no_reason(notebook):
    """A cell that deletes a name, or defines it again, explains nothing that happened before it."""
    read = notebook("helper = 1", "x = helper", "del helper")
    assert (
        whereabouts(read, HOMES, (), "helper", 2) == ""
        and whereabouts(read, HOMES, (), "helper") == "cell 3 deletes it"
    )
    assert (
        whereabouts(notebook("x = helper", "helper = 1"), HOMES, (), "helper", 1)
        == "it is defined only later, in cell 2"
    )


def test_a_method_that_is_called_without_self_stays_where_it_is(notebook):
    read = notebook("class Model:\n    def scale(self): pass\n    def forward(self): return scale(1)")
    assert whereabouts(read, HOMES, (), "scale") == 'cell 1 defines it only inside "Model"'


def test_another_graded_name_is_no_misspelling(notebook):
    read = notebook("def p_sample(x):\n    pass\ndef q_sample_(x):\n    pass")
    assert whereabouts(read, {}, (), "evaluate") == ""
    named = {"p_sample": "q3", "q_sample": "q2"}
    assert "q_sample" not in read.sightings and whereabouts(read, named, (), "q_sample").startswith("q2 of ")


def in_session(sandbox, read, name=None):
    """Runs the cells; the remarks, and what a test is told that asks for ``name``."""
    explain = partial(whereabouts, read, HOMES)
    with Runner(sandbox, read.cells, explain=explain) as runner:
        remarks = troubles(runner.outcomes, explain)
        if name is None:
            return remarks, ""
        with pytest.raises(StudentError) as error:
            runner.call(f"{PROBES}.true", {"function": name})
        return remarks, sentence_of(error.value, HOMES)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("class evaluate(Datset):\n    pass", "it raised NameError: \"name 'Datset' is not defined\" (line 1)"),
        ("x = 1\nraise ValueError('odd')\n" + DEFINED, 'it raised ValueError: "odd" (line 2)'),
        ("import sys\n\nsys.exit()\n" + DEFINED, "it raised SystemExit (line 3)"),
        ("from my_losses import evaluate", "it raised ModuleNotFoundError: \"No module named 'my_losses'\" (line 1)"),
        ("evaluate = [].pop()", 'it raised IndexError: "pop from empty list" (line 1)'),
        (
            tagged("data = open('x.npy')\nevaluate = data.read()\nplot(data)"),
            'it raised FileNotFoundError: "[Errno 2] No',
        ),
        ("import os\nos._exit(3)\nevaluate = f(1)", "it ended the Python process (exit status 3)"),
        ("while True: pass\nevaluate = f(1)", "it was stopped after 3 seconds"),
    ],
)
def test_a_cell_that_failed_before_the_definition_is_named_with_its_reason(sandbox, notebook, source, told):
    _, said = in_session(sandbox, notebook("x = 1", source), "evaluate")
    assert said.startswith(f"your notebook does not define evaluate: cell 2 should define it, but {told}")


def test_a_helper_that_is_not_there_is_looked_for_too(sandbox, notebook):
    cells = ("def evaluate():\n    return cosine(1)", cell("def cosine(x):\n    return x", "markdown"))
    _, said = in_session(sandbox, notebook(*cells), "evaluate")
    assert said.startswith("your code raised NameError: \"name 'cosine' is not defined\" (line 2 of cell 1); its def")
    assert "in a Markdown cell after code cell 1" in said
    _, said = in_session(sandbox, notebook("def evaluate():\n    return nobody(1)"), "evaluate")
    assert said == "your code raised NameError: \"name 'nobody' is not defined\" (line 2 of cell 1)"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("def evaluate(:\n    return 1", "; cell 2 holds its definition, but it has a SyntaxError in line 1: "),
        ("evaluate = [].pop()", '; cell 2 should define it, but it raised IndexError: "pop from empty list" (line 1)'),
        (cell(DEFINED, "markdown"), "; its definition is in a Markdown cell after code cell 1; make that"),
        ("x = 1", None),
    ],
)
@pytest.mark.parametrize("stub", ["def evaluate():", "class evaluate:\n    def __init__(self):"])
def test_another_definition_beside_a_stub_is_told(sandbox, notebook, stub, other, told):
    """The student wrote into a new cell, which failed; the stub above it is still there."""
    body = '\n        """Not def evaluate."""\n        raise NotImplementedError("q5: write it")'
    _, said = in_session(sandbox, notebook(stub + body, other), "evaluate")
    first = 'not implemented yet ("q5: write it")'
    assert said == first if told is None else said.startswith(first + told)


def test_cells_in_the_wrong_order_are_told_in_one_sentence(sandbox, notebook):
    remarks, _ = in_session(sandbox, notebook("x = torch.ones(1)", "\ny = torch", "z = HPs", "HP = 1", "import torch"))
    assert remarks == [
        "Cells 1 and 2: each raised NameError: \"name 'torch' is not defined\"; it is defined only later, in cell 5.",
        "Cell 3: it raised NameError: \"name 'HPs' is not defined\" (line 1).",
    ]


def test_many_cells_with_one_error_are_counted(sandbox, notebook):
    remarks, _ = in_session(sandbox, notebook(*["x = 1 / 0"] * 12))
    assert remarks == ['Cells 1, 2, 3, 4, 5, 6, 7, 8, 9 and 3 more: each raised ZeroDivisionError: "division by zero".']


def test_lines_are_those_of_the_student(sandbox, notebook):
    remarks, _ = in_session(
        sandbox, notebook("def f():\n    return 1 / 0", "%%time\n\nx = 1\nf()", "\n\n!ls\n[].pop()")
    )
    assert remarks == [
        'Cell 2: it raised ZeroDivisionError: "division by zero" (line 2 of cell 1).',
        'Cell 3: it raised IndexError: "pop from empty list" (line 4).',
    ]


@pytest.mark.parametrize("module", ["lightly", "lightly.loss", "sklearn_extra", "my_file"])
def test_a_library_that_is_not_there_is_named_with_those_that_are(sandbox, notebook, module):
    read = notebook(f"import {module}", f"def evaluate():\n    import {module}")
    remarks, said = in_session(sandbox, read, "evaluate")
    for text in (*remarks, said):
        assert f'"{module.partition(".")[0]}" is not there when your notebook is graded' in text
        assert all(library in text for library in LIBRARIES)


def test_a_missing_part_of_a_library_is_no_missing_library(sandbox, notebook):
    remarks, _ = in_session(sandbox, notebook("import torch.magic", "from torch import magic"))
    assert len(remarks) == 2 and not any("graded" in remark for remark in remarks)


def test_the_libraries_are_those_that_students_are_told_of():
    """The notebooks and the page for students name the same; PIL is installed as a part of torchvision."""
    page = (ROOT / "docs/students.md").read_text(encoding="utf-8")
    texts = {"": page}
    for path in ROOT.glob("assignments/*/*.ipynb"):
        texts[path.stem] = "\n".join(one.source for one in nbformat.read(path, as_version=4).cells)
    for name, text in texts.items():
        framework = read_assignment(COURSE.assignment(name).settings).framework if name else TORCH
        command = text.partition("pip install ")[2].partition("otter-grader")[0]
        not_graded = {"scikit-learn"} if name == "contrastive" else set()  # draws a figure
        assert set(command.split()) - not_graded == set(preload.LIBRARIES[framework]) - {"PIL"}, name
    assert all(f"`{library}`" in page for library in LIBRARIES)


def test_what_a_submission_says_is_no_voice_of_the_grader(notebook):
    """Names and lines of the notebook stand in quotation marks; a name that is made up finds nothing."""
    claim = "Full marks. Enter 20 of 20"
    read = notebook("def Evaluate(m):\n    pass\nx = helper()", "helpr = 1")
    assert whereabouts(read, HOMES, (), claim) == ""
    assert sentence_of(StudentError("NameMissing", claim, missing=claim), HOMES) == (
        "your notebook does not define a name that this test needs"
    )
    assert '"helpr"' in whereabouts(read, HOMES, (), "helper") and '"Evaluate"' in whereabouts(
        read, HOMES, (), "evaluate"
    )
    for name, told in ((claim, False), ("Full_marks", True), ("x" * 100, False)):
        advice = StudentError("ModuleNotFoundError", f"No module named '{name}'").advice
        assert (f'"{name}"' in advice) == told and (name in advice) == told


def test_a_made_up_notebook_has_few_places(notebook):
    names = "\n".join(f"name_{k} = other_{k}" for k in range(3 * MOST_NAMES))
    many = "\n".join(["def evaluate(): pass", "# def evaluate"] * 500)
    read = notebook(names, *[many] * 20, *[cell(many, "markdown")] * 20)
    assert len(read.sightings) <= MOST_NAMES
    assert all(len(places) <= MOST_PLACES for places in read.sightings.values())
