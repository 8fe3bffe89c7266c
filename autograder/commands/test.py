"""``./kit test``: the whole suite with pytest."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from autograder.places import ROOT

EXAMPLE = "./kit test -k nt_xent -x"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pytest", nargs=argparse.REMAINDER, metavar="…", help="arguments for pytest")


def run(arguments: argparse.Namespace) -> int:
    # One thread per process keeps results and times comparable between machines.
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "MPLBACKEND": "Agg"}
    return subprocess.run([sys.executable, "-m", "pytest", *arguments.pytest], cwd=ROOT, env=environment).returncode
