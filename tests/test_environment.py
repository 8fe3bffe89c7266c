"""Launcher, conda environment and lock speak of the same packages as pyproject.toml."""

import re
import subprocess
import sys
import time
import tomllib

import yaml

from autograder.release.gradescope import REQUIREMENTS, requirements
from tests.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(
    line.split("==")
    for line in (ROOT / "autograder/constraints.txt").read_text().split()
    if "==" in line and line[0].isalnum()
)


def test_every_dependency_is_pinned():
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    assert [line for line in wanted if re.match(r"[\w-]+", line)[0].lower() not in PINS] == []


def test_conda_environment_installs_the_project_under_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, _, pip = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == {"pip": ["--constraint autograder/constraints.txt", "--editable ."]}


def test_gradescope_requirements_are_lines_of_the_project():
    assert {re.match(r"[\w-]+", line)[0] for line in requirements()} == set(REQUIREMENTS)


def test_launcher_starts_in_under_two_seconds_once_installed():
    subprocess.run([ROOT / "kit", "--help"], check=True, capture_output=True)
    start = time.monotonic()
    done = subprocess.run([ROOT / "kit", "--help"], check=True, capture_output=True, text=True)
    assert time.monotonic() - start < 2
    assert "demo" in done.stdout


def test_every_command_has_help_with_an_example():
    from autograder.cli import COMMANDS

    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "autograder", command, "--help"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0 and "example: " in done.stdout, command


def test_an_expected_failure_is_one_line_without_traceback():
    command = [sys.executable, "-m", "autograder", "build", "nothing"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"kit: {ROOT} has no assignment 'nothing'; its assignments are: ddpm, simclr\n")
    assert done.stderr.count("\n") == 1
    done = subprocess.run([*command, "--debug"], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" in done.stderr
