"""``./kit build``: everything that is derived from a master."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autograder.places import assignment_folder, assignment_names

EXAMPLE = "./kit build simclr --data data"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    parser.add_argument("--data", type=Path, help="folder with the prepared data set (default: the usual places)")
    parser.add_argument(
        "--execute",
        metavar="PROFILE",
        help="run the solution notebook anew under this profile (default: keep its outputs while its code is unchanged)",
    )


def run(arguments: argparse.Namespace) -> int:
    from autograder.build.everything import build

    for name in arguments.names or assignment_names():
        assignment_folder(name)
        for made in build(name, arguments.data, arguments.execute, say=lambda text: print(text, file=sys.stderr)):
            print(made)
    return 0
