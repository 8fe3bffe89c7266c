"""Files beside the notebook: there where the assignment allows them, and never taken for a library."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import pytest

from tests.corpus.small import FULL, HONEST, IMPORTS, hand_in

FILES = {
    "losses.py": "\n".join(HONEST).encode(),
    "data/config.json": b'{"tau": 0.5}',
    "notes.csv": b"1,2\n",
}
LOSSES = "from losses import *"
PLANTED = b"planted = True\nraise SystemExit('a file of the submission was taken for a library')\n"
# Of the standard library and of packages, loaded early, late, by others or never; as files and as folders.
LIBRARIES = (
    *("torch", "json", "numpy", "numpy/__init__", "sitecustomize", "usercustomize", "conftest", "colorsys", "sqlite3"),
    *("os", "re", "random", "types", "typing", "socket", "copy", "matplotlib/__init__", "matplotlib/pyplot"),
    *("torchvision", "safetensors/__init__", "autograder/__init__", "autograder/protocol", "encodings/__init__"),
    *("encodings/utf_7", "wave", "tests/__init__", "torch/nn/functional", "xml/dom/minidom", "PIL/Image", "tqdm/auto"),
)
IMPORTS_LATE = """
import sys, os
import colorsys, sqlite3, json, random, types, wave, torchvision, xml.dom.minidom
import torch.nn.functional, matplotlib.pyplot, PIL.Image, tqdm.auto, numpy as np
from importlib import import_module
"x".encode("utf_7")
here = os.path.realpath(os.getcwd())
for module in list(sys.modules.values()):
    assert "planted" not in vars(module), module
    assert not str(getattr(module, "__file__", None)).startswith(here), module
"""


@pytest.fixture
def graded(grader, tmp_path):
    """Grades with these patterns: ``graded(patterns, cells, files)`` gives the report."""

    def grade(patterns, cells, files=FILES):
        allowing = copy(grader)
        allowing.assignment = replace(grader.assignment, files=tuple(patterns))
        return allowing.grade(hand_in(tmp_path / "handed-in", cells, files))

    return grade


@pytest.mark.parametrize("patterns", [["*"], ["*.py"], ["losses.py"], ["data/*", "loss*"]], ids=str)
def test_files_that_are_allowed_are_there(graded, patterns):
    report = graded(patterns, [LOSSES])
    assert (report.score, report.remarks) == (FULL, [])


@pytest.mark.parametrize("patterns", [[], ["*.json"], ["data/*"], ["Losses.py"]], ids=str)
def test_files_that_are_not_allowed_are_not(graded, patterns):
    report = graded(patterns, ["import os\nassert 'losses.py' not in os.listdir()", LOSSES])
    (remark,) = report.remarks
    assert report.score == 0 and remark.startswith(
        "Cell 2: it raised ModuleNotFoundError: \"No module named 'losses'\""
    )


STUBS = [
    f'def {name}(a, b, c):\n    """What it does."""\n    raise NotImplementedError("q1: write it")'
    for name in ("nt_xent", "barlow_twins", "nt_xent_euclidean")
]
METHODS = """
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        raise NotImplementedError("q2")

    def forward(self, x):
        raise NotImplementedError
"""


@pytest.mark.parametrize(
    ("cells", "files", "told"),
    [
        (
            STUBS,
            ["metrics.json"],
            "3 stubs are untouched, although metrics.json is there: was the notebook saved before",
        ),
        ([*STUBS, IMPORTS + METHODS], ["run/metrics.json"], "5 stubs are untouched, although metrics.json is there"),
        ([HONEST[0], *STUBS[1:], HONEST[1]], ["metrics.json"], ""),  # two may be left out
        (STUBS, ["config.json"], ""),
        (STUBS, [], ""),
        (HONEST, ["metrics.json"], ""),
        ([f"{stub}\n    return a" for stub in STUBS], ["metrics.json"], ""),
        (
            [stub.replace("raise", "a = a\n    raise") for stub in STUBS],
            ["metrics.json"],
            "3 stubs",
        ),  # with a given line
        ([stub.replace("raise", "return a\n    raise") for stub in STUBS], ["metrics.json"], ""),
    ],
)
def test_an_untouched_notebook_beside_a_training_run_is_asked_about(graded, cells, files, told):
    remarks = graded(["*"], cells, dict.fromkeys(files, b"{}")).remarks
    asked = [remark for remark in remarks if "untouched" in remark]
    assert len(asked) == bool(told) and all(remark.startswith(told) for remark in asked)


def test_only_what_is_allowed_is_listed(graded):
    walk = (
        "import os\nfound = sorted(name for _, _, names in os.walk('.') for name in names)\nassert found == {}, found"
    )
    assert graded(["*.json", "*.csv"], [walk.format(["config.json", "notes.csv"]), *HONEST]).remarks == []


def test_a_file_never_shadows_a_library(graded):
    planted = {f"{name}.py": PLANTED for name in LIBRARIES}
    report = graded(["*"], [IMPORTS_LATE, *HONEST, IMPORTS_LATE], planted)
    assert (report.score, report.remarks, report.notes) == (FULL, [], [])


def test_a_notebook_that_puts_its_own_folder_first_harms_itself_alone(graded):
    """That is the student's own wish, in the student's own process: the grader's is not touched."""
    planted = {f"{name}.py": PLANTED for name in LIBRARIES}
    report = graded(["*"], ["import sys\nsys.path.insert(0, '.')\nimport wave", *HONEST], planted)
    assert report.score == FULL and "taken for a library" in report.remarks[0] and not report.notes
