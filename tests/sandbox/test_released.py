"""Cells that students were given are read once for all workers, and run as any other cell."""

from __future__ import annotations

import ast
import json

import pytest

from autograder.engine.public_checks import read
from autograder.engine.session import Probes, Sandbox, StudentError
from autograder.sandbox import notebook, released
from tests.checkout import PROBES, SOLUTIONS

GIVEN = ("import math\n", "def f(x):\n    return g(x)\n\ndef g(x):\n    return math.sqrt(x) / x\n", "%%time\nh = 1")
LATER = "def h(x: not_there):\n    return x\n"  # defined only where annotations are not evaluated


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(Probes(modules=(PROBES,), cells=("", LATER, *GIVEN))) as sandbox:
        yield sandbox


@pytest.fixture()
def prepared(monkeypatch):
    for table in ("TREES", "STATEMENTS", "NESTED", "CODE"):
        monkeypatch.setattr(released, table, {})
    released.prepare(GIVEN)


@pytest.mark.parametrize("first", [3, 4])
def test_an_error_in_a_given_cell_has_its_place_wherever_the_cell_stands(sandbox, first):
    with sandbox.session() as session:
        for index, source in enumerate(GIVEN[:2], start=first):
            session.run_cell(index, source, 30)
        with pytest.raises(StudentError) as raised:
            session.run_cell(9, "f(0)", 30)
    assert (raised.value.type, raised.value.cell, raised.value.line) == ("ZeroDivisionError", first + 1, 5)


def test_a_given_cell_after_a_lasting_import_is_compiled_as_that_asks(sandbox):
    with sandbox.session() as session:
        with pytest.raises(StudentError, match="not_there"):
            session.run_cell(2, LATER, 30)
        session.run_cell(1, "from __future__ import annotations", 30)
        session.run_cell(2, LATER, 30)


def test_only_what_was_given_is_taken_from_the_tables(prepared, tmp_path, monkeypatch):
    parsed = []
    monkeypatch.setattr(notebook, "syntax_tree", lambda source: parsed.append(source) or ast.parse(source))
    changed = GIVEN[1].replace("math.sqrt(x)", "x")
    cells = [{"cell_type": "code", "source": source} for source in (*GIVEN[:2], changed)]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    found = notebook.read_notebook(tmp_path / "a.ipynb", ("f",))
    assert parsed == [changed] and [cell.source for cell in found.cells] == [*GIVEN[:2], changed]
    assert found.rebound == notebook.read_notebook(tmp_path / "a.ipynb", ("f",)).rebound
    assert set(released.TREES) == set(GIVEN[:2])  # a magic is left to the workers


def test_a_notebook_is_read_alike_with_and_without_the_tables(monkeypatch):
    path = SOLUTIONS / "simclr" / "simclr.ipynb"
    graded = ("nt_xent", "SimCLR", "barlow_twins")
    plainly = notebook.read_notebook(path, graded)
    for table in ("TREES", "STATEMENTS", "NESTED", "CODE"):
        monkeypatch.setattr(released, table, {})
    released.prepare([cell.source for cell in plainly.cells])
    assert len(released.TREES) > 10 and notebook.read_notebook(path, graded) == plainly


def test_the_bundle_holds_the_code_cells_that_students_get(bundle, student):
    assert read(bundle)["cells"] == [cell.source for cell in student.cells if cell.cell_type == "code"]
