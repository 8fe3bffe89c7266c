"""The front end for nbgrader: ``nbgrader autograde`` grades with this kit, in its sandbox, into nbgrader's gradebook.

A course's ``nbgrader_config.py`` calls ``configure``. nbgrader does not execute the notebook: the submitted folder is
graded as in ``./kit grade``, and the points and hints of each question become the output of its graded cell, which
nbgrader's ``SaveAutoGrades`` reads. No student code runs in nbgrader's process or in a kernel.

From a submitted notebook only the text of its cells, the images in answers, and the ids of answers are used.
"""

from __future__ import annotations

import atexit
import glob
import html
import os
import re
import stat
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import nbgrader.converters.base
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook, Notebook
from nbgrader.converters import Autograde, BaseConverter
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import find_all_files, is_grade, is_ignored, is_locked, is_solution
from traitlets import Bool, Unicode
from traitlets.config import Config

from autograder.engine.submission import collect, shortened
from autograder.engine.tree import open_regular, shown, walk
from autograder.errors import KitError, MachineError
from autograder.release.nbgrader import PREPROCESSORS, WRITTEN_TAG, worths
from autograder.release.notebooks import KEPT_TAGS
from autograder.sandbox.notebook import MAX_CELLS, MAX_CODE, NotebookError, read_json

if TYPE_CHECKING:
    from autograder.engine.grade import Grader
    from autograder.engine.report import Report, Verdict

MAX_TIME_BYTES = 100
UNREADABLE = "*This notebook cannot be shown, because the file is not a readable notebook.*"
MISSING = "*The submitted notebook does not contain this cell.*"
MAX_BYTES = 50 * 2**20  # nbgrader keeps the text and the images of a notebook in memory several times
PICTURES = ("image/png", "image/jpeg")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
# nbconvert reads a text again from many of its places: its time grows with the square of the length of a text, or of a line
# of code. Longer ones are shown as they are. Images that are pasted into a text (by Colab) are put in afterwards.
MAX_RENDERED, MAX_COLOURED_LINE, MOST_REPEATS = 10_000, 1_000, 4
PASTED_IMAGE = re.compile(r"(data:image/[a-z]+;base64,)([A-Za-z0-9+/=]++)")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def configure(c: Config, course: str = "") -> None:
    """Configure nbgrader for this kit: release, grading, feedback and formgrader.

    ``course`` is the directory with the ``solutions/`` of the assignments (default: the one around the working directory).
    """
    own, stock = "autograder.frontends.nbgrader", "nbgrader.preprocessors"
    Autograde.init_notebooks = init_notebooks
    c.GradeWithKit.course = course
    c.GenerateAssignment.preprocessors = list(PREPROCESSORS)
    c.GenerateAssignment.force = True  # ./kit build has already written the release
    c.Autograde.exporter_class = f"{own}.SubmissionExporter"
    c.Autograde.sanitize_preprocessors = [
        f"{own}.RestoreCells",
        *(f"{stock}.{name}" for name in ("ClearOutput", "DeduplicateIds", "OverwriteKernelspec", "OverwriteCells")),
        f"{stock}.CheckCellMetadata",
    ]
    c.Autograde.autograde_preprocessors = [
        f"{own}.GradeWithKit",
        f"{stock}.SaveAutoGrades",
        f"{own}.SaveExtraCredit",
        f"{stock}.AssignLatePenalties",
        f"{stock}.CheckCellMetadata",
    ]
    c.GenerateFeedback.preprocessors = [
        "autograder.release.nbgrader.HideRubrics",
        f"{stock}.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    c.HTMLExporter.filters = {"markdown2html": f"{own}.shown_markdown", "highlight_code": f"{own}.shown_code"}


# --- finding a submitted notebook ---------------------------------------------------------------------------------

# Notebooks that ``present`` has put into folders of submissions.
presented: set[Path] = set()


def init_notebooks(converter: Autograde) -> None:
    """nbgrader's list of notebooks, with those that have another name or lie in a folder, as in ``./kit grade``."""
    name = converter.coursedir.assignment_id
    for folder in map(Path, glob.glob(converter._format_source(name, converter.coursedir.student_id))):
        if folder.is_dir() and not os.path.lexists(folder / f"{name}.ipynb"):
            present(folder, name, converter.log.warning)
    BaseConverter.init_notebooks(converter)


def present(folder: Path, name: str, say: Callable[..., None]) -> None:
    """Put a copy of the notebook that the kit grades into a submission, under the only name that nbgrader knows.

    Without such a notebook it is a file that says why. It is removed before the submission is graded.
    """
    place = folder / f"{name}.ipynb"
    with tempfile.TemporaryDirectory(prefix="submission-") as scratch:
        try:
            notebook = collect(folder, Path(scratch) / "submission", name).notebook
            say("%s has no %s; %s is graded", folder, place.name, shown(notebook.name))
            content = notebook.read_bytes()
        except MachineError:
            raise
        except KitError as error:
            say("%s: %s", folder, error)
            content = str(error).encode()
    place.write_bytes(content)
    presented.add(place.resolve())


@atexit.register
def remove_presented() -> None:
    """Leave the submissions as they were."""
    for place in presented:
        place.unlink(missing_ok=True)
    presented.clear()


# --- reading a submitted notebook ---------------------------------------------------------------------------------


class SubmissionExporter(NotebookExporter):
    """nbconvert's exporter of notebooks, which also reads malformed files without an error.

    nbgrader makes it at the start of ``autograde``; from then on a submission's other files are read as safely.
    """

    def __init__(self, *arguments: object, **settings: object) -> None:
        super().__init__(*arguments, **settings)
        if isinstance(self.parent, Autograde):
            read_safely(self.parent)

    def from_filename(self, filename: str, resources: dict | None = None, **kw: object) -> tuple[str, dict]:
        """Convert the notebook in a file."""
        path = Path(filename)
        resources = ResourcesDict() if resources is None else resources
        resources["metadata"] = ResourcesDict(name=path.stem, path=str(path.parent))
        return self.from_notebook_node(read_plainly(path), resources=resources, **kw)


def read_safely(converter: Autograde) -> None:
    """Let nbgrader copy what can be copied of each submission, and wait for no file. It has no settings for this."""
    course = converter.coursedir
    nbgrader.converters.base.find_all_files = partial(files_to_copy, converter)
    course.get_existing_timestamp = partial(time_of, converter, type(course).get_existing_timestamp.__get__(course))


def files_to_copy(converter: Autograde, path: str, exclude: list[str] | None = None) -> list[str]:
    """The files that nbgrader copies from a folder: of a submission only regular files that can be read, within bounds.

    nbgrader would copy none of them if there is a pipe, a dangling link or an unreadable file.
    """
    if path not in converter.assignments:  # the instructor's own
        return find_all_files(path, exclude)
    remarks: list[str] = []
    found = [str(file) for file, _, _ in walk(Path(path), remarks) if _is_readable(file, path, remarks)]
    for remark in shortened(remarks):
        converter.log.warning("%s: %s", path, remark)
    return [file for file in found if not is_ignored(file, exclude)]


def _is_readable(file: Path, folder: str, remarks: list[str]) -> bool:
    try:
        open_regular(file).close()
    except OSError as error:
        name = shown(file.relative_to(folder))
        remarks.append(f"{name} was left out: {error.strerror or error}.")
        return False
    return True


def time_of(converter: Autograde, stock: Callable[[str], datetime | None], folder: str) -> datetime | None:
    """nbgrader's time of a submission; None if its file is a pipe or a link, or holds no time."""
    file = Path(folder) / "timestamp.txt"
    if not os.path.lexists(file):
        return None
    try:
        with open_regular(file) as content:
            if len(content.read(MAX_TIME_BYTES + 1)) > MAX_TIME_BYTES:
                raise ValueError("it is too long")
        return stock(folder)
    except (Exception, SystemExit) as error:  # nbgrader ends the command if the file holds no time
        converter.log.warning("%s was not read: %s", file, error)
        return None


def read_plainly(path: Path) -> NotebookNode:
    """A notebook with the cells of a file (see ``plain_cell``), or with one cell that says that the file is unreadable."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise ValueError("a link, a pipe or too large")
        found = read_json(path)
        if len(found) > 2 * MAX_CELLS:
            raise ValueError("too many cells")
        cells = [plain_cell(raw) for raw in found] or [new_markdown_cell(UNREADABLE)]
        if sum(len(cell.source) for cell in cells) > 2 * MAX_CODE:
            raise ValueError("too much text")
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError, NotebookError):
        cells = [new_markdown_cell(UNREADABLE)]
    return new_notebook(cells=numbered(cells), metadata=NotebookNode(METADATA))


def plain_cell(raw: Mapping) -> NotebookNode:
    """A cell with its text, known tags, nbgrader's settings and the images of an answer, but without output."""
    source = raw.get("source", "")
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    make = new_code_cell if raw.get("cell_type") == "code" else new_markdown_cell
    cell = make(text.encode("utf-8", "replace").decode())
    metadata = raw.get("metadata")
    if isinstance(metadata, dict):
        tags = metadata.get("tags") if isinstance(metadata.get("tags"), list) else []
        tags = [] if "rubric" in tags else tags  # a rubric of the solution notebook is not an answer
        kept = dict.fromkeys(tag for tag in tags if isinstance(tag, str) and KEPT_TAGS.fullmatch(tag))
        cell.metadata = NotebookNode({"tags": list(kept)} if kept else {})
        if isinstance(metadata.get("nbgrader"), dict):
            cell.metadata["nbgrader"] = NotebookNode(metadata["nbgrader"])
    if cell.cell_type == "markdown" and (pictures := pictures_of(raw.get("attachments"))):
        cell["attachments"] = NotebookNode(pictures)
    return cell


def pictures_of(attachments: object) -> dict[str, dict[str, str]]:
    """The images that are pasted into a cell."""
    found = {}
    for name, forms in attachments.items() if isinstance(attachments, dict) else ():
        for kind in PICTURES:
            if isinstance(forms, dict) and isinstance(forms.get(kind), str) and BASE64.fullmatch(forms[kind]):
                found[name] = {kind: forms[kind]}
    return found


def numbered(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """The cells, with ids by position."""
    cells = list(cells)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:04d}"
    return cells


class RestoreCells(NbGraderPreprocessor):
    """Restores the settings of each cell and the text of locked cells from the gradebook, so tampering has no effect."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Restore the cells of a notebook."""
        call = resources["nbgrader"]
        with Gradebook(call["db_url"]) as gradebook:
            originals = originals_of(gradebook.find_notebook(call["notebook"], call["assignment"]))
        nb.cells = restored(nb.cells, originals)
        return nb, resources


def originals_of(notebook: Notebook) -> dict[str, NotebookNode]:
    """The cells of an assignment in the gradebook, by id, in order."""
    points = {cell.name: cell.max_score for cell in (*notebook.grade_cells, *notebook.task_cells)}
    grades, tasks = ({cell.name for cell in cells} for cells in (notebook.grade_cells, notebook.task_cells))
    solutions = {cell.name for cell in notebook.solution_cells}
    found = {}
    for known in notebook.source_cells:
        make = new_code_cell if known.cell_type == "code" else new_markdown_cell
        settings = {
            "grade_id": known.name,
            "grade": known.name in grades,
            "solution": known.name in solutions,
            "task": known.name in tasks,
            "locked": known.locked,
            "checksum": known.checksum,
            "cell_type": known.cell_type,
            "schema_version": 3,
        }
        if known.name in points:
            settings["points"] = points[known.name]
        found[known.name] = make(known.source, metadata=NotebookNode(nbgrader=settings))
    return found


def claimed_id(cell: NotebookNode) -> str | None:
    """The id that a submitted cell claims, from nbgrader's settings or from the tag of an answer, such as w1."""
    settings, tags = cell.metadata.get("nbgrader", {}), cell.metadata.get("tags", [])
    if isinstance(settings.get("grade_id"), str):
        return settings["grade_id"]
    answer = cell.cell_type == "markdown" and "written" not in tags
    return next((tag for tag in tags if WRITTEN_TAG.fullmatch(tag)), None) if answer else None


def restored(cells: list[NotebookNode], originals: Mapping[str, NotebookNode]) -> list[NotebookNode]:
    """Submitted cells with the settings of the originals. If several have the same id, the last keeps it, as in nbgrader.

    Missing locked or graded cells are inserted after the original that precedes them, else at the end.
    """
    last = {claimed_id(cell): number for number, cell in enumerate(cells)}
    known = [claimed_id(cell) if last[claimed_id(cell)] == n else None for n, cell in enumerate(cells)]
    made = []
    for cell, identity in zip(cells, known):
        cell.metadata.pop("nbgrader", None)
        made.append((identity, as_original(cell, originals[identity]) if identity in originals else cell))
    place = len(made)
    for identity, original in originals.items():
        found = next((number for number, (of, _) in enumerate(made) if of == identity), None)
        if found is None and (is_grade(original) or is_locked(original)):
            missing = as_original(new_markdown_cell(MISSING), original)
            made.insert(place, (identity, missing))
            found = place
        place = place if found is None else found + 1
    return numbered(cell for _, cell in made)


def as_original(cell: NotebookNode, original: NotebookNode) -> NotebookNode:
    """A submitted cell with the type and settings of the original, and with its text if the original is locked."""
    make = new_code_cell if original.cell_type == "code" else new_markdown_cell
    source = original.source if is_locked(original) else cell.source
    made = make(source, metadata=NotebookNode({**cell.metadata, **original.metadata}))
    if "attachments" in cell and made.cell_type == "markdown" and not is_locked(original):
        made["attachments"] = cell["attachments"]
    return made


# --- grading ------------------------------------------------------------------------------------------------------


class GradeWithKit(NbGraderPreprocessor):
    """Grades the submitted folder in the sandbox and writes points and hints into the graded cells."""

    course = Unicode(help="Directory with the solutions/ of the course.").tag(config=True)
    data = Unicode(help="Folder with the prepared data set (default: the usual places).").tag(config=True)
    unsafe = Bool(help="Grade even if this machine cannot isolate student code from your files and processes.").tag(
        config=True
    )

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Grade the submission that a notebook belongs to."""
        from autograder.frontends.terminal import by_question

        call = resources["nbgrader"]
        name, student = call["assignment"], call["student"]
        if call["notebook"] != name:
            raise KitError(f"{name} has the notebook {call['notebook']}, but this kit grades only {name}.ipynb")
        converter = self.parent.parent
        course = converter.coursedir
        submitted = Path(course.format_path(course.submitted_directory, student, name))
        autograded = Path(course.format_path(course.autograded_directory, student, name))
        for copied in copies_of_links(submitted, autograded):
            self.log.warning("%s is a link in the submission; its copy is removed", copied)
            copied.unlink()
        if (place := (submitted / f"{name}.ipynb").resolve()) in presented:
            place.unlink(missing_ok=True)
            presented.remove(place)
        grader = grader_of(converter, self.course, name, self.data, self.unsafe, self.log.info)
        report = grader.grade(submitted)
        for sentence in report.attention():
            self.log.warning("%s: %s", student, sentence)
        write_outputs(nb.cells, report)
        groups = by_question(report.verdicts)
        bonus = [worth.question for worth in worths(grader.assignment) if worth.bonus]
        resources["kit_extra_credit"] = {question: split_points(groups[question])[1] for question in bonus}
        return nb, resources


graders: weakref.WeakKeyDictionary[BaseConverter, Grader] = weakref.WeakKeyDictionary()


def grader_of(converter: BaseConverter, course: str, name: str, data: str, unsafe: bool, say: object) -> Grader:
    """The grader for all students of one call of ``nbgrader autograde``. It closes with the converter or the process."""
    if converter not in graders:
        from autograder.assignment import read_assignment
        from autograder.course import find_course
        from autograder.datasets import find_data
        from autograder.engine.grade import Grader
        from autograder.limits import LOCAL_PATIENCE
        from autograder.release.bundle import build_bundle

        folder = find_course(Path(course) if course else None).assignment(name)
        bundle = build_bundle(folder, say)
        dataset = read_assignment(bundle / "assignment.toml").dataset
        prepared = find_data(dataset, Path(data) if data else None, folder.course)
        grader = Grader(bundle, prepared, unsafe, LOCAL_PATIENCE, for_class=True).__enter__()
        weakref.finalize(converter, grader.__exit__, None, None, None)
        graders[converter] = grader
    return graders[converter]


def copies_of_links(submitted: Path, autograded: Path) -> list[Path]:
    """Files that nbgrader copied through a link. They may belong to anyone and would appear in the feedback."""
    copied = (Path(folder, file) for folder, _, files in os.walk(autograded) for file in files)
    return [file for file in copied if (submitted / file.relative_to(autograded)).is_symlink()]


def split_points(verdicts: Iterable[Verdict]) -> tuple[float, float]:
    """The points of a question up to the possible points, and the points above (nbgrader's extra credit)."""
    verdicts = list(verdicts)
    earned = sum(min(verdict.points, verdict.possible) for verdict in verdicts)
    return earned, sum(max(verdict.points - verdict.possible, 0) for verdict in verdicts)


def write_outputs(cells: Iterable[NotebookNode], report: Report) -> None:
    """Give each graded cell one output: its points as a number, which nbgrader reads, and the verdicts as a table.

    Raises:
        KitError: assignment.toml and the gradebook have different points.
    """
    from autograder.engine.report import told_once
    from autograder.frontends.html import TEMPLATES
    from autograder.frontends.terminal import by_question

    template = TEMPLATES.get_template("nbgrader_cell.html.jinja")
    groups = by_question(report.verdicts)
    remarks = report.remarks
    for cell in cells:
        if not is_grade(cell) or is_solution(cell):
            continue
        settings = cell.metadata["nbgrader"]
        question, verdicts = settings["grade_id"], groups.get(settings["grade_id"], [])
        possible = sum(verdict.possible for verdict in verdicts)
        if not verdicts or possible != settings["points"]:
            raise KitError(
                f"{question} has {settings['points']:g} points in the gradebook and {possible:g} in assignment.toml; "
                f"run ./kit build {report.assignment}, then nbgrader generate_assignment {report.assignment}"
            )
        earned, extra = split_points(verdicts)
        table = template.render(
            question=question, verdicts=told_once([verdict for verdict in verdicts if verdict.visibility != "hidden"]),
            earned=earned, possible=possible, extra=extra, remarks=remarks,
        )  # fmt: skip
        data = {"text/plain": repr(float(earned)), "text/html": table}
        cell.outputs, remarks = [new_output("execute_result", data=data)], []


class SaveExtraCredit(NbGraderPreprocessor):
    """Saves bonus points as extra credit in the gradebook, except for cells that a person has graded."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Save the extra credit of a submission."""
        call = resources["nbgrader"]
        with Gradebook(call["db_url"]) as gradebook:
            for question, points in resources["kit_extra_credit"].items():
                grade = gradebook.find_grade(question, call["notebook"], call["assignment"], call["student"])
                if grade.manual_score is None:
                    grade.extra_credit = points
            gradebook.db.commit()
        return nb, resources


# --- showing ------------------------------------------------------------------------------------------------------


class StudentRenderer(IPythonRenderer):
    """nbconvert's renderer of Markdown, without any way for a text to add its own HTML."""

    def __init__(self, images: dict) -> None:
        super().__init__(escape=True, allow_harmful_protocols=False, attachments=images)
        self.room = MOST_REPEATS * sum(len(data) for forms in images.values() for data in forms.values())

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """An image. A text that repeats its images very often shows only the first of them."""
        self.room -= sum(map(len, self.attachments.get(url.removeprefix("attachment:"), {}).values()))
        return super().image(text, url, title) if self.room >= 0 else html.escape(text)

    def block_code(self, code: str, info: str | None = None) -> str:
        """Code as plain text; nbconvert would render some languages."""
        return f"<pre><code>{html.escape(code)}</code></pre>\n"


@jinja2.pass_context
def shown_markdown(context: jinja2.runtime.Context, source: str) -> str:
    """The filter that shows Markdown in formgrader and feedback. HTML by students is shown as text, and so is a very long
    text."""
    cell = context.get("cell") or NotebookNode(metadata={})
    trusted = is_locked(cell)
    renderer = IPythonRenderer(escape=False) if trusted else StudentRenderer(cell.get("attachments", {}))
    images = {str(number): found[2] for number, found in enumerate(PASTED_IMAGE.finditer(source))}
    names = iter(images)
    text = PASTED_IMAGE.sub(lambda found: found[1] + next(names), source)
    if len(text) > MAX_RENDERED and not trusted:
        return as_text(source)
    try:
        rendered = MarkdownWithMath(renderer=renderer).render(text)
        return PASTED_IMAGE.sub(lambda found: found[1] + images.pop(found[2], found[2]), rendered)  # once each
    except Exception:  # a malformed text can raise anything in the converter
        return as_text(source)


def shown_code(source: str, language: str | None = None, metadata: object = None) -> str:
    """The filter that shows code in formgrader and feedback: in colours, unless a line is very long."""
    if max(map(len, source.splitlines()), default=0) > MAX_COLOURED_LINE:
        return as_text(source)
    return Highlight2HTML(pygments_lexer="ipython3")(source)


def as_text(source: str) -> str:
    """A text of a student as it is, in HTML."""
    return f"<pre>{html.escape(source)}</pre>"
