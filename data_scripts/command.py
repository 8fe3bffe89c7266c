"""The command line: one subcommand per data set of the catalogue, and ``generated``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data_scripts.catalogue import DATASETS
from data_scripts.errors import DataError
from data_scripts.preparation import prepare, prepare_generated
from data_scripts.prepared import Prepared


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0 done, 2 an error told in one sentence, 130 interrupted by Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        prepared = _run(options)
    except DataError as error:
        if options.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if options.debug:
            raise
        print("interrupted; run the same command again to continue", file=sys.stderr)
        return 130
    counts = ", ".join(f"{count:,} {split}" for split, count in prepared.counts.items())
    print(f"{prepared.folder}: {prepared.source} ({counts} images)")
    return 0


def _run(options: argparse.Namespace) -> Prepared:
    if options.dataset == "generated":
        return prepare_generated(options.out, options.train, options.test, dataset=DATASETS[options.like])
    return prepare(options.source, options.out, dataset=DATASETS[options.dataset])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m data_scripts", description="Prepare a data set for the notebooks.")
    commands = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    debug = argparse.ArgumentParser(add_help=False)
    debug.add_argument("--debug", action="store_true", help="show the traceback of an error")
    for name, dataset in DATASETS.items():
        command = commands.add_parser(name, parents=[debug], help=f"prepare {dataset.title}")
        command.add_argument("--source", type=Path, help=f"{dataset.layout} (default: download)")
        command.add_argument("--out", type=Path, default=Path("data"), help="folder to prepare it in (default: data)")
    command = commands.add_parser("generated", parents=[debug], help="make generated images in a data set's format")
    command.add_argument("--out", type=Path, required=True, help="folder to make them in")
    command.add_argument("--train", type=_positive, required=True, help="number of training images")
    command.add_argument("--test", type=_positive, required=True, help="number of test images")
    command.add_argument("--like", choices=DATASETS, default="cifar10", help="whose format (default: cifar10)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
