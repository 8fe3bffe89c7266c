"""The cells of a student notebook that carry its checks: what is in them, and that they run where no kit is."""

import ast
import base64
import json
import lzma
import re
import subprocess
import sys

import nbformat
import pytest

from autograder.arrays import as_numpy, double, is_array
from autograder.desk.table import loaded
from autograder.errors import KitError
from autograder.questions.cases import stored_draws
from autograder.questions.loading import load_questions
from autograder.release.course import assignment_master
from autograder.release.notebooks import student_notebook
from autograder.release.travel import (
    CELL_ID,
    LONGEST,
    at_desk_text,
    modules_of,
    public_cells,
    same_but_numbers,
    with_checks,
)
from tests.checkout import COURSE

BARE = "import sys\nsys.modules['otter'] = sys.modules['autograder'] = None\n"  # importing either fails
RIGHT = """def softmax_loss(W, x, y):
    W = W.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(x @ W, y)
    return loss, torch.autograd.grad(loss, W)[0]
"""
STOCK = """class Stock:
    def export(self):
        return "exported"

    def check(self, question, global_env):
        return {"log": question}


grader = Stock()
"""
SUMMED = RIGHT.replace("cross_entropy(x @ W, y)", "cross_entropy(x @ W, y, reduction='sum')")
RAISES = "def softmax_loss(W, x, y):\n    return x @ W @ W\n"


@pytest.fixture(scope="module")
def cells(small):
    """The cells of the small assignment."""
    return public_cells(small, assignment_master(small))


def said(folder, cells, *sources):
    """What the sources print in a new process with the cells of the checks, in a folder with nothing in it."""
    source = "\n".join([BARE, "import torch", *(cell.source for cell in cells), *sources])
    (folder / "cells.py").write_text(source, encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "cells.py"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def packed(cells):
    """The parts that the cells carry."""
    found = {}
    for name, text in re.findall(r'_kit\["(\w+)"\] = \(\n(.*?)\n\)', "\n".join(c.source for c in cells), re.DOTALL):
        found[name] = base64.b85decode("".join(re.findall(r'^"(.*)"$', text, re.MULTILINE)))
    return found


def test_a_correct_solution_passes_without_otter_and_without_the_kit(cells, tmp_path):
    found = said(tmp_path, cells, RIGHT, "print(grader.check('q1'))\nprint(grader.check_all().passed)")
    assert found.startswith("q1: all 3 checks passed\n") and found.endswith("True\n")


def test_a_mistake_an_error_and_a_missing_cell_are_told(cells, tmp_path):
    found = said(
        tmp_path,
        cells,
        "print(grader.check('q1'))",
        SUMMED,
        "print(grader.check('q1'))",
        RAISES,
        "print(grader.check('q1'))",
    )
    first, second, third = found.split("q1: not right yet\n")[1:]
    assert first == "  · run the cell of softmax_loss first\n"
    assert "return the gradient of the sum over the rows" in second
    assert third.count("Your code raised RuntimeError") == 1


def test_what_needs_otter_says_so(cells, tmp_path):
    found = said(tmp_path, cells, "try:\n    grader.export()\nexcept RuntimeError as error:\n    print(error)")
    assert found.startswith("grader.export is Otter's: it needs")


TOLD = "except ValueError as error:\n    print(error)\n"


@pytest.mark.parametrize(
    ("pattern", "other"), [(r'_kit\["code"\] = \(\n.*?\n\)', ""), (r'(?<=_kit\["code"\] = \(\n"....)..', "00")]
)
def test_checks_that_are_missing_or_changed_are_told_and_run_once_they_are_whole(cells, tmp_path, pattern, other):
    source = cells[-1].source
    broken, count = re.subn(pattern, other, source, count=1, flags=re.DOTALL)
    start = broken.index("\nexec(")
    tried = f"{broken[:start]}\ntry:\n    {broken[start:].strip().replace(chr(10), chr(10) + '    ')}\n{TOLD}"
    found = said(tmp_path, [], *(cell.source for cell in cells[:-1]), tried, source, RIGHT, "print(grader.check('q1'))")
    assert count == 1 and found.startswith("Parts of the checks are missing (code). Run all cells called Checks")
    assert "q1: all 3 checks passed" in found


def test_otters_own_object_answers_what_is_not_ours(cells, tmp_path):
    twice = [cell.source for cell in (*cells, *cells)]
    calls = "print(grader.export(), grader.check('q1')['log'])"
    assert said(tmp_path, [], STOCK, *twice, calls) == "exported q1\n"


def test_a_probe_that_imports_an_answer_is_refused(small, tests):
    probes = small.path / "q1_softmax_loss" / "probes.py"
    before = probes.read_text(encoding="utf-8")
    probes.write_text(f"{before}\nfrom .oracle import ORACLE\n", encoding="utf-8")
    try:
        with pytest.raises(KitError, match="oracle.py may hold answers"):
            modules_of(small, tests)
    finally:
        probes.write_text(before, encoding="utf-8")


def test_another_machine_s_numbers_are_no_change(small, cells):
    notebook = student_notebook(assignment_master(small))
    other = [nbformat.from_dict({**cell, "source": cell.source.replace('"', "'")}) for cell in cells]
    changed = [
        nbformat.from_dict({**cell, "source": cell.source.replace("made from ", "made from 0")}) for cell in cells
    ]
    assert same_but_numbers(with_checks(notebook, cells), with_checks(notebook, other))
    assert not same_but_numbers(with_checks(notebook, cells), with_checks(notebook, changed))
    assert not same_but_numbers(with_checks(notebook, cells), notebook)


@pytest.mark.parametrize("name", COURSE.names())
def test_no_answer_is_in_the_committed_notebook(name):
    folder = COURSE.assignment(name)
    notebook = nbformat.read(folder.student, as_version=4)
    cells = [cell for cell in notebook.cells if cell.id.startswith(CELL_ID)]
    assert 0 < len(cells) <= 3 and all(len(cell.source) < LONGEST for cell in cells)
    assert sum(len(cell.source) for cell in cells) < 550_000  # pictures and text come on top
    assert folder.student.stat().st_size < 700_000
    parts = packed(cells)
    modules = json.loads(lzma.decompress(parts["code"]))["modules"]
    answers = {"question", "oracle", "correct", "mistakes"}
    assert answers.isdisjoint(part for module in modules for part in module.split("."))
    carried = as_lines("\n".join(modules.values()))
    files = [path for kind in answers - {"question"} for path in folder.path.glob(f"q*/{kind}.py")]
    bodies = {body for path in files for body in bodies_in(path.read_text(encoding="utf-8"))}
    assert len(bodies) > 30 and [body for body in bodies if body in carried] == []
    shown = {
        (question.id, case.name, number_bytes(tensor))
        for question in load_questions(folder)
        for test in loaded(parts[question.id])
        for case in test.cases
        for tensor in (*case.inputs.values(), *case.reference.values())
        if is_array(tensor)
    }
    graded = {
        (question.id, *numbers)
        for question in load_questions(folder)
        for numbers in drawn(stored_draws(question.folder))
    }
    assert len(graded) > 50 and graded.isdisjoint(shown)


def drawn(draws):
    """The larger tensors of stored cases that are not the same in every draw, each with the name of its case."""
    for case in draws[0].values():
        for name in (name for name, value in case.inputs.items() if is_array(value)):
            found = {number_bytes(draw[case.name].inputs[name]) for draw in draws}
            if len(found) > 1 and as_numpy(case.inputs[name]).size > 16:
                yield from ((case.name, numbers) for numbers in found)


def bodies_in(text):
    """The bodies of the functions with three lines or more, without docstrings."""
    for node in ast.walk(ast.parse(at_desk_text(text))):
        body = "\n".join(map(ast.unparse, node.body)) if isinstance(node, ast.FunctionDef) else ""
        if body.count("\n") >= 2:
            yield as_lines(body)


def as_lines(text):
    """Code without its indentation."""
    return "\n".join(line.strip() for line in text.splitlines())


def number_bytes(tensor):
    """The numbers of a tensor."""
    return double(tensor).tobytes()
