"""Names and claims of the submission: file names, metadata, kernels, cell ids, tests of one's own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from autograder.release.notebooks import notebook_bytes
from tests.corpus import small
from tests.corpus.hostile.attack import NOTHING, ONE, RIGHT_ONE, TWO, Attack
from tests.corpus.hostile.markup import texts_are_clean
from tests.corpus.hostile.pieces import WRONG

NAME = "simclr.ipynb"
POINTS = {"score": 20, "max_score": 20, "auto_score": 20, "manual_score": 20, "needs_manual_grade": False}


def written(folder: Path, content: dict) -> Path:
    """A submission of one notebook, as JSON."""
    made = folder / "submission"
    made.mkdir()
    (made / NAME).write_text(json.dumps(content))
    return made


def as_json(cells: tuple[str, ...]) -> dict:
    return json.loads(notebook_bytes(small.notebook(cells)))


def claims_nbgrader(folder: Path) -> Path:
    """Every cell says that it is a test with full marks, already graded, and has the output of a pass."""
    content = as_json((WRONG, "8.0", "# graded"))
    for number, cell in enumerate(content["cells"]):
        cell["metadata"] = {
            "nbgrader": {
                **{"grade": True, "solution": number == 0, "locked": True, "points": 20, "schema_version": 3},
                **{"grade_id": ("q1a", "q1b", "q1c")[number], "cell_type": "code", "checksum": "0" * 32, "task": False},
                **POINTS,
            },
            "tags": ["q1a", "passed"],
        }
        cell["outputs"] = [
            {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "20.0"}}
        ]
    content["metadata"]["celltoolbar"] = "Create Assignment"
    content["metadata"]["nbgrader"] = POINTS
    return written(folder, content)


def claims_otter(folder: Path) -> Path:
    """Tests of the student's own in the notebook's metadata, in cells and as files, which all pass."""
    test = {
        "name": "q1a",
        "points": 20,
        "ok_format": True,
        "hidden": False,
        "suites": [{"cases": [], "type": "doctest"}],
    }
    content = as_json((WRONG,))
    content["metadata"]["otter"] = {
        **{"OK_FORMAT": True, "assignment_name": "simclr", "require_no_pdf_confirmation": True, "export_pdf": False},
        "tests": {question: {**test, "name": question} for question in small.QUESTIONS},
    }
    content["cells"][0]["metadata"] = {"otter": {"tests": ["q1a", "q1b", "q1c"], "ignore": True}}
    made = written(folder, content)
    (made / "tests").mkdir()
    for question in small.QUESTIONS:
        text = f"OK_FORMAT = True\ntest = {json.dumps({**test, 'name': question})}".replace("true", "True")
        (made / "tests" / f"{question}.py").write_text(text.replace("false", "False"))
    (made / "otter_config.json").write_text(json.dumps({"points_possible": 20, "show_hidden": True}))
    (made / "results.json").write_text(json.dumps({"score": 20, "tests": []}))
    return made


def odd_kernel(folder: Path) -> Path:
    """A kernel that is a command, a language that is none, and widgets' state of another notebook."""
    content = as_json((WRONG,))
    content["metadata"] = {
        "kernelspec": {
            "name": "../../bin/sh",
            "display_name": "<script>",
            "language": "bash",
            "argv": ["/bin/sh", "-c", "id"],
        },
        "language_info": {"name": "bash", "file_extension": ".sh", "codemirror_mode": {"name": "<script>"}},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"x": "y" * 100_000}}},
    }
    return written(folder, content)


def skipped_tags(folder: Path) -> Path:
    """Tags that a grader might follow: skip every cell, expect an error, treat the cell as passed."""
    content = as_json((*RIGHT_ONE, small.BARLOW_TWINS))
    for cell in content["cells"]:
        cell["metadata"] = {"tags": ["raises-exception", "otter_ignore", "nbval-skip", "skip-execution", "passed"]}
    content["cells"][-1]["metadata"]["tags"].append("skip-grading")
    return written(folder, content)


def many_tagged(folder: Path) -> Path:
    """A skipped cell of 50,001 statements, all of which an answer needs: more than a request can list."""
    content = as_json((small.IMPORTS, small.NT_XENT.replace("n = ", "a\n    n = "), "a=1\n" * 50_001 + "print()"))
    content["cells"][-1]["metadata"]["tags"] = ["skip-grading"]
    return written(folder, content)


# Learning curves of no numbers, tiny, huge and very long ones, in sections that are there twice.
ODD = ("NaN", "Infinity", "1e999", "-0.0", "5e-324", "9.99e11", "true", "null", '"<b>"', "[]", "9" * 4000, "1" * 13)
ENTRIES = ",".join(f'{{"loss": {value}, "train_loss": {value}}}' for value in ODD * 40)
CURVES = f'{{"train": [{ENTRIES}], "train": [{ENTRIES}], "pretrain": {{"loss": 1}}, "finetune": [{ENTRIES}]}}'


def odd_structure(folder: Path) -> Path:
    """Cells of wrong types among right ones: numbers, lists, nested cells, doubled ids, sources that are objects."""
    content = as_json(RIGHT_ONE)
    content["cells"] += [
        *(5, None, [], "cell", {}, {"cell_type": "code"}, {"cell_type": "code", "source": {"a": 1}, "metadata": 5}),
        {"cell_type": ["code"], "source": 5, "id": "<script>alert(1)</script>", "metadata": {"tags": "skip-grading"}},
        {"cell_type": "code", "source": [1, ["x"], None], "metadata": {"tags": [{}, 5]}, "outputs": "none"},
        {"cell_type": "markdown", "source": "<script>alert(1)</script>", "attachments": {"../../x": {}}},
    ]
    content["nbformat"] = -1
    content["nbformat_minor"] = "1e999"
    return written(folder, content)


def odd_file_names(folder: Path) -> Path:
    """Files whose names are markup, codes, options, commands and no valid text, in a folder of such a name."""
    made = small.hand_in(folder / "<script>alert(1)<!-- \x1b[31m\u202e -rf", RIGHT_ONE)
    names = [
        b"<img src=x onerror=alert(1)>",
        b"\x1b[2J",
        b"a\nb",
        b"-rf",
        b"$(reboot)",
        b"\xff\xfe",
        b"..\\..\\x",
        b"%s%n{0}",
    ]
    for name in (*names, "\u202egpj.exe".encode(), b"x" * 255, "e\u0301".encode()):
        with open(os.path.join(os.fsencode(made), name), "wb") as file:
            file.write(b"x")
    for number in range(3):
        os.symlink("/etc/passwd", os.path.join(os.fsencode(made), b"<script>alert(%d)" % number))
    return made


def named(id: str, tries: str, must_not: str, build: Callable[[Path], Path], honest: float) -> Attack:
    """A case of an odd notebook or folder, whose texts are looked at as well."""
    return Attack(id, tries, must_not, honest=honest, build=build, check=texts_are_clean)


CLAIM = "A claim in the submission's file counts."
ATTACKS = (
    named(
        "claims-nbgrader", "Cells with nbgrader's metadata and outputs of a full mark.", CLAIM, claims_nbgrader, NOTHING
    ),
    named(
        "claims-otter",
        "Otter metadata, test files and a configuration of the student's own.",
        CLAIM,
        claims_otter,
        NOTHING,
    ),
    named("odd-kernel", "A kernel specification that starts a shell.", "A command is run.", odd_kernel, NOTHING),
    # Its two functions are correct, and a tag is no reason to leave one of them out.
    named("tags", "Tags by which cells are skipped or expected to fail.", CLAIM, skipped_tags, TWO),
    named(
        "many-tagged", "A skipped cell of 50,001 statements that answers need.", "The grader fails.", many_tagged, ONE
    ),
    named("odd-structure", "A notebook whose cells are of wrong types.", "The grader fails.", odd_structure, ONE),
    named(
        "odd-file-names", "File names of markup, codes, options and broken text.", "A name acts.", odd_file_names, ONE
    ),
    Attack(
        "odd-curves",
        "Learning curves of values that are no numbers, tiny, huge or very long.",
        "The report cannot be drawn.",
        RIGHT_ONE,
        honest=ONE,
        files={"metrics.json": CURVES.encode()},
        check=texts_are_clean,
    ),
)
