"""``kit build``: everything that is made from a master."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autograder.course import find_course

EXAMPLE = "./kit build simclr --data data"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    parser.add_argument("--data", type=Path, help="folder with the prepared data set (default: the usual places)")
    parser.add_argument(
        "--execute",
        metavar="PROFILE",
        help="run the solution notebook again with this profile (default: keep its outputs while its code is unchanged)",
    )
    parser.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        help="with --execute: keep the checkpoints in DIR and continue from those in it (default: start from the beginning)",
    )


def run(arguments: argparse.Namespace) -> int:
    from autograder.assignment import read_assignment

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    course = find_course(arguments.course)
    folders = [course.assignment(name) for name in arguments.names or course.names()]
    for folder in folders:
        read_assignment(folder.settings)  # reports a wrong entry at once

    from autograder.release.everything import build

    if arguments.run:
        arguments.run.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for made in build(folder, arguments.data, arguments.execute, say=say, run=arguments.run):
            print(made)
    return 0
