"""The master as the settings of a course want it: points in its text, questions that are left out, data set, profile.

A cell with a tag ``only-NAME`` is there where the course's data set is NAME, and dropped elsewhere.

Of a question with ``given = true`` in ``assignment.toml`` students are *given* the code, since later cells need it, and
nothing of it is tested. ``{{points q1}}`` in a text cell stands for the points of a
question, ``{{points}}`` for full marks.
"""

from __future__ import annotations

import ast
import copy
import re

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.assignment import Assignment, WrongEntry, located, read_assignment
from autograder.course import AssignmentFolder
from autograder.errors import KitError
from autograder.release.notebooks import has_tag, question_tag, read_master

POINTS = re.compile(r"\{\{points(?: (?P<question>\w+))?\}\}")
GIVEN_NOTE = "**{question} is given.** Your course does not include this question, but the cells below need its code."


def assignment_master(folder: AssignmentFolder) -> NotebookNode:
    """The master of an assignment as its settings want it.

    Raises:
        KitError: there is no master, or the settings do not fit it.
    """
    assignment = read_assignment(folder.settings)
    if not folder.master.is_file():
        raise KitError(f"{folder.master} is missing: it is the master from which both notebooks are made")
    master = read_master(folder.master, folder.name, assignment.colab_url)
    try:
        return with_settings(master, assignment)
    except WrongEntry as error:
        raise located(folder.settings, error) from None


def with_settings(master: NotebookNode, assignment: Assignment) -> NotebookNode:
    """A copy of the master in which the settings are written.

    Raises:
        WrongEntry: the master does not know the profile.
    """
    notebook = copy.deepcopy(master)
    notebook.cells = [cell for cell in notebook.cells if is_for(cell, assignment.dataset)]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = POINTS.sub(lambda found: points(assignment, found["question"]), cell.source)
    profiles = constant(notebook, "PROFILES", ())
    if assignment.profile and assignment.profile not in profiles:
        known = f"expected one of {', '.join(profiles)}" if profiles else "and this notebook has none; leave it out"
        raise WrongEntry(("profile",), f"profile is {assignment.profile!r}, {known}")
    if assignment.profile:
        notebook.metadata["profile"] = assignment.profile
    notebook.cells = [made for cell in notebook.cells for made in (cell, *data_set_cell(cell, assignment.dataset))]
    return with_given(notebook, left_out(notebook, assignment))


def is_for(cell: NotebookNode, dataset: str) -> bool:
    """Whether a cell is for a data set: all are but those that are tagged for others."""
    wanted = [tag.removeprefix("only-") for tag in cell.metadata.get("tags", []) if tag.startswith("only-")]
    return not wanted or dataset in wanted


def points(assignment: Assignment, question: str | None) -> str:
    """The points of a question, or full marks, as they stand in a text."""
    return f"{assignment.points_of(question) if question else assignment.possible:g}"


def left_out(master: NotebookNode, assignment: Assignment) -> tuple[str, ...]:
    """The questions that the master asks and the settings do not, in the master's order."""
    asked = {question.id for question in assignment.questions}
    stubs = dict.fromkeys(question_tag(cell) for cell in master.cells if has_tag(cell, "stub"))
    return tuple(question for question in stubs if question not in asked)


def with_given(notebook: NotebookNode, questions: tuple[str, ...]) -> NotebookNode:
    """The stub cells of some questions get the tag ``given``, and a note before the first of each question."""
    cells, waiting = [], set(questions)
    for cell in notebook.cells:
        if has_tag(cell, "stub") and (question := question_tag(cell)) in questions:
            if question in waiting:
                cells.append(new_markdown_cell(GIVEN_NOTE.format(question=question), id=f"given-{question}"))
                waiting.remove(question)
            cell.metadata["tags"] = [*cell.metadata["tags"], "given"]
        cells.append(cell)
    notebook.cells = cells
    return notebook


def data_set_cell(cell: NotebookNode, dataset: str) -> tuple[NotebookNode, ...]:
    """The cell that puts the course's data set into the hyper-parameters, after the one that chooses from ``TABLE``.

    There is none where all profiles of the table name that data set already.
    """
    table = constant(NotebookNode(cells=[cell]), "TABLE", {})
    row = table.get("dataset") if isinstance(table, dict) else None
    if not dataset or row is None or set(row) == {dataset}:
        return ()
    source = f'HP["dataset"] = "{dataset}"  # the data set of your course'
    return (new_code_cell(source, id="data-set", metadata={"tags": ["skip-grading"]}),)


def constant(notebook: NotebookNode, name: str, default: object) -> object:
    """What the code cells assign to a name at their top level; of a table, the entries that are written out.

    Cells that are no Python without IPython are passed over.
    """
    for cell in notebook.cells:
        try:
            statements = ast.parse(cell.source).body if cell.cell_type == "code" else []
        except SyntaxError:
            continue
        for statement in statements:
            if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [name]:
                return _written_out(statement.value)
    return default


def _written_out(node: ast.expr) -> object:
    if isinstance(node, ast.Dict):
        items = ((key, value) for key, value in zip(node.keys, node.values) if key is not None)
        return {_written_out(key): _written_out(value) for key, value in items}
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
