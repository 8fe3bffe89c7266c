"""What the report on a broken notebook says, graded from end to end: which cell, which line, why, and what to do."""

from __future__ import annotations

import sys

import pytest

from tests.corpus.clumsy import around, cells, changed, nt_xent
from tests.corpus.small import BARLOW_TWINS, EUCLIDEAN, FULL, IMPORTS, NT_XENT

MISSING = "Your notebook does not define nt_xent: "
SPOILT = NT_XENT.replace("return", "  return")
BROKEN = {
    "a cell is gone": (
        cells(IMPORTS, BARLOW_TWINS, EUCLIDEAN),
        12,
        MISSING + "q1a of the notebook that you were given has a cell for it.",
    ),
    "a Markdown cell": (
        changed(lambda content: content["cells"][1].update(cell_type="markdown")),
        12,
        MISSING + "its definition is in a Markdown cell after code cell 1; make that a code cell",
    ),
    "a misspelt name": (
        nt_xent(NT_XENT.replace("nt_xent", "nt_xnet")),
        12,
        MISSING + 'cell 2 defines "nt_xnet", a similar name.',
    ),
    "wrong indentation": (
        nt_xent(SPOILT),
        12,
        MISSING + 'cell 2 holds its definition, but it has an IndentationError in line 7: "unexpected indent"',
    ),
    "a stub beside it": (
        cells("def nt_xent(a, b, c):\n    raise NotImplementedError", IMPORTS, SPOILT, BARLOW_TWINS, EUCLIDEAN),
        12,
        "Not implemented yet; cell 3 holds its definition, but it has an IndentationError in line 7",
    ),
    "a library": (
        around("import lightly.loss"),
        FULL,
        '"lightly" is not there when your notebook is graded; there are numpy, torch, torchvision, ',
    ),
}
if sys.version_info < (3, 14):
    BROKEN["a newer Python"] = (
        around("try:\n    x = 1\nexcept KeyError, OSError:\n    x = 2"),
        FULL,
        "Cell 1: line 3 has an except of several exceptions without parentheses, which only Python 3.14 and newer accept",
    )


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_notebook_is_told_what_is_wrong(grader, tmp_path, name):
    build, points, told = BROKEN[name]
    (tmp_path / "handed in").mkdir()
    report = grader.grade(build(tmp_path / "handed in"))
    said = [*report.remarks, *(verdict.message for verdict in report.verdicts)]
    assert report.score == points, said
    assert any(text.startswith(told) or (told in text and told.startswith('"')) for text in said), said
