"""``kit train``: the solution's training with a profile; it continues where it was stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "./kit train simclr --profile gpu --run runs/simclr-gpu"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the assignment")
    parser.add_argument("--profile", required=True, help="a column of the notebook's table: smoke, demo, cpu, gpu")
    parser.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        help="the run folder; training continues from the checkpoints in it (default: runs/NAME-PROFILE)",
    )
    parser.add_argument("--data", type=Path, help="folder with the prepared data set (default: the usual places)")


def run(arguments: argparse.Namespace) -> int:
    from autograder.course import find_course

    folder = arguments.run or Path("runs") / f"{arguments.name}-{arguments.profile}"
    assignment = find_course(arguments.course).assignment(arguments.name)

    from autograder.release.train import train

    train(assignment, arguments.profile, folder, arguments.data)
    print(f"run folder: {folder}")
    return 0
