"""The notebook loader: cells that can be run or shown, or a NotebookError of one sentence, in time; and quotations."""

from __future__ import annotations

import json
import re
import sys
import time
import tracemalloc
import unicodedata
from pathlib import Path

from hypothesis import strategies as st

from autograder.release.notebooks import notebook_bytes
from autograder.sandbox.notebook import Cell, NotebookError, read_cells, read_notebook
from autograder.text import quoted, without_numbers
from tests.corpus.small import HONEST, notebook
from tests.fuzz.fuzzing import SECONDS, damaged, fuzz

GRADED = ("nt_xent", "barlow_twins")
MAX_SECONDS = 8.0  # the loader stops after 5, and ends what it is reading
MAX_MEMORY = 50 * 2**20
MAX_MEMORY_OF_SOURCE = 400 * 2**20  # in a worker, which has 1,000 MB and more
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

# Of these, what is nested grows; what is long does not.
PIECES = (
    *(
        "x = {}\n",
        "def nt_xent({}):\n    return {}\n",
        "{} = nt_xent\n",
        "({})",
        "[{}]",
        "{{{}: {}}}",
        "f'{{{}}}'",
        "-{}",
    ),
    *("lambda x: {}", "x if {} else y", "{}.y", "{}()", "{}[0]", "[y for y in {} if {}]", "not {}", "{} + {}", "*{}"),
    *("if {}:\n    float = {}\n", "with {} as float:\n    pass\n", "for {} in {}:\n    pass\n", "del {}\n", "await {}"),
    *(
        "class A({}):\n    x = {}\n",
        "from {} import *\n",
        "import {} as x\n",
        "try:\n    {}\nexcept {} as e:\n    pass\n",
    ),
    *(
        "match {}:\n    case {}:\n        pass\n",
        "global {}\n",
        "x: {} = {}\n",
        "@{}\ndef f(): pass\n",
        "(x := {})",
        "yield {}",
    ),
)
LITERALS = (
    "x",
    "nt_xent",
    "float",
    "0",
    "1e999",
    "9" * 5_000,
    "'" + "y" * 100_000 + "'",
    "b'\\xff'",
    "'\\N{DASH}'",
    "é",
    "𝒳",
)


def filled(pieces: list[str], literal: str, depth: int) -> str:
    """Source of these pieces, the first of them in itself ``depth`` times."""
    text = literal
    for piece in [*pieces[1:], *pieces[:1] * depth]:
        text = piece.replace("{}", text, 1).replace("{}", "x").replace("{{", "{").replace("}}", "}")
    return text


nested = st.tuples(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
    st.sampled_from(LITERALS),
    st.sampled_from([1, 2, 30, 99, 101, 1_000, 20_000]),
    st.booleans(),
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
    assert cell.only is None or (cell.only and cell.skip is None and min(cell.only) >= 0)
    for text in [*cell.notes, *([] if cell.skip is None else [cell.skip])]:
        assert text.isprintable() and 0 < len(text) < 300


def is_read(path: Path, content: bytes, most_memory: int) -> None:
    """The notebook is read or refused, in bounded time and memory, and stays as it was."""
    path.write_bytes(content)
    tracemalloc.start()
    started = time.process_time()
    try:
        found = read_notebook(path, GRADED)
        for index, cell in enumerate(found.cells, 1):
            is_sound(cell, index)
        for name, later in found.rebound.items():
            assert name in GRADED and all(1 < index <= len(found.cells) and names for index, names in later.items())
    except NotebookError as error:
        assert str(error).startswith("simclr.ipynb ") and str(error).isprintable()
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < most_memory and time.process_time() - started < MAX_SECONDS
    assert path.read_bytes() == content and list(path.parent.iterdir()) == [path]


def test_notebooks(tmp_path):
    fuzz(files, lambda content: is_read(tmp_path / "simclr.ipynb", content, MAX_MEMORY), 50)


def test_sources(tmp_path):
    """Cells of Python that is nested, long, and often no Python, of which some are tagged to be skipped."""

    def law(parts: list[tuple[list[str], str, int, bool]]) -> None:
        made = [
            {
                "cell_type": "code",
                "source": filled(pieces, literal, depth),
                "metadata": {"tags": ["skip-grading"] if tagged else []},
            }
            for pieces, literal, depth, tagged in parts
        ]
        is_read(tmp_path / "simclr.ipynb", json.dumps({"cells": made}).encode(), MAX_MEMORY_OF_SOURCE)

    fuzz(st.lists(nested, min_size=1, max_size=4), law, 5, seconds=SECONDS / 2)


def test_sound_notebooks_are_no_part_of_what_is_refused(tmp_path):
    path = tmp_path / "simclr.ipynb"
    path.write_bytes(NOTEBOOK)
    assert len(read_cells(path)) == len(HONEST) + 3


says = st.text(max_size=60) | st.lists(
    st.sampled_from(
        ['"', "\u201d", "\n", "\x1b[2J", "0.25", "-1e-5", "123456", "7, ", "x", ".5", "1_0", "٣", "²", "(2, 3)", "0x1f"]
    ),
    max_size=80,
).map("".join)


def test_quotations(tmp_path):
    """What a student says is one line between two quotation marks, without numbers that tell a value."""

    def law(text: str) -> None:
        said = quoted(without_numbers(text))
        assert said[0] == said[-1] == '"' and '"' not in said[1:-1]
        assert said.isprintable() and len(said) < 320
        assert sum(character.isnumeric() for character in said) <= 40
        assert not any(len(part) > 5 for part in re.findall(r"(?a:\d+)", said))
        assert not re.search(r"(?a:\d\.\d)", said)

    fuzz(says, law, 50, seconds=3)


MARKS = re.compile(
    "QUOTATION MARK|APOSTROPHE|PRIME|GERESH|GERSHAYIM|SALTILLO|DITTO|(MODIFIER LETTER|^)( HIGH| MIDDLE)? (ACUTE|GRAVE) ACCENT"
    "|^GREEK (TONOS|KORONIS|PSILI|DASIA|OXIA|VARIA)|^FULLWIDTH GRAVE"
)


def test_no_mark_of_unicode_ends_a_quotation():
    """Alone if it is double, else twice in a row: whatever is called like a quotation mark, or is drawn like half of one."""
    named = [chr(n) for n in range(sys.maxunicode) if MARKS.search(unicodedata.name(chr(n), ""))]
    marks = [
        c for c in named if unicodedata.category(c) not in ("Ll", "Mn")
    ]  # small letters, accents of another letter
    assert len(marks) > 60
    survived = [unicodedata.name(c) for c in marks if c not in "\"'" and c in quoted(f"x{c}{c} y")]
    assert survived == []
    for double in "\u02ba\u05f4\u1cd3\u1fce\u201e\u2033\u275d\u3003\uff02":
        assert double not in quoted(f"x{double} y")
    assert (
        quoted("don't, l\u2019\u00e9t\u00e9, \u30ab\u30fc\u30fc")
        == '"don\'t, l\u2019\u00e9t\u00e9, \u30ab\u30fc\u30fc"'
    )
