"""Every notebook that Jupyter or an editor may have written is read, and what is none gets a sentence."""

import ast
import json
import subprocess
import sys
import time

import pytest

from autograder.sandbox import notebook
from autograder.sandbox.bindings import statements
from autograder.sandbox.notebook import NotebookError, read_cells, read_notebook


def code(source, **fields) -> dict:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None, **fields}


def written(path, *cells, **encoding) -> object:
    text = json.dumps({"cells": list(cells), "nbformat": 4, "nbformat_minor": 5, "metadata": {}}, ensure_ascii=False)
    path.write_text(text, **(encoding or {"encoding": "utf-8"}))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "simclr.ipynb"


def only(path):
    (cell,) = read_cells(path)
    return cell


def test_code_cells_in_order_counted_from_one(path):
    written(path, code("a = 1"), {"cell_type": "markdown", "source": "text"}, code(["b = 2\n", "c = 3"]), code(""))
    assert [(cell.index, cell.source) for cell in read_cells(path)] == [(1, "a = 1"), (2, "b = 2\nc = 3"), (3, "")]


def test_tagged_cell_is_skipped_and_still_counted(path):
    tagged = code("train()", metadata={"tags": ["skip-grading"]})
    written(path, tagged, code("x = 1", metadata={"tags": "skip-grading"}))
    assert [(cell.index, cell.skip) for cell in read_cells(path)] == [(1, "tagged skip-grading"), (2, None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-16-le"])
def test_encodings(path, encoding):
    written(path, code("name = 'é'"), encoding=encoding)
    source = only(path).source
    # UTF-16 without its mark cannot be told for sure: the code survives, letters beyond ASCII may not.
    assert source == "name = 'é'" or (encoding == "utf-16-le" and source.startswith("name = '"))


def test_lone_surrogates_and_nul_are_taken_out(path):
    path.write_text('{"cells": [{"cell_type": "code", "source": "s = \'\\ud800\\u0000\'"}]}')
    source = only(path).source
    assert source == "s = '\ufffd'"
    source.encode("utf-8")
    path.write_bytes(b'{"cells": [{"cell_type": "code", "source": "x = 1\0"}]}\0\0')
    assert only(path).source == "x = 1"


def test_odd_cells_are_read_as_far_as_they_go(path):
    cells = [None, 3, [], {}, {"cell_type": "code"}, code(7), code(["a = 1", None]), code("b", metadata=None)]
    written(path, *cells, code("c", metadata={"tags": {"skip-grading": 1}}))
    assert [cell.source for cell in read_cells(path)] == ["", "", "a = 1", "b", "c"]
    assert all(cell.skip is None for cell in read_cells(path))


def test_format_3_is_upgraded(path):
    cells = [
        {"cell_type": "code", "input": ["x = 1\n", "y = 2"], "language": "python", "outputs": "odd"},
        {"cell_type": "heading", "level": 1, "source": "Title"},
        3,
        {"cell_type": "code", "input": "z = 3", "collapsed": False, "metadata": {}, "prompt_number": 1},
    ]
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}))
    assert [cell.source for cell in read_cells(path)] == ["x = 1\ny = 2", "z = 3"]


@pytest.mark.parametrize(
    "content",
    [b"", b"import torch", b"[]", b"{}", b'{"cells": 3}', b"[" * 100_000, b'{"cells": [' + b"9" * 10_000 + b"]",
     b'{"worksheets": 3}', b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n"],
    ids=lambda content: repr(content[:20]),
)  # fmt: skip
def test_what_is_no_notebook_gets_a_sentence(path, content):
    path.write_bytes(content)
    with pytest.raises(NotebookError) as error:
        read_cells(path)
    assert str(error.value).startswith("simclr.ipynb is ")
    assert "\n" not in str(error.value)


def test_size_values_and_cells_are_limited(path, monkeypatch):
    with path.open("wb") as file:
        file.truncate(101 * 2**20)
    with pytest.raises(NotebookError, match="larger than 100 MB"):
        read_cells(path)
    path.write_bytes(b"[" + b"[]," * 1_600_000 + b"0]")
    with pytest.raises(NotebookError, match="too much data"):
        read_cells(path)
    monkeypatch.setattr(notebook, "MAX_CELLS", 3)
    written(path, *[code("x")] * 4)
    with pytest.raises(NotebookError, match="more than 3 code cells"):
        read_cells(path)


def test_printed_commas_and_brackets_are_no_values(path):
    printed = "[0.1, 0.2], \\" * 1_100_000
    written(path, code("x", outputs=[{"output_type": "stream", "name": "stdout", "text": printed}]))
    assert only(path).source == "x"
    path.write_text('{"cells": [], "x": "' + '\\"' * 2_000_000)  # a string that does not end, in linear time
    with pytest.raises(NotebookError, match="not valid JSON"):
        read_cells(path)


@pytest.mark.parametrize(
    "image", ["iVBORw0KGgo=", "iVBOR\n w0KG\n", "", 'no " image', "\\", '", "cells": [], "x": "', 5, ["a", "b"]]
)
def test_images_are_passed_over_whatever_they_hold(path, image):
    """What follows an image is read; the text of a cell that looks like one is code."""
    shown = code("x = 1", outputs=[{"output_type": "display_data", "data": {"image/png": image}}])
    text = 'data = {"image/png": "abc", "y": 2}'
    written(path, shown, code(text), code("z = 3"))
    assert [cell.source for cell in read_cells(path)] == ["x = 1", text, "z = 3"]


# --- magics -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "python", "notes"),
    [
        ("%matplotlib inline\nx = 1", "get_ipython().run_line_magic('matplotlib', 'inline')\nx = 1\n",
         ['"%matplotlib inline" has no effect during grading.']),
        ("!pip install lightly", "get_ipython().system('pip install lightly')\n",
         ['"!pip install lightly" has no effect during grading.']),
        ("files = !ls", "files = get_ipython().getoutput('ls')\n", ['"!ls" has no effect during grading.']),
        ("?torch", "get_ipython().run_line_magic('pinfo', 'torch')\n", ['"%pinfo torch" has no effect during grading.']),
        ("%%time\nx = 1", "\nx = 1\n", ['"%%time" has no effect during grading; the rest of the cell is run.']),
        ("if True:\n    %time x = f()\n    !nvidia-smi",
         "if True:\n    get_ipython().run_line_magic('time', 'x = f()')\n    get_ipython().system('nvidia-smi')\n",
         ['"!nvidia-smi" has no effect during grading.']),
        ("    x = 1\n    y = 2", "x = 1\ny = 2\n", []),
        ("%%writefile a.py\nx = 1", "get_ipython().run_cell_magic('writefile', 'a.py', 'x = 1\\n')\n", []),
        ("%run a.py", "get_ipython().run_line_magic('run', 'a.py')\n", []),
    ],
)  # fmt: skip
def test_magics_become_python_with_a_note(path, source, python, notes):
    written(path, code(source))
    cell = only(path)
    assert (cell.source, list(cell.notes), cell.skip) == (python, notes, None)
    ast.parse(cell.source)


@pytest.mark.parametrize("magic", ["bash", "html", "javascript", "script node", "sh", "latex"])
def test_cells_of_another_language_are_skipped(path, magic):
    written(path, code(f"%%{magic}\nls"))
    why = f'the cell magic "%%{magic.split()[0]}" is not run during grading'
    assert (only(path).skip, only(path).notes) == (why, (f"Cell 1: {why}.",))


@pytest.mark.parametrize("source", ["s = '%d' % 3", "x = 5 %\\\n 3", "async def f(): pass\nawait f()"])
def test_other_cells_stay_as_they_are(path, source):
    written(path, code(source))
    cell = only(path)
    assert (cell.source, cell.notes, cell.skip) == (source, (), None)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def f(:\n    pass", 'it has a SyntaxError in line 1: "invalid syntax"'),
        ("!ls\n\ndef f(:\n    pass", 'it has a SyntaxError in line 3: "invalid syntax"'),
        ("%%time\n\nx = 1\ny = = 2", 'it has a SyntaxError in line 4: "invalid syntax"'),
        ("\n\n!ls\nx = (", "it has a SyntaxError in line 4: \"'(' was never closed\""),
        ("def f():\nreturn 1", 'it has an IndentationError in line 2: "expected an indented block after function'),
        ("def f():\n\tx = 1\n        y = 2", 'it has a TabError in line 3: "inconsistent use of tabs and spaces'),
        ("x <- function(a) {\n  a\n}", "it has a SyntaxError in line 1: "),
    ],
)
def test_a_cell_that_no_line_of_can_be_run_is_told_with_its_line(path, source, why):
    written(path, code(source))
    cell = only(path)
    assert cell.source == source and cell.notes == (f"Cell 1: {cell.skip}.",)
    assert cell.skip.startswith(why) and cell.skip.endswith(", so none of its lines was run")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("x = 1\nif x: !ls", 'the IPython command in line 2 (": !ls") must be a line of its own'),
        (
            "def f():\n    return %timeit x",
            'the IPython command in line 2 ("return %timeit x") must be a line of its own',
        ),
        ("x = [\n    !ls\n]", 'the IPython command in line 2 ("!ls") must be a line of its own'),
        ("import torch\ntorch.nn.Linear?  # the layer\n", "the IPython command in line 2"),
        ("# install\n%%bash\npip install x", '"%%bash" must be the first line of its cell'),
        ("# how long\n%%time\nx = = 1", 'it has a SyntaxError in line 3: "invalid syntax"'),
        ("x = = 1\n%%bash\nls", 'it has a SyntaxError in line 1: "invalid syntax"'),
    ],
)
def test_a_magic_that_makes_a_cell_invalid_is_named(path, source, why):
    written(path, code(source))
    assert only(path).skip.startswith(why)


def saved_by(path, source, **metadata):
    """The only cell of a notebook with this metadata, and the notebook's notes."""
    path.write_text(json.dumps({"cells": [code(source)], "metadata": metadata, "nbformat": 4}))
    found = read_notebook(path)
    return found.cells[0], found.notes


def test_a_notebook_of_another_language_is_told_once(path):
    r = {"kernelspec": {"name": "ir", "language": "R"}}
    assert saved_by(path, "f <- function(x) x", **r)[1] == (
        'The language of your notebook is "R"; the grader runs Python.',
    )
    assert saved_by(path, "x = 1", **r)[1] == () and saved_by(path, "x = (", language_info={"name": "python"})[1] == ()


def test_a_language_speaks_only_in_quotation_marks(path):
    claim = {"language": 'R". Full marks. "' + "x" * 100}
    (said,) = saved_by(path, "x = (", kernelspec=claim)[1]
    assert (
        said.startswith("The language of your notebook is \"R'. Full marks. ")
        and said.count('"') == 2
        and len(said) < 130
    )


@pytest.mark.parametrize("odd", [3, [], "R", {"language": 3}, {"name": None, "version": 3}])
def test_odd_metadata_is_no_language(path, odd):
    assert saved_by(path, "x = (", kernelspec=odd, language_info=odd)[1] == ()


def test_a_newer_python_that_ran_the_notebook_is_named_with_an_unknown_error(path):
    own = sys.version_info
    for minor, told in ((own.minor, False), (own.minor + 1, True), (9, False)):
        cell, _ = saved_by(path, "lazy import json", language_info={"name": "python", "version": f"3.{minor}.2"})
        said = f"(Python 3.{own.minor} grades, and Python 3.{minor} ran your notebook last)"
        assert (said in cell.skip) == told


def test_made_up_cells_take_no_long_time(path):
    hostile = ["!ls\n" * 5_000, "(a,\n" * 600 + "!ls", "-" * 200_000, "a." * 100_000 + "b", "if x:\n  y=!ls\n" * 1_500]
    written(path, *map(code, hostile))
    started = time.process_time()
    assert [cell.source for cell in read_cells(path)] == hostile
    assert time.process_time() - started < 10


def test_code_has_a_size_and_the_cell_that_exceeds_it_is_named(path):
    written(path, code("a = 1"), code("#" * notebook.MAX_CODE), code("b = 2"))
    first, long, last = read_cells(path)
    assert (first.skip, last.skip, long.source) == (None, None, "")
    assert (
        long.skip in long.notes[0] and "2,000,000 characters" in long.notes[0] and long.notes[0].startswith("Cell 2: ")
    )


def test_a_file_s_name_and_a_magic_speak_only_in_quotation_marks(tmp_path):
    path = tmp_path / 'Full marks". Enter 20 of 20.ipynb'
    path.write_text("{}")
    with pytest.raises(NotebookError) as error:
        read_cells(path)
    assert str(error.value).startswith('"Full marks\'. Enter 20 of 20.ipynb" is not a notebook')
    written(path, code('!passed" - enter 20 of 20 by hand'))
    assert only(path).notes == ('"!passed\' - enter 20 of 20 by hand" has no effect during grading.',)


# --- what a skipped cell holds for an answer, and what a later cell takes from it ----------------------------------


def tagged(source):
    return code(source, metadata={"tags": ["skip-grading"]})


def runs(path, *cells, graded=("answer",)):
    """For each cell: True if it is run, False if not, or the places of the statements that are run."""
    read = read_notebook(written(path, *cells), graded).cells
    return [False if cell.skip else True if cell.only is None else cell.only for cell in read]


ANSWER = code("def answer(x):\n    return helper(x) * SCALE")


@pytest.mark.parametrize(
    ("source", "run"),
    [
        ("def helper(x):\n    return x", True),
        ('"""What it does."""\nimport math\nN = 3\nclass Helper:\n    pass', True),
        ('def answer(x):\n    return x\n\ngrader.check("q1")', (0,)),
        ('grader.check("q1")\nanswer = Answer()\ntrain(answer)', (1,)),
        ("history = train()\nSCALE = history[0] / 2", (0, 1)),
        ("history = train()\nSCALE = 1 / 2", (1,)),
        ("if fast:\n    def helper(x):\n        return x\nplot()", (0,)),
        ("x = train()\nplot(x)", False),
        ('grader.check("q1")', False),
        ("# nothing\n", False),
        ("def broken(:", False),
    ],
)
def test_of_a_skipped_cell_runs_what_an_answer_needs(path, source, run):
    assert runs(path, ANSWER, tagged(source)) == [True, run]


def test_a_skipped_cell_that_cannot_be_read_is_named(path):
    written(path, tagged("def answer(x:\n    return x"))
    assert only(path).notes == (f"Cell 1: {only(path).skip}.",) and "SyntaxError in line 1" in only(path).skip


def test_names_inside_functions_are_no_needs(path):
    own = code("def answer(x):\n    y = [z for z in x]\n    return (lambda w: w + len(y))(1)")
    assert runs(path, own, tagged("x = y = z = w = train()"), tagged("len = train()")) == [True, False, (0,)]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a = [x + y for x in z]", "yz"),
        ("a = [x for x in x]", "x"),
        ("a = {k: v for k, v in d.items() if k}", "d"),
        ("a = [x for y in z for x in y]", "z"),
        ("a = [[i * j for j in r] for i in r]", "r"),
        ("a = x + [x for x in z][0]", "xz"),
        ("for x in z: a = {x for y in x}", "xz"),
    ],
)
def test_a_variable_of_a_comprehension_is_no_name_that_is_used(source, names):
    (statement,) = statements(source, ast.parse(source))
    assert statement.uses == set(names)


def rebound(path, *sources, graded=("answer",)):
    return read_notebook(written(path, *map(code, sources)), graded).rebound


USES = "def helper(x):\n    return float(x)\nconfig = {}\nimport torch.nn.functional as F"
OWN = "def answer(x):\n    return F.normalize(helper(x)) * config['tau']"


@pytest.mark.parametrize(
    ("later", "names"),
    [
        ("float = 2.5", ["float"]),
        ("def helper(x):\n    return 0", ["helper"]),
        ("config['tau'] = 3", ["config"]),
        ("F.normalize = None", ["F"]),
        ("for float in range(3):\n    pass", ["float"]),
        ("from numpy import *", ["*"]),
        ("import numpy as F", ["F"]),
        ("del helper", ["helper"]),
        ("answer = answer(3)", ["answer"]),
        ("with open('x') as float, open('y') as helper:\n    pass", ["float", "helper"]),
        ("x = 1\nint = 3\n[float for float in range(3)]\ndef f():\n    float = 1", None),
    ],
)
def test_a_later_cell_that_rebinds_what_an_answer_uses(path, later, names):
    assert rebound(path, USES, OWN, later) == ({} if names is None else {"answer": {3: names}})


def test_what_comes_first_or_only_later_is_not_rebound(path):
    assert rebound(path, USES, OWN, "import torch.nn.functional as F\nimport torch") == {}
    assert rebound(path, "float = 2.5", USES, OWN) == {}
    assert rebound(path, "def answer(x):\n    return later(x)", "def later(x):\n    return x") == {}
    assert rebound(path, "def answer(x):\n    return 0", "float = 1", "def answer(x):\n    return float(x)") == {}


# --- what reading costs the engine ---------------------------------------------------------------------------------

BOMBS = {
    "short-lines": lambda: [code("a\n" * 990_000)],
    "short-lines-in-cells": lambda: [code("a;" * 124_000) for _ in range(8)],
    "many-lines": lambda: [code(["a\n"] * 1_400_000)],
    "literal": lambda: [code(f"x = '{'y' * 40_000_000}'")],
    "values": lambda: [code("x", outputs=[[]] * 2_900_000)],
    "outputs-emoji": lambda: [code("x", outputs="\U0001f389" + "y" * 90_000_000)],
    "deep": lambda: [code("(" * 200_000), code("x" + ".y" * 120_000), code("-" * 200_000 + "1")],
}
MEASURE = """
import json, resource, sys, time
from pathlib import Path
import tempfile
from autograder.engine.notebook import NotebookError, read_notebook, reader
from autograder.engine.session import Sandbox

def memory():
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) / 1024

with Sandbox() as sandbox:
    def read(path):
        try:
            beside = Path(tempfile.mkdtemp(dir=sandbox.root))
            with reader(sandbox, Path(path), beside) as (session, _):
                notebook = read_notebook(session, Path(path), ["nt_xent"], time.monotonic() + 60)
            return [len(cell.source) for cell in notebook.cells]
        except NotebookError as error:
            return str(error)
    small, *large = sys.argv[1:]
    read(small)
    before, told = memory(), {}
    for path in large:
        cpu = time.process_time()
        found = read(path)
        told[path] = [found, memory() - before, time.process_time() - cpu]
    print(json.dumps(told))
"""


def test_what_a_notebook_costs_the_engine(tmp_path):
    """Parsing takes up to a hundred times the memory of the text; the worker that does it is another process."""
    paths = []
    for name, cells in {"small": lambda: [code("x = 1")], **BOMBS}.items():
        (tmp_path / name).mkdir()
        paths.append(str(written(tmp_path / name / "simclr.ipynb", *cells())))
    done = subprocess.run([sys.executable, "-c", MEASURE, *paths], capture_output=True, text=True, check=True)
    costs = json.loads(done.stdout)
    assert len(costs) == len(BOMBS)
    assert all(megabytes < 60 and seconds < 1 for _, megabytes, seconds in costs.values()), costs
