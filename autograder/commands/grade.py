"""``./kit grade``: grade submissions on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autograder.errors import KitError
from autograder.sandbox import preload

EXAMPLE = "./kit grade simclr submissions/alice.zip submissions/bob --out grades"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the assignment, e.g. simclr")
    parser.add_argument("submissions", nargs="+", type=Path, metavar="SUBMISSION", help="a folder, a zip or an .ipynb")
    parser.add_argument(
        "--out", type=Path, default=Path("grades"), metavar="DIR", help="where results go (default: grades)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with the prepared data set (default: the usual places)"
    )
    parser.add_argument(
        "--unsafe",
        action="store_true",
        help="grade although nothing on this machine keeps student code from your files and processes",
    )


def run(arguments: argparse.Namespace) -> int:
    preload.start_over(arguments.command_line)

    from rich.console import Console

    from autograder.assignment import read_assignment
    from autograder.build.bundle import build_bundle
    from autograder.commands.grading import grade_into
    from autograder.datasets import find_data
    from autograder.engine.grade import Grader

    bundle = build_bundle(arguments.name, say=lambda text: print(f"kit: {text}", file=sys.stderr))
    data = find_data(read_assignment(bundle / "assignment.toml").dataset, arguments.data)
    console, failed = Console(), False
    with Grader(bundle, data, arguments.unsafe) as grader:
        for source, out in zip(arguments.submissions, result_folders(arguments.submissions, arguments.out)):
            try:
                grade_into(out, grader, source, console)
            except (KitError, OSError) as error:
                print(f"kit: {source}: no grade was produced: {error}", file=sys.stderr)
                failed = True
                continue
            console.print(f"  {out / 'results.json'}\n  {out / 'report.html'}\n", highlight=False, soft_wrap=True)
    return 2 if failed else 0


def result_folders(submissions: list[Path], out: Path) -> list[Path]:
    """A folder for each submission, named after it; equal names are told apart by a number."""
    taken: set[str] = set()
    folders = []
    for source in submissions:
        stem = source.resolve().stem if source.suffix in (".zip", ".ipynb") else source.resolve().name
        name = next(n for k in range(1, len(submissions) + 2) if (n := stem if k == 1 else f"{stem}-{k}") not in taken)
        taken.add(name)
        folders.append(out / name)
    return folders
