"""``kit data``: prepares data sets; the same as ``python -m data_scripts``, in the environment that the kit has."""

from __future__ import annotations

import argparse

EXAMPLE = "./kit data cifar10"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "./kit data [NAME ...] [--source PATH] [--out DIR] [--mirror URL] [--offline]"
    parser.description = "Prepare data sets. Every option: ./kit data cifar10 --help"


def run(arguments: argparse.Namespace) -> int:
    from data_scripts.command import main

    return main(arguments.handed_on, "./kit data")
