"""The nbgrader course folder of an assignment: ``source``, ``release`` and ``nbgrader_config.py``, from the same master.

It is the student notebook with nbgrader's settings on its cells (``q1a`` and ``w1`` are the names in the gradebook):

===================  ==============================================================================================
cell of the master   in the course folder
===================  ==============================================================================================
``stub`` + q1a       ``q1a-code``: the student's answer, without points of its own; in ``source`` with its solution
``public-tests``     as in the student notebook, followed by ``q1a``: locked, holds the points of the hidden tests
``written`` + w1     ``w1-question``: locked; in ``source`` and to graders it shows the rubric and the model answer
``model-answer``     ``w1``: the student's answer, graded by hand
===================  ==============================================================================================

The hidden tests and the answer key are not part of it: they stay in the bundle.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.preprocessors import ClearMarkScheme, ClearSolutions
from nbgrader.utils import is_locked
from traitlets import Unicode
from traitlets.utils.importstring import import_item

from autograder.errors import KitError
from autograder.files import write_if_new
from autograder.release.notebooks import check_cell, has_tag, notebook_bytes, publish, question_tag, student_notebook

if TYPE_CHECKING:
    from autograder.assignment import Assignment
    from autograder.course import AssignmentFolder

WRITTEN_TAG = re.compile(r"w\d+")
RUBRIC_POINTS = re.compile(r"\s*(\d+(?:\.\d+)?) points?\b")
SAVE_CELLS = "nbgrader.preprocessors.SaveCells"
# nbgrader's own list, with two of its preprocessors replaced by those below.
PREPROCESSORS = (
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.InstantiateTests",
    "nbgrader.preprocessors.LockCells",
    "autograder.release.nbgrader.NamedStubs",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    SAVE_CELLS,
    "nbgrader.preprocessors.ClearHiddenTests",
    "autograder.release.nbgrader.HideRubrics",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
)
CONFIG = '''"""nbgrader's settings for this course. kit build writes this file once and never changes it again."""

from autograder.frontends.nbgrader import configure

c = get_config()
c.CourseDirectory.course_id = "{name}"
# Each student's zip is called ID.zip and lies in downloaded/{name}/archive. Change the expression for other names.
c.FileNameCollectorPlugin.named_regexp = r".*?/downloaded/[^/]+/extracted/(?P<student_id>[^/]+)/(?P<file_id>.+)"
c.FileNameCollectorPlugin.valid_ext = [
    *(".ipynb", ".py", ".json", ".csv", ".txt", ".md", ".png", ".jpg", ".pt", ".pth", ".safetensors", ".npy", ".npz"),
]
configure(c, course={course!r})
'''


class NamedStubs(ClearSolutions):
    """nbgrader's ``ClearSolutions`` with the stubs of the student notebook, which name their question."""

    text_stub = Unicode("*Your answer here.*", help=ClearSolutions.text_stub.help).tag(config=True)

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Replace the solution in a cell by the stub in its metadata."""
        if stub := cell.metadata.pop("stub", None):
            self.code_stub = {"python": stub}
        return super().preprocess_cell(cell, resources, cell_index)


class HideRubrics(ClearMarkScheme):
    """nbgrader's ``ClearMarkScheme`` for locked cells only: a student may write its delimiters, too."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Remove the rubric from a written question."""
        if is_locked(cell) and cell.cell_type == "markdown":
            self._remove_mark_scheme_region(cell)
        return cell, resources


@dataclass(frozen=True)
class Worth:
    """A question that is graded by machine; what exceeds ``points`` becomes extra credit in the gradebook."""

    question: str
    title: str
    points: float
    bonus: float = 0.0

    @property
    def shown(self) -> str:
        """For people: 8 points and 5 bonus points."""
        parts = [f"{self.points:g} points"] * bool(self.points) + [f"{self.bonus:g} bonus points"] * bool(self.bonus)
        return " and ".join(parts) or "no points"


def worths(assignment: Assignment) -> tuple[Worth, ...]:
    """The questions of an assignment that are graded by machine."""
    found = []
    for sheet in assignment.questions:
        total = sum(sheet.points.values())
        found.append(Worth(sheet.id, sheet.title, *((0, total) if sheet.bonus else (total, 0))))
    for sheet in assignment.artefacts:
        tests = sheet.tests()
        found.append(Worth(sheet.question, sheet.title, sum(t.points for t in tests), sum(t.bonus for t in tests)))
    return tuple(found)


def write_course(
    folder: Path,
    place: AssignmentFolder,
    master: NotebookNode,
    assignment: Assignment,
    checks: Sequence[NotebookNode] = (),
) -> Path:
    """Write source and release of an assignment, and the settings where there are none; returns the folder.

    Other files there, such as a gradebook, stay as they are. ``checks`` are the cells of the public checks.
    """
    # It imports torch, which nbgrader's other commands do without.
    from autograder.release.travel import with_checks

    name, source = place.name, with_checks(source_notebook(master, assignment), checks)
    write_if_new(folder / "source" / name / f"{name}.ipynb", notebook_bytes(source))
    write_if_new(folder / "release" / name / f"{name}.ipynb", notebook_bytes(release_notebook(source)))
    for part in ("source", "release"):
        list(publish(assignment.publish, folder / part / name))
    config = folder / "nbgrader_config.py"
    if not config.exists():
        write_if_new(config, CONFIG.format(name=name, course=str(place.course.root)).encode())
    return folder


def release_notebook(source: NotebookNode) -> NotebookNode:
    """What ``nbgrader generate_assignment`` makes of the source, with the same preprocessors."""
    notebook, resources = copy.deepcopy(source), ResourcesDict()
    for preprocessor in PREPROCESSORS:
        if preprocessor != SAVE_CELLS:
            notebook, resources = import_item(preprocessor)()(notebook, resources)
    return notebook


def source_notebook(master: NotebookNode, assignment: Assignment) -> NotebookNode:
    """The instructor's notebook: that of students with solutions, rubrics and nbgrader's settings.

    Raises:
        KitError: a written question has no rubric that begins with its points.
    """
    notebook = student_notebook(master)
    originals = {cell.id: cell for cell in master.cells}
    rubrics = written_cells(master, "rubric")
    answers = written_cells(master, "model-answer")
    numbers: Counter[str] = Counter()
    for cell in notebook.cells:
        original = originals.get(cell.id, cell)
        if has_tag(original, "stub") and not has_tag(original, "given"):
            question = question_tag(original)
            numbers[question] += 1
            number = f"-{numbers[question]}" if numbers[question] > 1 else ""
            cell.source = original.source
            cell.metadata["stub"] = f'raise NotImplementedError("{question}: {original.metadata["stub"]}")'
            set_up(cell, f"{question}-code{number}", solution=True)
        elif has_tag(original, "written"):
            written = written_tag(original)
            if written in rubrics or written in answers:
                cell.source = with_mark_scheme(cell.source, rubrics.get(written, ""), answers.get(written, ""))
            set_up(cell, f"{written}-question", locked=True)
        elif has_tag(original, "model-answer"):
            written = written_tag(original)
            cell.source = original.source
            set_up(cell, written, grade=True, solution=True, points=rubric_points(written, rubrics.get(written, "")))
    notebook.cells = list(with_graded_cells(notebook.cells, worths(assignment)))
    return notebook


def set_up(cell: NotebookNode, grade_id: str, **settings: bool | float) -> None:
    """Give a cell nbgrader's settings."""
    plain = {"grade": False, "solution": False, "locked": False, "task": False}
    about = {"grade_id": grade_id, "cell_type": cell.cell_type, "schema_version": 3}
    cell.metadata["nbgrader"] = NotebookNode({**plain, **about, **settings})


def written_tag(cell: NotebookNode) -> str:
    """The id of a written question among a cell's tags."""
    return next(tag for tag in cell.metadata.get("tags", []) if WRITTEN_TAG.fullmatch(tag))


def written_cells(master: NotebookNode, tag: str) -> dict[str, str]:
    """The text of the cells with a tag, by the written question that they belong to."""
    return {written_tag(cell): cell.source for cell in master.cells if has_tag(cell, tag)}


def rubric_points(question: str, rubric: str) -> float:
    """The points of a written question, with which its rubric begins."""
    found = RUBRIC_POINTS.match(rubric)
    if not found:
        raise KitError(f"the rubric of {question} does not begin with its points, such as '4 points'; add them there")
    return float(found[1])


def with_mark_scheme(question: str, rubric: str, answer: str) -> str:
    """A written question with what graders see below it."""
    shown = f"**For graders.** {rubric}\n\n**Model answer.** {answer}"
    return f"{question}\n<!-- BEGIN MARK SCHEME -->\n\n{shown}\n\n<!-- END MARK SCHEME -->"


def with_graded_cells(cells: list[NotebookNode], questions: tuple[Worth, ...]) -> Iterator[NotebookNode]:
    """The cells, with the graded cell of each question after its public tests, else after the text with its heading.

    The graded cell of a question with neither comes last.
    """
    waiting = {worth.question: worth for worth in questions}
    checks = {check_cell(question).source: question for question in waiting}
    checked = {checks[cell.source] for cell in cells if cell.source in checks}
    for cell in cells:
        if cell.source in checks:
            yield from (cell, graded_cell(waiting.pop(checks[cell.source])))
            continue
        headed = next((q for q in waiting if q not in checked and re.search(heading(q), cell.source)), None)
        if headed and cell.cell_type == "markdown":
            head, rest = split_section(cell, heading(headed))
            yield from (head, graded_cell(waiting.pop(headed)), *rest)
        else:
            yield cell
    yield from map(graded_cell, waiting.values())


def heading(question: str) -> str:
    """The pattern of a question's heading."""
    return rf"(?m)^#+ {question}\b"


def split_section(cell: NotebookNode, begin: str) -> tuple[NotebookNode, list[NotebookNode]]:
    """A text cell cut before the next section (``## …``) after a heading: the first part, and the second if there is one."""
    after = re.search(begin, cell.source).end()
    end = re.compile(r"^## ", re.MULTILINE).search(cell.source, after)
    if not end:
        return cell, []
    rest = new_markdown_cell(cell.source[end.start() :], id=f"{cell.id}-rest", metadata=copy.deepcopy(cell.metadata))
    cell.source = cell.source[: end.start()].rstrip()
    return cell, [rest]


def graded_cell(worth: Worth) -> NotebookNode:
    """The cell that holds a question's points.

    If nbgrader runs it without this kit's settings, it earns 0: no points without a measurement.
    """
    text = f"# {worth.question} · {worth.title}: {worth.shown}, set when your notebook is graded; until then"
    cell = new_code_cell(
        f"{text}\n0", id=f"graded-{worth.question}", metadata={"tags": ["skip-grading", worth.question]}
    )
    set_up(cell, worth.question, grade=True, locked=True, points=worth.points)
    return cell
