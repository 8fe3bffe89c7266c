"""Packs the public checks of an assignment into collapsed cells of the student notebook.

The cells carry the modules that a check runs (probes, counts, the judge) as texts under a package name of their own, and for
each question its tests as numbers. No code of a mistake, an oracle or a solution travels.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

import autograder
from autograder.assignment import read_assignment
from autograder.course import AssignmentFolder
from autograder.course_code import PACKAGE as COURSE
from autograder.desk.grader import at_desk
from autograder.desk.table import dumped
from autograder.engine.judge import KeyTest
from autograder.errors import KitError
from autograder.release.public import made_with, public_key

KIT = Path(autograder.__file__).parent
TRAVELS = ("probes", "counts")  # of a course
CELL_ID = "public-checks"
WIDTH = 2000  # of a line of the cell
_IMPORT = re.compile(rf"^([ \t]*(?:from|import)[ \t]+)(autograder|{COURSE})\b", re.MULTILINE)
LONGEST = 240_000  # characters of a cell: the grading reads no longer ones
HEAD = """# @title Checks, part {part} of {parts}: run this cell, you need not read it
# made from {made_from}
_kit = vars().get("_kit", {{}})
"""
START = """
import base64, lzma

exec(lzma.decompress(base64.b85decode(_kit["boot"])), vars(boot := type(lzma)("boot")))
grader = boot.start(_kit, globals(), {sums})"""
MADE_FROM = re.compile(r"# made from (\w+)$", re.MULTILINE)


def modules_of(folder: AssignmentFolder, tests: Iterable[KeyTest]) -> dict[str, str]:
    """The texts of all modules that the checks need, by their names.

    Raises:
        KitError: a probe or a count imports another module of the course.
    """
    addresses = {a for test in tests for a in (test.probe, test.count, *test.stand_ins.values()) if a}
    waiting = ["autograder.desk.grader", *sorted({address.rpartition(".")[0] for address in addresses})]
    found: dict[str, str] = {}
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        path = _file(folder, module)
        if path.stem not in TRAVELS and module.startswith(f"{COURSE}."):
            raise KitError(
                f"{path} may hold answers, and a probe or a count imports it; move what they share to probes.py"
            )
        found[module] = path.read_text(encoding="utf-8")
        waiting += [other for other in imported(module, found[module]) if _file(folder, other).is_file()]
    return dict(sorted(found.items()))


def packed_modules(texts: Mapping[str, str]) -> dict[str, str]:
    """The modules as they travel, by their names in the student's process, with the packages that they are in."""
    modules = {at_desk(module): at_desk_text(text) for module, text in texts.items()}
    packages = {name.rsplit(".", depth)[0] for name in modules for depth in range(1, name.count(".") + 1)}
    return {**dict.fromkeys(sorted(packages - modules.keys()), ""), **modules}


def _file(folder: AssignmentFolder, module: str) -> Path:
    """The file of a module of the kit or of the course. A package has none: nothing in it travels."""
    top, *parts = module.split(".")
    return (KIT if top == "autograder" else folder.course.solutions).joinpath(*parts).with_suffix(".py")


def imported(module: str, text: str) -> list[str]:
    """What a module may import of the kit and of the course: a name after ``import`` may be a module or not."""
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(module.split(".")[: -node.level]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            names += [source, *(f"{source}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.partition(".")[0] in ("autograder", COURSE) and "." in name]


def at_desk_text(text: str) -> str:
    """A module's code, without comments and docstrings, with the package names of the student's process."""
    tree = ast.parse(_IMPORT.sub(lambda found: found[1] + at_desk(f"{found[2]}.")[:-1], text))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def checks_cells(
    folder: AssignmentFolder, tests: Sequence[KeyTest], hand: Mapping[str, str], made_from: str
) -> list[NotebookNode]:
    """The cells that carry the public checks.

    Args:
        tests: the compiled tests of the questions that students answer.
        hand: the tests by hand of each question.
        made_from: a fingerprint of all that the tests were made from.
    """
    carried = {
        "modules": packed_modules(modules_of(folder, tests)),
        "homes": {name: test.question for test in reversed(tests) for name in test.names},
        "hand": dict(hand),
    }
    packed = {
        "code": lzma.compress(json.dumps(carried, ensure_ascii=False).encode(), preset=9),
        **{
            question: dumped([test for test in tests if test.question == question])
            for question in dict.fromkeys(test.question for test in tests)
        },
        "boot": lzma.compress((KIT / "desk" / "boot.py").read_bytes()),
    }
    strings = {name: base64.b85encode(content).decode() for name, content in packed.items()}
    parts = [""]
    for name, string in strings.items():
        text = f'_kit["{name}"] = (\n{_lines(string)}\n)\n'
        if len(parts[-1]) + len(text) > LONGEST and name != "boot":  # the last cell can begin, whatever is missing
            parts.append("")
        parts[-1] += text
    parts[-1] += START.format(sums={name: zlib.crc32(string.encode()) for name, string in strings.items()})
    return [
        new_code_cell(
            HEAD.format(part=part, parts=len(parts), made_from=made_from) + text,
            id=f"{CELL_ID}-{part}",
            metadata={"tags": ["skip-grading"], "jupyter": {"source_hidden": True}, "cellView": "form"},
        )
        for part, text in enumerate(parts, 1)
    ]


def public_cells(
    folder: AssignmentFolder, master: NotebookNode, say: Callable[[str], None] = lambda text: None
) -> list[NotebookNode]:
    """The cells for the student notebook of an assignment, of the questions that students answer.

    Raises:
        KitError: a question is broken.
    """
    asked = {question.id for question in read_assignment(folder.settings).questions}
    tests = [test for test in public_key(folder, say) if test.question in asked]
    hand = {question: text for question, text in master.metadata["otter"]["tests"].items() if question in asked}
    if not tests and not hand:
        return []
    made_from = json.dumps([modules_of(folder, tests), hand, sorted(asked), made_with(folder)])
    return checks_cells(folder, tests, hand, hashlib.sha256(made_from.encode()).hexdigest()[:16])


def _lines(text: str) -> str:
    return "\n".join(f'"{text[start : start + WIDTH]}"' for start in range(0, len(text), WIDTH))


def with_checks(notebook: NotebookNode, checks: Sequence[NotebookNode]) -> NotebookNode:
    """The student notebook with the cells of its checks, after the cell that makes ``grader`` or before the first check."""
    cells = list(notebook.cells)
    made = (place for place, cell in enumerate(cells, 1) if "grader = make_grader()" in cell.source)
    check = (place for place, cell in enumerate(cells) if cell.source.startswith("grader.check("))
    place = next(made, next(check, len(cells)))
    whole = NotebookNode(notebook, cells=[*cells[:place], *checks, *cells[place:]])
    nbformat.validate(whole)
    return whole


def same_but_numbers(one: NotebookNode, other: NotebookNode) -> bool:
    """Whether two student notebooks are the same, their checks being made from the same questions.

    Another machine rounds the results of the known mistakes otherwise.
    """
    return _without_numbers(one) == _without_numbers(other)


def _without_numbers(notebook: NotebookNode) -> list[object]:
    found = []
    for cell in notebook.cells:
        made_from = MADE_FROM.search(cell.source) if cell.get("id", "").startswith(CELL_ID) else None
        found.append((cell.cell_type, cell.metadata, made_from[1] if made_from else cell.source))
    return [notebook.metadata, *found]
