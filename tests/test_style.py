"""One style for the whole tree, by ruff (rules in pyproject.toml)."""

import subprocess
import sys

import pytest

from tests.checkout import ROOT


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "autograder", "data_scripts", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]
