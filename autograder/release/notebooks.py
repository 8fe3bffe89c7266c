"""The master as two notebooks: the solution, and what students get. Pure functions on ``NotebookNode``.

The master is a jupytext percent script. Tags of its cells say what becomes of each:

====================  =============================================  ==========================================
tag                   in the solution notebook                       in the student notebook
====================  =============================================  ==========================================
``stub`` + question   as it is                                       solution regions raise NotImplementedError
``public-tests`` + q  moved into the metadata, ``grader.check(q)``   the same
``model-answer``      as it is                                       an empty answer cell
``rubric``            as it is                                       left out
``skip-grading``      as it is; graded: only what answers need       the same
``given`` + stub + q  as it is                                       as it is, and the question has no public tests
``only-NAME``         left out unless the course's data set is NAME  the same
``folded`` + a title  shown as its title until a reader opens it     the same
====================  =============================================  ==========================================

A line ``# {{given FILE}}`` stands for the text of ``autograder/given/FILE``, code that several notebooks give to students.
``{{name}}`` is the assignment's name. A picture in a Markdown cell, ``![what it shows](pictures/NAME.png)`` by its path from
the master's folder, is attached to the cell, so that a notebook stays one file.
"""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.preprocessors import ClearSolutions

from autograder import given
from autograder.errors import KitError
from autograder.files import write_if_new

GIVEN_FOLDER = Path(given.__file__).parent
GIVEN = re.compile(r"^# \{\{given (?P<file>\w+\.py)\}\}$", re.MULTILINE)
PICTURE = re.compile(r"(!\[[^\]]*\]\()pictures/(?P<name>[\w-]+\.png)\)")
KEPT_TAGS = re.compile(r"skip-grading|given|q\d+[a-z]?|w\d+|written")
FOLDED = ("jupyter", "cellView")  # what makes front ends hide a cell's source
DELIMITERS = ("### BEGIN SOLUTION", "### END SOLUTION")
COLAB_BADGE = re.compile(r"\{\{colab_badge\}\}\n*")


def read_master(path: Path, name: str, colab_url: str) -> NotebookNode:
    """The master as a notebook, public tests moved into its metadata, cell ids by position."""
    notebook = jupytext.read(path, fmt="py:percent")
    tests = {question_tag(cell): cell.source for cell in notebook.cells if has_tag(cell, "public-tests")}
    cells = [check_cell(question_tag(cell)) if has_tag(cell, "public-tests") else cell for cell in notebook.cells]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:03d}"
        source = GIVEN.sub(lambda line: given_code(line["file"]), cell.source)
        cell.source = COLAB_BADGE.sub(lambda _: _badge(colab_url), source.replace("{{name}}", name)).rstrip("\n")
        if has_tag(cell, "folded"):
            fold(cell)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            attach_pictures(cell, path.parent)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "otter": {"OK_FORMAT": False, "assignment_name": name, "tests": tests},
    }
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def fold(cell: NotebookNode) -> None:
    """Show a cell as its title: Jupyter hides its source, Colab has a form view for this."""
    cell.source = f"# @title {cell.metadata.pop('title')}\n\n{cell.source}"
    cell.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}


def attach_pictures(cell: NotebookNode, folder: Path) -> None:
    """Put the pictures that a Markdown cell names into its attachments.

    Raises:
        KitError: ``folder`` has no such picture.
    """
    for found in PICTURE.finditer(cell.source):
        picture = folder / "pictures" / found["name"]
        if not picture.is_file():
            raise KitError(f"the master names a picture that is not there: {picture}")
        content = base64.b64encode(picture.read_bytes()).decode()
        cell.setdefault("attachments", NotebookNode())[found["name"]] = {"image/png": content}
    cell.source = PICTURE.sub(r"\1attachment:\g<name>)", cell.source)


def given_code(file: str) -> str:
    """The text of a file of given code.

    Raises:
        KitError: there is no such file.
    """
    path = GIVEN_FOLDER / file
    if not path.is_file():
        raise KitError(f"the master or assignment.toml names given code that is not there: {path}")
    return path.read_text(encoding="utf-8").rstrip("\n")


def publish(files: Iterable[str], folder: Path) -> Iterator[Path]:
    """Write files of given code into a folder, beside a notebook, and yield their paths. Raises as ``given_code``."""
    for file in files:
        yield write_if_new(folder / file, f"{given_code(file)}\n".encode())


def student_notebook(master: NotebookNode) -> NotebookNode:
    """What students get: no solution, model answer, rubric, output or build metadata is left."""
    notebook = copy.deepcopy(master)
    given = {question_tag(cell) for cell in notebook.cells if has_tag(cell, "given")}
    checks = {check_cell(question).source for question in given}
    kept = [cell for cell in notebook.cells if not has_tag(cell, "rubric") and cell.source not in checks]
    profile = notebook.metadata.pop("profile", None)
    notebook.cells = [made for cell in kept for made in (*profile_cell(cell, profile), student_cell(cell))]
    tests = notebook.metadata["otter"]["tests"]
    notebook.metadata["otter"]["tests"] = {q: source for q, source in tests.items() if q not in given}
    nbformat.validate(notebook)
    return notebook


def profile_cell(cell: NotebookNode, profile: str | None) -> tuple[NotebookNode, ...]:
    """Before the cell that chooses the profile, one that names the course's choice, if it has one."""
    if profile is None or not re.search(r"^PROFILE = ", cell.source, re.MULTILINE):
        return ()
    source = f'import os\n\nos.environ.setdefault("KIT_PROFILE", "{profile}")  # the profile of your course'
    return (new_code_cell(source, id="profile", metadata={"tags": ["skip-grading"]}),)


def student_cell(cell: NotebookNode) -> NotebookNode:
    """One cell as students get it."""
    if has_tag(cell, "given"):
        cell.source = "\n".join(line for line in cell.source.split("\n") if line.strip() not in DELIMITERS)
        cell.metadata["tags"] = ["given"]
    elif has_tag(cell, "stub"):
        cell = clear_solution(cell, f'raise NotImplementedError("{question_tag(cell)}: {cell.metadata["stub"]}")')
    elif has_tag(cell, "model-answer"):
        cell.source = "*Your answer here.*"
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    kept = [tag for tag in cell.metadata.get("tags", []) if KEPT_TAGS.fullmatch(tag)]
    folded = {key: value for key, value in cell.metadata.items() if key in FOLDED}
    cell.metadata = NotebookNode({"tags": kept} | folded if kept else folded)
    return cell


def clear_solution(cell: NotebookNode, stub: str) -> NotebookNode:
    """Replace each solution region of a cell by ``stub``, with nbgrader's own preprocessor.

    Raises:
        ValueError: the cell is tagged ``stub`` and has no solution region.
    """
    preprocessor = ClearSolutions(code_stub={"python": stub})
    if not preprocessor._replace_solution_region(cell, "python"):
        raise ValueError(f"cell {cell.id} is tagged 'stub' and has no ### BEGIN SOLUTION … ### END SOLUTION")
    return cell


def solution_lines(master: NotebookNode) -> set[str]:
    """The lines that stand inside solution regions and nowhere else: none of them may reach a student."""
    inside, outside = set(), set()
    for cell in master.cells:
        target = outside
        for line in map(str.strip, cell.source.splitlines()):
            if line == "### END SOLUTION":
                target = outside
            if has_tag(cell, "model-answer") or has_tag(cell, "rubric"):
                target = inside
            target.add(line)
            if line == "### BEGIN SOLUTION" and not has_tag(cell, "given"):
                target = inside
    return {line for line in inside - outside if line and not line.startswith("###")}


def check_cell(question: str) -> NotebookNode:
    """The cell that runs a question's public tests."""
    return NotebookNode(
        cell_type="code",
        execution_count=None,
        metadata=NotebookNode(tags=["skip-grading", question]),
        outputs=[],
        source=f'grader.check("{question}")',
    )


def has_tag(cell: NotebookNode, tag: str) -> bool:
    """Whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


def question_tag(cell: NotebookNode) -> str:
    """The question id among a cell's tags."""
    return next(tag for tag in cell.metadata.get("tags", []) if re.fullmatch(r"q\d+[a-z]?", tag))


def _badge(colab_url: str) -> str:
    """A badge that opens the notebook in Colab, and the empty line after it; nothing where it would open another page."""
    if not colab_url:
        return ""
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab_url})\n\n"


def notebook_bytes(notebook: NotebookNode) -> bytes:
    """A notebook as the bytes of its file: keys sorted, so that equal notebooks are equal files."""
    return (nbformat.writes(notebook, version=4).rstrip("\n") + "\n").encode()
