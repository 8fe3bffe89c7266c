"""Launcher, conda environment and lock speak of the same packages as pyproject.toml."""

import re
import subprocess
import sys
import time
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
import yaml

from autograder.release.gradescope import REQUIREMENTS, requirements
from tests.checkout import ROOT, kit

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


@pytest.fixture
def launcher(tmp_path, monkeypatch):
    """The launcher as a module whose checkout is an empty folder."""
    spec = spec_from_loader("launcher", SourceFileLoader("launcher", str(ROOT / "kit")))
    module = module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return module


def test_a_python_without_venv_is_told_the_package_and_leaves_nothing_half(launcher, tmp_path, monkeypatch):
    python = tmp_path / "python3"  # does what Debian's does where python3-venv is not installed
    python.write_text(
        "#!/bin/sh\nmkdir -p $4/bin && touch $4/bin/python\n"
        "echo 'The virtual environment was not created successfully because ensurepip is not available.'\nexit 1\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(SystemExit) as ended:
        launcher.make_environment()
    assert f"apt install python3.{sys.version_info.minor}-venv" in str(ended.value)
    assert "Traceback" not in str(ended.value) and not launcher.VENV.exists()


def test_a_half_made_environment_is_made_anew_and_a_whole_one_kept(launcher):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", launcher.VENV], check=True)  # as Ctrl-C leaves it
    (launcher.VENV / "leftover").touch()
    launcher.make_environment()
    assert not (launcher.VENV / "leftover").exists()
    subprocess.run([launcher.PYTHON, "-m", "pip", "--version"], check=True, capture_output=True)
    (launcher.VENV / "kept").touch()
    launcher.make_environment()
    assert (launcher.VENV / "kept").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "nosuch"), "has no assignment 'nosuch'"),
        (("build", "nosuch"), "has no assignment 'nosuch'"),
        (("train", "nosuch", "--profile", "cpu"), "has no assignment 'nosuch'"),
        (("draw", "simclr", "q99"), "simclr has no question 'q99'"),
        (("tolerances", "nosuch"), "has no assignment 'nosuch'"),
        (("score", "nosuch", "x"), "has no assignment 'nosuch'"),
        (("demo", "nosuch"), "has no assignment 'nosuch'"),
        (("new", "simclr"), "exists already"),
        (("check", "simclr", "--data", "nosuch"), "nosuch: no such file or folder"),
        (("data", "nosuch"), "'nosuch' is not known"),
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_told_before_torch_is_imported(arguments, said):
    command = [sys.executable, "-X", "importtime", "-m", "autograder", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and said in done.stderr
    assert not re.search(r"\| +torch$", done.stderr, re.MULTILINE)


def test_arguments_go_to_pytest_and_to_the_data_scripts_as_they_are(tmp_path):
    done = kit(ROOT, "test", "-k", "test_every_dependency", "-x", "-q", "-n", "0", "tests/test_environment.py")
    assert done.returncode == 0 and "1 passed" in done.stdout
    done = kit(ROOT, "data", "generated", "--out", str(tmp_path), "--train", "20", "--test", "10")
    assert done.returncode == 0 and "20 train, 10 test images" in done.stdout
    assert "usage: ./kit data [-h]" in kit(ROOT, "data", "cifar10", "--help").stdout


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
    assert done.stderr.startswith(
        f"kit: {ROOT} has no assignment 'nothing'; its assignments are: contrastive, ddpm, simclr, simsiam, softmax, vae\n"
    )
    assert done.stderr.count("\n") == 1
    done = subprocess.run([*command, "--debug"], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" in done.stderr
