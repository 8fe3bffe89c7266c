"""Reads the code cells of a student's notebook and converts them to plain Python.

The file is only parsed; nothing in it is executed or imported here. The only metadata that matters is the tag
``skip-grading``, which can only keep the student's own cell from running.
"""

from __future__ import annotations

import ast
import codecs
import json
import re
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import KitError
from autograder.text import one_line

MAX_BYTES = 50 * 2**20
# Parsed JSON can take ten times the memory of its text if it consists of short values; an image is one long value.
MAX_VALUES = 3_000_000
MAX_CELLS = 2_000
# IPython reads a cell again for every magic in it, at about 10 µs per character. These two limit the time that a
# malicious notebook can take. A cell of 10 kB may have 24 magics.
MAX_CHARACTERS_READ = 250_000
TRANSFORM_SECONDS = 10.0

SKIP_TAG = "skip-grading"
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
_MAYBE_MAGIC = re.compile(r"^\s*[%!,;/]|\?|=[\s\\]*[%!]", re.MULTILINE)


class NotebookError(KitError):
    """The file is not a readable notebook; the text is a sentence for the student."""


@dataclass(frozen=True)
class Cell:
    """One code cell. ``index`` counts the code cells of the notebook from 1, including empty and skipped ones.

    ``skip`` says why the cell is not run (None: it is run). ``notes`` are sentences for the student about lines that have
    no effect during grading. ``source`` is Python, or has a syntax error by the student.
    """

    index: int
    source: str
    skip: str | None = None
    notes: tuple[str, ...] = ()


def read_cells(path: Path) -> tuple[Cell, ...]:
    """The code cells of the notebook at ``path``, in order.

    Raises:
        NotebookError: the file is too large, not JSON, or not a notebook.
    """
    shown = one_line(path.name)
    if path.stat().st_size > MAX_BYTES:
        raise NotebookError(f"{shown} is larger than {MAX_BYTES // 2**20} MB; clear its outputs and hand it in again.")
    notebook = _parsed(path.read_bytes(), shown)
    raw_cells = [cell for cell in _cells(notebook, shown) if cell.get("cell_type") == "code"]
    if len(raw_cells) > MAX_CELLS:
        raise NotebookError(f"{shown} has more than {MAX_CELLS:,} code cells.")
    deadline = time.monotonic() + TRANSFORM_SECONDS
    return tuple(_cell(index, raw, deadline) for index, raw in enumerate(raw_cells, start=1))


def _parsed(data: bytes, shown: str) -> dict:
    text = _decoded(data)
    if _values(text) > MAX_VALUES and _values(_STRING.sub("", text)) > MAX_VALUES:
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
    if "cells" not in notebook and "worksheets" in notebook:
        notebook = _upgraded(notebook, shown)
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise NotebookError(f"{shown} is not a notebook: it has no cells. Download it again as .ipynb.")
    return [cell for cell in cells if isinstance(cell, dict)]


def _upgraded(notebook: dict, shown: str) -> dict:
    """Convert format 3 to format 4 with nbformat. Outputs are removed first: they are not graded and may be malformed."""
    import nbformat

    try:
        for sheet in notebook["worksheets"]:
            for cell in sheet["cells"]:
                if cell.get("cell_type") == "code":
                    cell["outputs"] = []
        return nbformat.v4.upgrade(nbformat.from_dict(notebook), from_version=3, from_minor=0)
    except Exception:  # a malformed file can raise anything in the converter
        raise NotebookError(f"{shown} is an old notebook that cannot be converted; save it again in Jupyter.") from None


def _cell(index: int, raw: dict, deadline: float) -> Cell:
    source = _source(raw.get("source"))
    if SKIP_TAG in _tags(raw.get("metadata")):
        return Cell(index, source, skip=f"tagged {SKIP_TAG}")
    if _tree(source) is not None or _too_many_magics(source) or time.monotonic() > deadline:
        return Cell(index, source)
    return _without_magics(index, source)


def _source(value: object) -> str:
    """The text of a cell, given as a string or a list of lines, in valid Unicode and without NUL."""
    lines = value if isinstance(value, list) else [value]
    text = "".join(line for line in lines if isinstance(line, str))
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text).replace("\0", "")


def _tags(metadata: object) -> list:
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tags if isinstance(tags, list) else []


def _too_many_magics(source: str) -> bool:
    return len(source) * (1 + len(_MAYBE_MAGIC.findall(source))) > MAX_CHARACTERS_READ


def _tree(source: str) -> ast.Module | None:
    """The syntax tree of ``source``, or None if it is not valid Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _without_magics(index: int, source: str) -> Cell:
    """A cell that is not plain Python, with its magics replaced by calls of ``get_ipython()``.

    In the sandbox these calls do nothing, except for the working magics. A cell that is still not valid Python has a
    syntax error of its own and is not changed.
    """
    notes = []
    body = source
    while (magic := _CELL_MAGIC.match(body)) and magic[1] not in WORKING_CELL_MAGICS:
        if magic[1] not in TRANSPARENT_CELL_MAGICS:
            why = f"the cell magic %%{one_line(magic[1], 40)} is not run during grading"
            return Cell(index, source, skip=why, notes=(f"Cell {index}: {why}.",))
        notes.append(f"%%{magic[1]} has no effect during grading; the rest of the cell is run.")
        body = body[magic.end() :]
    transformed = _transformed(body)
    tree = _tree(transformed)
    if tree is None:
        return Cell(index, source)
    notes.extend(f"{line} has no effect during grading." for line in _dropped(tree))
    return Cell(index, transformed, notes=tuple(notes))


def _transformed(source: str) -> str:
    """IPython's translation of a cell to Python; the unchanged text if IPython cannot translate it."""
    from IPython.core.inputtransformer2 import TransformerManager  # 0.1 s, and needed for few notebooks

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return TransformerManager().transform_cell(source)
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
