"""Gradescope's setup.sh on machines with other Pythons: which package it installs, and which Python it takes.

A machine is a folder of commands, the only one on PATH. Its ``apt-get`` and its Pythons are stand-ins: a Python there
runs the script's code in the Python of the test, with a version of its own and with or without ``ensurepip``.
"""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.release.gradescope import FILES

# Run as: python -c RUN 3.13 yes -c CODE
RUN = """
import sys, types
version, whole, _, code = sys.argv[1:]
sys.version_info = (*map(int, version.split(".")), 0, "final", 0)
sys.modules["ensurepip"] = types.ModuleType("ensurepip") if whole == "yes" else None
exec(code)
"""
PYTHON = """#!/bin/sh
if [ "$1" = -c ]; then exec {python} -I -c {run} {version} {whole} "$@"; fi
echo "{name} $*" >> {log}
[ {whole} = yes ] || exit 1
mkdir -p "$3/bin"
printf '#!/bin/sh\n' > "$3/bin/python"
chmod +x "$3/bin/python"
"""
APT_GET = """#!/bin/sh
[ "$1" = install ] || exit 0
for package; do :; done
echo "install $package" >> {log}
cp {archive}/"$package"/* {commands}
"""


class Machine:
    """A folder of commands, and an ``archive`` that holds a folder of commands for each package."""

    def __init__(self, folder: Path):
        self.folder, self.log = folder, folder / "log"
        self.commands, self.archive = folder / "commands", folder / "archive"
        for made in (self.commands, self.archive, folder / "autograder" / "source"):
            made.mkdir(parents=True)
        for command in ("bash", "cat", "chmod", "cp", "dirname", "grep", "mkdir"):
            (self.commands / command).symlink_to(shutil.which(command))
        for name in ("constraints.txt", "requirements.txt"):
            (folder / "autograder" / "source" / name).write_text("torch==2.14.1\n")
        shutil.copy(FILES / "setup.sh", folder / "autograder" / "source")
        self.log.touch()

    def write(self, path: Path, text: str, **values: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(log=self.log, **values))
        path.chmod(0o755)

    def add_python(self, name: str, version: str, *, whole: bool, folder: Path | None = None) -> None:
        """Add a Python to ``folder`` (by default the commands); a ``whole`` one has ensurepip."""
        python, run = shlex.quote(sys.executable), shlex.quote(RUN)
        values = {"python": python, "run": run, "name": name, "version": version, "whole": "yes" if whole else "no"}
        self.write((folder or self.commands) / name, PYTHON, **values)

    def add_apt_get(self, packages: dict[str, tuple[str, str]]) -> None:
        """Add ``apt-get``, which has ``packages``: each one's (name of the Python, version)."""
        self.write(self.commands / "apt-get", APT_GET, archive=self.archive, commands=self.commands)
        for package, (name, version) in packages.items():
            self.add_python(name, version, whole=True, folder=self.archive / package)

    def run(self) -> tuple[subprocess.CompletedProcess, list[str]]:
        """Run setup.sh; returns how it ended, and what was installed and called."""
        script = self.folder / "autograder" / "source" / "setup.sh"
        command, environment = [self.commands / "bash", script], {"PATH": str(self.commands)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        return done, self.log.read_text().replace(str(self.folder), "").splitlines()


UBUNTU_22 = {"python3-venv": ("python3", "3.10"), "python3.11-venv": ("python3.11", "3.11")}
DEBIAN_12 = {"python3-venv": ("python3", "3.11"), "python3.11-venv": ("python3.11", "3.11")}
UBUNTU_24 = {"python3-venv": ("python3", "3.12"), "python3.12-venv": ("python3.12", "3.12")}
DEBIAN_13 = {"python3-venv": ("python3", "3.13"), "python3.13-venv": ("python3.13", "3.13")}
LATER = {"python3-venv": ("python3", "3.15"), "python3.15-venv": ("python3", "3.15")}


@pytest.mark.parametrize(
    ("names", "version", "packages"),
    [
        pytest.param(["python3.13", "python3"], "3.13", DEBIAN_13, id="Debian 13"),
        pytest.param(["python3.12", "python3"], "3.12", UBUNTU_24, id="Ubuntu 24.04"),
        pytest.param(["python3"], "3.15", LATER, id="a later release"),
    ],
)
def test_a_python_without_ensurepip_gets_its_own_package(tmp_path, names, version, packages):
    machine = Machine(tmp_path)
    machine.add_apt_get(packages)
    for name in names:
        machine.add_python(name, version, whole=False)
    done, calls = machine.run()
    assert done.returncode == 0, done.stderr
    assert calls == [f"install python{version}-venv", f"{names[0]} -m venv /autograder/venv"]


@pytest.mark.parametrize("name", ["python3.13", "python3.12", "python3.11", "python3"])
def test_a_whole_python_is_taken_as_it_is(tmp_path, name):
    """The script also prefers it to a newer one without ensurepip."""
    machine = Machine(tmp_path)
    machine.add_apt_get(DEBIAN_13)
    machine.add_python("python3.13", "3.13", whole=False)
    machine.add_python(name, "3.12", whole=True)
    done, calls = machine.run()
    assert done.returncode == 0, done.stderr
    assert calls == [f"{name} -m venv /autograder/venv"]


@pytest.mark.parametrize(
    ("packages", "taken"),
    [
        pytest.param(UBUNTU_22, "python3.11", id="Ubuntu 22.04"),
        pytest.param(DEBIAN_12, "python3.11", id="Debian 12"),
        pytest.param(UBUNTU_24, "python3.12", id="Ubuntu 24.04"),
        pytest.param(DEBIAN_13, "python3.13", id="Debian 13"),
        pytest.param(LATER, "python3", id="a later release"),
    ],
)
@pytest.mark.parametrize("old", [True, False], ids=["Python 3.10", "no Python"])
def test_without_a_new_enough_python_one_is_installed(tmp_path, packages, taken, old):
    machine = Machine(tmp_path)
    machine.add_apt_get(packages)
    if old:
        machine.add_python("python3", "3.10", whole=True)
    done, calls = machine.run()
    assert done.returncode == 0, done.stderr
    assert calls[-1] == f"{taken} -m venv /autograder/venv"
    assert "install python3.10-venv" not in calls


@pytest.mark.parametrize("apt_get", [True, False], ids=["empty archive", "no apt-get"])
def test_where_none_can_be_had_the_last_line_says_what_to_do(tmp_path, apt_get):
    machine = Machine(tmp_path)
    if apt_get:
        machine.add_apt_get({})
    machine.add_python("python3.13", "3.13", whole=False)
    done, calls = machine.run()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("setup.sh: no Python 3.11 or newer")
    assert [call for call in calls if "-m venv" in call] == []
