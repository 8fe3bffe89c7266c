"""The notebook loader: cells that can be run or shown, or a NotebookError of one sentence, in time."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

from hypothesis import strategies as st

from autograder.release.notebooks import notebook_bytes
from autograder.sandbox.notebook import Cell, NotebookError, read_cells
from tests.corpus.small import HONEST, notebook
from tests.fuzz.fuzzing import damaged, fuzz

MAX_SECONDS = 5.0
MAX_MEMORY = 50 * 2**20
NOTEBOOK = notebook_bytes(notebook([*HONEST, "%matplotlib inline\n!ls", "%%time\nx = 1", "%%bash\nls"]))
# Words of which IPython's and Python's readers make something.
WORDS = (
    *(
        "%%time\n",
        "%%capture out\n",
        "%%bash\n",
        "%%writefile a.py\n",
        "%%",
        "%time ",
        "%run a.py",
        "%",
        "!",
        "!!ls",
        "?",
    ),
    *("??", "x", "x?", " ", "\n", "\r\n", "\r", "\t", "\f", "\\\n", "\\", "=", "(", ")", "[", "]", "{", "}", "'", '"'),
    *("'''", '"""', "f'{", "#", ";", ",", "/", "@", ":", "if x:\n", "    ", "def f():\n", "await ", "return", "lambda"),
    *(
        "\0",
        "\ud800",
        "\ufeff",
        "\u2028",
        "\u00a0",
        "é",
        "𝒳",
        "0",
        "1e999",
        "9" * 50,
        "$x",
        ">>> ",
        "...: ",
        "In [1]: ",
    ),
)

sources = st.lists(st.sampled_from(WORDS), max_size=25).map("".join) | st.text(max_size=30)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | sources,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3),
    max_leaves=8,
)


def some(**fields: st.SearchStrategy) -> st.SearchStrategy[dict]:
    """A dictionary in which fields may be missing, and hold anything."""
    return st.fixed_dictionaries({}, optional={name: field | anything for name, field in fields.items()})


kinds = st.sampled_from(["code", "code", "code", "markdown", "raw", "heading", "Code"])
cells = some(
    cell_type=kinds,
    source=sources | st.lists(sources, max_size=3),
    input=sources,
    metadata=some(tags=st.lists(st.sampled_from(["skip-grading", "x"]), max_size=2)),
    outputs=anything,
    language=st.text(max_size=5),
)
sheets = some(cells=st.lists(cells, max_size=3), metadata=anything)
notebooks = st.one_of(
    st.fixed_dictionaries({"cells": st.lists(cells, max_size=5), "nbformat": st.integers(0, 9) | anything}),
    some(cells=st.lists(cells | anything, max_size=4), nbformat=st.integers(0, 9), metadata=anything),
    some(worksheets=st.lists(sheets | anything, max_size=3), nbformat=st.just(3), nbformat_minor=st.just(0)),
)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"])


def written(content: object, encoding: str, ascii_only: bool) -> bytes:
    """The JSON of ``content`` as an editor might leave it."""
    return json.dumps(content, ensure_ascii=ascii_only).encode(
        encoding, "surrogatepass" if "utf" in encoding else "replace"
    )


files = (
    st.builds(written, notebooks, encodings, st.booleans())
    | damaged([NOTEBOOK, NOTEBOOK.decode().encode("utf-16"), b'{"worksheets": [{"cells": [{"cell_type": "code"}]}]}'])
    | st.builds(
        lambda opening, depth: opening * depth, st.sampled_from([b"[", b'{"cells":', b'{"a":{']), st.integers(0, 9999)
    )
    | st.binary(max_size=100)
)


def is_sound(cell: Cell, index: int) -> None:
    """A cell in its place, whose texts are of one kind and can be sent to the sandbox and shown to the student."""
    assert type(cell) is Cell and cell.index == index
    assert type(cell.source) is str and "\0" not in cell.source
    cell.source.encode("utf-8")
    for text in [*cell.notes, *([] if cell.skip is None else [cell.skip])]:
        assert text.isprintable() and 0 < len(text) < 300


def test_notebooks(tmp_path):
    path: Path = tmp_path / "simclr.ipynb"

    def law(content: bytes) -> None:
        path.write_bytes(content)
        tracemalloc.start()
        started = time.process_time()
        try:
            for index, cell in enumerate(read_cells(path), 1):
                is_sound(cell, index)
        except NotebookError as error:
            assert str(error).startswith("simclr.ipynb ") and str(error).isprintable()
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < MAX_MEMORY and time.process_time() - started < MAX_SECONDS
        assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]

    assert fuzz(files, law) > 50


def test_sound_notebooks_are_no_part_of_what_is_refused(tmp_path):
    path = tmp_path / "simclr.ipynb"
    path.write_bytes(NOTEBOOK)
    assert len(read_cells(path)) == len(HONEST) + 3
