"""``kit doctor``: what this machine has, and what is missing."""

from __future__ import annotations

import argparse
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.course import Course

EXAMPLE = "./kit doctor --data data"
PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "otter-grader",
    "nbgrader",
    "jupyterlab",
    "notebook",
    "jupytext",
    "safetensors",
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with the prepared data set (default: the usual places)"
    )


def run(arguments: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    failure = canary_failure()
    canary = ("sandbox: canary", failure or "alive: an honest function earned its point in a session with these layers")
    for topic, text in [*findings(arguments.data, course_here(arguments.course)), canary]:
        table.add_row(Text(topic), Text(text))
    Console().print(table)
    return 1 if failure else 0


def canary_failure() -> str | None:
    """Why no submission can be graded on this machine; None if an honest function earns its point here."""
    from autograder.engine.session import Sandbox
    from autograder.errors import KitError

    try:
        with Sandbox():
            return None
    except KitError as error:
        return str(error)


def course_here(given: Path | None) -> Course | None:
    """The course, if there is one; a machine can be examined without."""
    from autograder.course import find_course
    from autograder.errors import KitError

    try:
        return find_course(given)
    except KitError:
        if given:
            raise
        return None


def findings(data: Path | None, course: Course | None) -> list[tuple[str, str]]:
    """(topic, what was found), the most useful first."""
    import psutil

    from autograder.sandbox import layers

    memory, disk = psutil.virtual_memory(), shutil.disk_usage(Path.cwd())
    rows = [
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.release()}, {platform.machine()}"),
        *((name, _version(name)) for name in PACKAGES),
        ("processors", str(psutil.cpu_count())),
        ("memory", f"{memory.available / 2**30:.1f} GB free of {memory.total / 2**30:.1f} GB"),
        ("disk", f"{disk.free / 2**30:.0f} GB free of {disk.total / 2**30:.0f} GB here"),
        *_data_sets(data, course),
    ]
    return rows + [
        (
            f"sandbox: {layer.name}",
            f"active: {layer.remark or layer.promise}" if layer.active else f"not active: {layer.why_not}",
        )
        for layer in layers.status()
    ]


def _data_sets(given: Path | None, course: Course | None) -> list[tuple[str, str]]:
    """A row for each data set that is prepared, damaged or needed; one row for all others."""
    from autograder.assignment import read_assignment
    from autograder.datasets import describe, find_prepared
    from autograder.errors import KitError
    from data_scripts import DATASETS

    names = course.names() if course else ()
    needed = {read_assignment(course.assignment(name).settings).dataset for name in names}
    rows, others = [], []
    for name in DATASETS:
        try:
            found = find_prepared(name, given, course)
        except KitError as error:
            rows.append((name, str(error)))
            continue
        if found is not None or name in needed:
            rows.append((name, describe(found, name, course)))
        else:
            others.append(name)
    return rows + [("other data sets", f"{', '.join(others)}: not prepared, and no assignment needs them")] * bool(
        others
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed; run ./kit again, or: pip install -e ."
