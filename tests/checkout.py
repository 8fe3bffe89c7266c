"""A small copy of the checkout, with no assignment in it: tests make theirs there and leave this one as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from autograder.places import ROOT

FOLDERS = ("autograder", "data_scripts")
FILES = ("pyproject.toml", "constraints.txt", "tests/conftest.py")


def copy_checkout(folder: Path) -> Path:
    """The kit without its assignments, in a new folder."""
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "references", "simclr", "ddpm")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def kit(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """What ``./kit ARGUMENTS`` does in that copy, with this Python."""
    return python(folder, "-m", "autograder", *arguments)


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run this Python in that copy, whose packages hide those of this checkout."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "COLUMNS": "140"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
