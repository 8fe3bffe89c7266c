"""Reads the code cells of a student's notebook and converts them to plain Python.

The file is only parsed; nothing in it is executed or imported here. Parsing can take a hundred times the memory of the
text, so the engine has it done by a worker that runs no student code (``autograder.engine.notebook``). The only metadata
that matters is the tag ``skip-grading``, which can only keep the student's own statements from running.
"""

from __future__ import annotations

import ast
import codecs
import json
import re
import sys
import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path

from autograder.errors import KitError
from autograder.sandbox import released
from autograder.sandbox.bindings import FUNCTIONS, Statement, definitions, needed, nested, rebound, statements
from autograder.sandbox.newer import Version, newer, valid
from autograder.sandbox.sightings import Part, Sighting, sightings
from autograder.text import file_name, one_line, quoted

MAX_BYTES = 100 * 2**20
# Parsed JSON can take ten times the memory of its text if it consists of short values; an image is one long value.
MAX_VALUES = 3_000_000
MAX_CELLS = 2_000
# The code of all cells together. The rest of a notebook, its outputs and images, may be as large as the file may be.
MAX_CODE = 2_000_000
# Python's parser takes up to 5 µs and 60 bytes per character; a longer cell is run as it is. IPython reads a cell again
# for every magic in it, at about 10 µs per character: a cell of 10 kB may have 24 magics. After ``READ_SECONDS`` the
# cells that are left are run as they are.
MAX_CHARACTERS_READ = 250_000
READ_SECONDS = 5.0

SHORT = 10_000  # characters of a cell whose syntax tree is kept until it is run
IMAGE = b'"image/png": "'
SKIP_TAG = "skip-grading"
PYTHON = ("python", "python3", "ipython", "ipython3")
# The student notebook has a cell with this text and a tag such as w1 for each answer to a written question.
WRITTEN_ID = re.compile(r"w\d{1,3}")
QUESTION_TAGS = frozenset({"written", "rubric"})  # of cells that are not the student's
NO_ANSWER = "*Your answer here.*"
MAX_ANSWER = 20_000
MAX_ANSWERS = 100
MAX_STUBS = 200
STUB = "NotImplementedError"
# Cell magics whose body is ordinary code of the notebook.
TRANSPARENT_CELL_MAGICS = frozenset({"time", "timeit", "capture", "prun"})
# Magics that the sandbox runs, since later cells may need their results.
WORKING_CELL_MAGICS = frozenset({"writefile", "file"})
WORKING_LINE_MAGICS = frozenset({"time", "run"})

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SURROGATES = re.compile("[\ud800-\udfff]")
# A JSON string, or the rest of the text if the string is not closed; in linear time.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*\n?")
_EMPTY_LINES = re.compile(r"\A(?:[ \t]*\n)+")
# A magic or a shell command within a line, and a question for help with something after it.
_COMMAND = re.compile(r"((?:^|[:=(,;]|\breturn\b)[ \t]*)[%!]{1,2}[A-Za-z_./][^\n]*$", re.MULTILINE)
_HELP = re.compile(r"^([ \t]*)[^\n#?]*[\w)\]]\?{1,2}[ \t]*(?:[;#][^\n]*)?$", re.MULTILINE)
_LATER_CELL_MAGIC = re.compile(r"(?<=\n)[ \t]*%%(\w+)[^\n]*")
_MAYBE_MAGIC = re.compile(r"^[^\S\n]*[%!,;/]|\?|=[\s\\]*[%!]", re.MULTILINE)


class NotebookError(KitError):
    """The file is not a readable notebook; the text is a sentence for the student."""


@dataclass(frozen=True)
class Cell:
    """One code cell. ``index`` counts the code cells of the notebook from 1, including empty and skipped ones.

    ``skip`` says why the cell is not run (None: it is run). ``only`` are the places of the statements to run (None: all).
    ``notes`` are sentences for the student about lines that have no effect during grading. ``source`` is Python, or has a
    syntax error by the student.
    """

    index: int
    source: str
    skip: str | None = None
    notes: tuple[str, ...] = ()
    only: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Notebook:
    """The code of a notebook.

    ``rebound``: for each graded name, the later cells that give a name which it uses another value, and these names
    (``bindings.rebound``). ``sightings``: where a name is defined or may be (``sightings.sightings``). ``stubs``: the
    functions that end in ``raise NotImplementedError``, such as ``SimCLR.forward``; what binds a
    name last counts. ``notes`` are sentences for the student about the whole notebook,
    ``answers`` the answers to written questions, such as w1.
    """

    cells: tuple[Cell, ...]
    rebound: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    sightings: dict[str, list[Sighting]] = field(default_factory=dict)
    stubs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)


def read_cells(path: Path) -> tuple[Cell, ...]:
    """The code cells of the notebook at ``path``, in order. Raises NotebookError."""
    return read_notebook(path).cells


def read_notebook(path: Path, graded: Collection[str] = ()) -> Notebook:
    """The code of the notebook at ``path``. ``graded`` are the names that tests ask for.

    Raises:
        NotebookError: the file is too large, not JSON, or not a notebook.
    """
    file = _read(path, images=False)
    content, (language, version) = _cells(file, file_name(path.name)), _language(file)
    raw_cells = [cell for cell in content if cell.get("cell_type") == "code"]
    if len(raw_cells) > MAX_CELLS:
        raise NotebookError(f"{file_name(path.name)} has more than {MAX_CELLS:,} code cells.")
    deadline, room = time.monotonic() + READ_SECONDS, MAX_CODE
    cells, trees, parts, tagged = [], {}, {}, set()
    for index, raw in enumerate(raw_cells, start=1):
        source = _source(raw.get("source"))
        if len(source) > room:
            cells.append(_too_long(index))
            continue
        room -= len(source)
        cell, tree = _cell(index, source, deadline, version)
        cells.append(cell)
        if SKIP_TAG in _tags(raw.get("metadata")):
            tagged.add(index)
        if tree is not None and cell.skip is None and time.monotonic() < deadline:
            known = tree is released.TREES.get(source)
            trees[index] = tree
            parts[index] = released.STATEMENTS[source] if known else statements(cell.source, tree)
    wanted = needed(parts, graded)
    cells = [_of_tagged(cell, parts.get(cell.index), wanted) if cell.index in tagged else cell for cell in cells]
    run = {cell.index: _run(cell, parts.get(cell.index, ())) for cell in cells}
    seen = sightings(_as_parts(content, cells, trees, parts), graded) if time.monotonic() < deadline else {}
    foreign = language.casefold() not in PYTHON and any(cell.index not in trees for cell in cells)
    notes = (f"The language of your notebook is {quoted(language, 40)}; the grader runs Python.",) if foreign else ()
    return Notebook(tuple(cells), rebound(run, graded), seen, _stubs(trees, parts), notes, answers_in(content))


def _as_parts(
    content: Sequence[dict], cells: Sequence[Cell], trees: dict[int, ast.Module], parts: dict[int, Sequence[Statement]]
) -> list[Part]:
    """All cells, those of text too, with the statements that are run. Of their texts only the first ``MAX_CODE`` characters
    are kept."""
    found, before, room = [], 0, MAX_CODE
    for raw in content:
        code = raw.get("cell_type") == "code"
        before += code
        text = _source(raw.get("source"))[:room]
        room -= len(text)
        if not code:
            found.append(Part("raw" if raw.get("cell_type") == "raw" else "Markdown", before, text))
            continue
        cell, tree = cells[before - 1], trees.get(before)
        pairs = list(zip(tree.body, parts[before])) if tree is not None and cell.skip is None else []
        ran = pairs if cell.only is None else [pairs[place] for place in cell.only]
        inside = () if tree is None else released.NESTED[text] if tree is released.TREES.get(text) else nested(tree)
        found.append(Part("code", before, text, ran, inside, cell.skip is not None))
    return found


def _stubs(trees: Mapping[int, ast.Module], parts: Mapping[int, Sequence[Statement]]) -> tuple[str, ...]:
    """The functions that end in ``raise NotImplementedError`` and have no ``return`` before it, in the notebook's order.

    Inside a function or class a name begins with that of the outermost one. What binds a name last counts.
    """
    found: dict[str, list[str]] = {}
    for index, tree in trees.items():
        for statement, part in zip(tree.body, parts[index]):
            for name in part.binds:
                found.pop(name, None)
            if STUB not in part.uses:
                continue
            for node, outer in sorted(definitions(ast.Module([statement], [])), key=lambda pair: pair[0].lineno):
                if isinstance(node, FUNCTIONS) and _raises_only(node):
                    found.setdefault(outer or node.name, []).append(f"{outer}.{node.name}" if outer else node.name)
    return tuple(name for names in found.values() for name in names)[:MAX_STUBS]


def _raises_only(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    *rest, last = function.body
    return _is_stub(last) and not any(isinstance(node, ast.Return) for node in rest)


def _is_stub(node: ast.stmt) -> bool:
    raised = node.exc if isinstance(node, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == STUB


def answers_in(cells: Sequence[dict]) -> dict[str, str]:
    """The answers to written questions among the cells of a notebook, without those that are blank.

    A cell that was split has its tag in both parts, so the parts of an answer are put together.
    """
    found: dict[str, str] = {}
    for cell in cells:
        tags = [tag for tag in _tags(cell.get("metadata")) if isinstance(tag, str)]
        identity = next(filter(WRITTEN_ID.fullmatch, tags), None)
        if identity is None or not QUESTION_TAGS.isdisjoint(tags) or len(found) >= MAX_ANSWERS:
            continue
        text = _source(cell.get("source")).replace(NO_ANSWER, "").strip()
        if text:
            found[identity] = "\n\n".join(filter(None, [found.get(identity, ""), text]))[: MAX_ANSWER + 1]
    return {
        identity: text if len(text) <= MAX_ANSWER else f"{text[:MAX_ANSWER]} … (cut here; the notebook has all of it)"
        for identity, text in found.items()
    }


def _of_tagged(cell: Cell, parts: Sequence[Statement] | None, wanted: Collection[str]) -> Cell:
    """What is run of a cell that is tagged to be skipped: all of it if it only defines something, else the statements that
    bind names which an answer needs. ``parts`` are its statements, None if it could not be read."""
    if cell.skip is not None:
        return cell
    if parts is None:
        why = f"it was not run: it has the tag {SKIP_TAG}, and it is too long"
        return replace(cell, skip=why, notes=(f"Cell {cell.index}: {why}.",))
    if parts and all(part.only_defines for part in parts):
        return cell
    only = tuple(place for place, part in enumerate(parts) if not part.binds.isdisjoint(wanted))
    return replace(cell, only=only, notes=()) if only else replace(cell, skip=f"tagged {SKIP_TAG}", notes=())


def _run(cell: Cell, parts: Sequence[Statement]) -> Sequence[Statement]:
    if cell.skip is not None:
        return ()
    return parts if cell.only is None else [parts[place] for place in cell.only]


def _too_long(index: int) -> Cell:
    why = f"it was not run: the code of a notebook may have {MAX_CODE:,} characters, and with this cell it has more"
    return Cell(index, "", skip=why, notes=(f"Cell {index}: {why}.",))


def read_json(path: Path) -> list[dict]:
    """The cells of the notebook at ``path``, as dictionaries in format 4. They may hold anything. Raises NotebookError."""
    return _cells(_read(path), file_name(path.name))


def _read(path: Path, images: bool = True) -> dict:
    """The parsed file, without the ``images`` of its outputs if nobody asks for them: most of its text are images."""
    shown = file_name(path.name)
    if path.stat().st_size > MAX_BYTES:
        raise NotebookError(f"{shown} is larger than {MAX_BYTES // 2**20} MB; clear its outputs and hand it in again.")
    data = path.read_bytes()
    if not images:
        with suppress(NotebookError):  # an image that is none may be cut in a wrong place
            return _parsed(_without_images(data), shown)
    return _parsed(data, shown)


def _without_images(data: bytes) -> bytes:
    """A file as Jupyter writes it, with an empty text for each image."""
    kept, place = [], 0
    while (found := data.find(IMAGE, place)) >= 0:
        begin = found + len(IMAGE)
        kept.append(data[place:begin])
        place = max(begin, data.find(b'"', begin))
    return b"".join([*kept, data[place:]])


def _language(notebook: dict) -> tuple[str, Version | None]:
    """The language that a notebook names ("python" if none), and the version of the Python that ran it last."""
    metadata = _dict(notebook, "metadata")
    info = _dict(metadata, "language_info")
    named = (_dict(metadata, "kernelspec").get("language"), info.get("name"))
    language = next((name for name in named if isinstance(name, str) and name), PYTHON[0])
    version = re.match(r"3\.(\d{1,2})\b", info["version"]) if isinstance(info.get("version"), str) else None
    return language, Version(3, int(version[1])) if version else None


def _dict(value: dict, name: str) -> dict:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _parsed(data: bytes, shown: str) -> dict:
    text = _decoded(data)
    if len(text) > MAX_VALUES and _values(text) > MAX_VALUES and _values(_STRING.sub("", text)) > MAX_VALUES:
        raise NotebookError(f"{shown} holds too much data to be a notebook; clear its outputs and hand it in again.")
    try:
        notebook = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise NotebookError(f"{shown} is not a notebook: it is not valid JSON. Download it again as .ipynb.") from None
    if not isinstance(notebook, dict):
        raise NotebookError(f"{shown} is not a notebook: it has no cells. Download it again as .ipynb.")
    return notebook


def _values(text: str) -> int:
    """An upper bound on the number of values in JSON text."""
    return sum(map(text.count, ",[{"))


def _decoded(data: bytes) -> str:
    """The text of a JSON file in any common encoding, without NUL characters, which are not valid JSON."""
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), None)
    if encoding:
        return data.decode(encoding, "replace").lstrip("\ufeff").replace("\0", "")
    try:
        return data.decode("utf-8").replace("\0", "")
    except UnicodeDecodeError:
        return data.decode("latin-1").replace("\0", "")


def _cells(notebook: dict, shown: str) -> list[dict]:
    """The cells of a parsed notebook of any format version, as dictionaries in format 4."""
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):
        cells = [_upgraded(cell) for sheet in notebook["worksheets"] for cell in _list(sheet, "cells")]
    if not isinstance(cells, list):
        raise NotebookError(f"{shown} is not a notebook: it has no cells. Download it again as .ipynb.")
    return [cell for cell in cells if isinstance(cell, dict)]


def _upgraded(cell: object) -> object:
    """A cell of format 3 in format 4: the source of code was called ``input``."""
    return {"source": cell.get("input"), **cell} if isinstance(cell, dict) else cell


def _list(value: object, name: str) -> list:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _cell(index: int, source: str, deadline: float, version: Version | None) -> tuple[Cell, ast.Module | None]:
    """A cell in plain Python, and its syntax tree (None: it is not valid Python, or too long to be read).

    ``version``: of the Python that ran the notebook last, if that is known.
    """
    if len(source) > MAX_CHARACTERS_READ or time.monotonic() > deadline:
        return Cell(index, source), None
    if (tree := released.TREES.get(source) or syntax_tree(source)) is not None or _too_many_magics(source):
        return Cell(index, source), tree
    return _without_magics(index, source, version)


def _source(value: object) -> str:
    """The text of a cell, given as a string or a list of lines, in valid Unicode and without NUL."""
    lines = value if isinstance(value, list) else [value]
    text = "".join(line for line in lines if isinstance(line, str))
    return (text if text.isascii() else _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)).replace("\0", "")


def _tags(metadata: object) -> list:
    return _list(metadata, "tags")


def _too_many_magics(source: str) -> bool:
    return len(source) * (1 + len(_MAYBE_MAGIC.findall(source))) > MAX_CHARACTERS_READ


def syntax_tree(source: str) -> ast.Module | None:
    """The syntax tree of ``source``, or None if it is not valid Python. A cell is read first and run afterwards."""
    return _tree_of_short(source) if len(source) <= SHORT else _tree(source)


def _tree(source: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


_tree_of_short = lru_cache(maxsize=64)(_tree)


def _without_magics(index: int, source: str, version: Version | None) -> tuple[Cell, ast.Module | None]:
    """A cell that is not plain Python, with its magics replaced by calls of ``get_ipython()``; and its syntax tree.

    In the sandbox these calls do nothing, except for the working magics. A cell that is still not valid Python has a
    syntax error of its own: it is not changed and not run, since no line of it could be.
    """
    notes = []
    body = source
    while (magic := _CELL_MAGIC.match(body)) and magic[1] not in WORKING_CELL_MAGICS:
        if magic[1] not in TRANSPARENT_CELL_MAGICS:
            why = f"the cell magic {quoted('%%' + magic[1], 40)} is not run during grading"
            return Cell(index, source, skip=why, notes=(f"Cell {index}: {why}.",)), None
        notes.append(f"{quoted('%%' + magic[1], 40)} has no effect during grading; the rest of the cell is run.")
        body = body[magic.end() :]
    code = _EMPTY_LINES.sub("", body)
    # With as many lines as before, so that messages name the student's lines.
    transformed = "\n" * source.count("\n", 0, len(source) - len(code)) + _transformed(code)
    found = syntax_tree(transformed)
    if found is None:
        why = _fault(source, transformed, version)
        return Cell(index, source, skip=why, notes=(f"Cell {index}: {why}.",) if why else ()), None
    notes.extend(f"{quoted(line, 80)} has no effect during grading." for line in _dropped(found))
    return Cell(index, transformed, notes=tuple(notes)), found


def _fault(source: str, transformed: str, version: Version | None) -> str | None:
    """Why a cell is no valid Python, as a clause; None if it is only too deep. ``transformed``: without its magics."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(transformed)
    except SyntaxError as error:
        found, line = error, f" in line {error.lineno}" if error.lineno else ""
    except (ValueError, RecursionError, MemoryError):
        return None
    own = Version(*sys.version_info[:2])
    if part := newer(transformed):
        return (
            f"line {part.line} has {part.what}, which only Python {part.version} and newer accept; "
            f"Python {own} grades, so none of its lines was run"
        )
    kind = type(found).__name__
    error = f"it has a{'n' * kind.startswith('I')} {kind}{line}: {quoted(str(found.msg), 120)}"
    lines = transformed.split("\n")
    text = lines[found.lineno - 1].strip() if found.lineno and found.lineno <= len(lines) else ""
    error += f"; the line is {quoted(text, 80)}" if text else ""
    why = _misplaced_magic(source) or error
    last = f" (Python {own} grades, and Python {version} ran your notebook last)" if version and version > own else ""
    return f"{why}{last}, so none of its lines was run"


def _misplaced_magic(source: str) -> str | None:
    """Which IPython command makes a cell invalid, as a clause; None if none does."""
    magic = _LATER_CELL_MAGIC.search(source)
    if magic and magic[1] not in TRANSPARENT_CELL_MAGICS and valid(_transformed(source[: magic.start()])):
        return f"{quoted(magic[0], 40)} must be the first line of its cell"
    for pattern in (_COMMAND, _HELP):
        for instead in ("pass", "0"):
            if (found := pattern.search(source)) and valid(_transformed(pattern.sub(rf"\g<1>{instead}", source))):
                line = source.count("\n", 0, found.end()) + 1
                return f"the IPython command in line {line} ({quoted(found[0], 60)}) must be a line of its own"
    return None


@cache
def transformer() -> type:
    """IPython's ``TransformerManager``. Importing it takes 0.1 s, which the preloaded parent spends once for all workers."""
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager


def _transformed(source: str) -> str:
    """IPython's translation of a cell to Python; the unchanged text if IPython cannot translate it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return transformer()().transform_cell(source)
        except (SyntaxError, ValueError, RuntimeError, RecursionError, MemoryError):
            return source


def _dropped(tree: ast.Module) -> Iterator[str]:
    """The magics of a transformed cell that do nothing, roughly as the student wrote them."""
    forms = {"run_line_magic": "%{} {}", "system": "!{}", "getoutput": "!{}"}
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=form), args=arguments
            ) if form in forms:
                words = [str(argument.value) for argument in arguments if isinstance(argument, ast.Constant)]
                if form != "run_line_magic" or WORKING_LINE_MAGICS.isdisjoint(words[:1]):
                    yield one_line(forms[form].format(*words, "", ""), 80)
