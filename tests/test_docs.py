"""Every command in the documents is run by a test, and a command that is new in a document must be entered here.

A command is a line of a ``bash`` block in README.md or docs/, without its comment. It stands in one of these tables:

``HERE``
    run below, as it is written, by bash, in a copy of the checkout with small data and a few submissions beside it;
``ELSEWHERE``
    run by another test, which is named with a piece of its text, so that it cannot lose the command in silence;
``SUITE``
    runs a part of this suite, which runs it anyway: the part must be there;
``NOT_HERE``
    needs what no test can have; says what.

A page whose commands follow each other is in ``PAGES``, run below from top to bottom in one shell, or in
``PAGES_ELSEWHERE``, with the test that does so.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import data_scripts
from autograder.release.notebooks import notebook_bytes
from data_scripts import DATASETS
from tests.checkout import ROOT

DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```(\w*) *\n(.*?)^``` *$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"""('[^']*'|"[^"]*")|(?:^|\s)#.*$""")  # what is quoted is kept


@dataclass(frozen=True)
class Run:
    """What a command must leave behind and say when it is run here, and which of these must be run before it.

    A command that serves others is run until it has said ``keeps_running``, and ended when all is done. A student's
    command is run in a ``folder`` of the student's.
    """

    leaves: tuple[str, ...] = ()
    says: str = ""
    after: tuple[str, ...] = ()
    keeps_running: str = ""
    folder: str = "."


BUILD = "./kit build simclr"
SCHEDULER = ".venv/bin/dask scheduler --host 127.0.0.1 --port 8786"
WORKER = ".venv/bin/dask worker tcp://127.0.0.1:8786 --nthreads 1"
HERE: dict[str, Run] = {
    "./kit demo": Run(leaves=("grades/demo-simclr/solution/report.html",), says="simclr-gradescope.zip"),
    BUILD: Run(leaves=("dist/simclr-gradescope.zip", "assignments/simclr/simclr.ipynb")),
    "./kit check simclr": Run(),
    "./kit grade simclr submissions/ --out grades --jobs 2": Run(leaves=("grades/class.html", "grades/grades.csv")),
    "./kit grade simclr submissions/ --out grades --roster roster.csv --leaderboard": Run(
        leaves=("grades/canvas.csv",)
    ),
    "./kit doctor": Run(says="sandbox: "),
    "./kit new regression": Run(leaves=("solutions/regression/assignment.toml",)),
    ".venv/bin/otter run -a dist/simclr-gradescope.zip alice.zip": Run(
        leaves=("results.json",), says="Total Score: 0.000 / 50.000", after=(BUILD,)
    ),
    "KIT_PROFILE=smoke jupyter execute simclr.ipynb": Run(
        leaves=("run/simclr_lin_best.pt", "run/simclr-submission.zip"), folder="homework"
    ),
    SCHEDULER: Run(keeps_running="Scheduler at"),
    WORKER: Run(keeps_running="Starting established connection", after=(SCHEDULER,)),
    "./kit grade simclr submissions/ --out grades --scheduler tcp://127.0.0.1:8786": Run(after=(WORKER,)),
}
ELSEWHERE: dict[str, tuple[str, str]] = {
    "./kit data cifar10": (
        "tests/data_scripts/test_command.py::test_success_is_one_line_and_status_0",
        '"cifar10"',
    ),
    "./kit data": (
        "tests/data_scripts/test_command.py::test_the_registry_says_what_there_is_and_what_is_here",
        "arguments",
    ),
    "./kit data cifar10 mnist": (
        "tests/data_scripts/test_command.py::test_several_names_are_prepared_and_an_error_of_one_is_told_after_the_others",
        '"cifar10", ',
    ),
    "./kit data cifar10 --source cifar-10-python.tar.gz": (
        "tests/data_scripts/test_cifar_batches.py::test_the_packed_archive_gives_the_same_as_its_folder",
        "given",
    ),
    "./kit data svhn --mirror http://files.example.edu/datasets": (
        "tests/data_scripts/test_prepare_all.py::test_a_mirror_is_asked_instead_of_the_hosts",
        "mirror",
    ),
    "./kit train simclr --profile smoke --run runs/try": (
        "tests/release/test_recipe.py::test_a_run_is_a_folder_and_ends_with_a_table",
        "whole_run",
    ),
    "./kit tolerances simclr": (
        "tests/questions/test_gaps.py::test_correct_variants_pass_with_room_and_mistakes_fail_with_room",
        "measure(",
    ),
    "python tests/as_ordinary_user.py tests/corpus": (
        "tests/sandbox/test_ordinary_user.py::test_an_ordinary_user_is_as_safe_and_as_fair",
        "as_ordinary_user.py",
    ),
}
SUITE = {
    "./kit test",
    "./kit test solutions/simclr/q1a_nt_xent",
    "./kit test tests/corpus tests/sandbox tests/fuzz",
    "KIT_FUZZ_SECONDS=600 ./kit test tests/fuzz",
}
NOT_HERE: dict[str, str] = {
    "pip install torch torchvision numpy matplotlib tqdm otter-grader jupyterlab": "the network",
    ".venv/bin/pip install -q -e '.[cluster]' -c autograder/constraints.txt": "the network",
    "jupyter lab simclr.ipynb": "a browser",
    "./kit train simclr --profile cpu": "hours",
    "./kit train simclr --profile gpu": "a GPU",
    'docker run --rm -it -v "$PWD":/kit -w /kit python:3.11 ./kit grade simclr submissions/*.zip --out grades': "Docker",
}
PAGES = ("nbgrader.md",)
PAGES_ELSEWHERE = {"writing.md": "tests/test_new.py"}


def blocks(text: str) -> str:
    """All that stands in the ``bash`` blocks of a document."""
    return "".join(code for language, code in BLOCK.findall(text) if language == "bash")


def commands(text: str) -> list[str]:
    """The commands of a document, each once, with single spaces and without comments."""
    lines = blocks(text).replace("\\\n", " ").splitlines()
    found = (" ".join(COMMENT.sub(r"\1", line).split()) for line in lines)
    return list(dict.fromkeys(line for line in found if line))


SINGLY = [path for path in DOCUMENTS if path.name not in (*PAGES, *PAGES_ELSEWHERE)]


def test_commands_are_told_from_comments_and_continued_lines():
    text = "```bash\n# all\n./kit  build   # it's so\n./kit grade a \\\n    ' #1' b\n```\n```python\nprint()\n```\n"
    assert commands(text) == ["./kit build", "./kit grade a ' #1' b"]


@pytest.mark.parametrize("document", SINGLY, ids=lambda path: path.name)
def test_every_command_of_a_document_is_in_one_table(document):
    for command in commands(document.read_text(encoding="utf-8")):
        tables = [name for name in ("HERE", "ELSEWHERE", "SUITE", "NOT_HERE") if command in globals()[name]]
        assert len(tables) == 1, f"{document.name}: {command!r} is in {tables or 'no table of this test'}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_command_hides_in_a_block_of_another_name(document):
    languages = {language for language, _ in BLOCK.findall(document.read_text(encoding="utf-8"))}
    assert not languages & {"sh", "shell", "console", "zsh", "shell-session"}, "name the block bash"


def test_no_table_keeps_what_no_document_has():
    found = {command for path in SINGLY for command in commands(path.read_text(encoding="utf-8"))}
    assert sorted({*HERE, *ELSEWHERE, *SUITE, *NOT_HERE} - found) == []
    assert {*PAGES, *PAGES_ELSEWHERE} <= {path.name for path in DOCUMENTS}


@pytest.mark.parametrize("command", sorted(ELSEWHERE))
def test_the_test_that_runs_it_is_there(command):
    test, piece = ELSEWHERE[command]
    file, _, name = test.partition("::")
    source = (ROOT / file).read_text(encoding="utf-8")
    functions = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    assert name.partition("[")[0] in functions and piece in source


@pytest.mark.parametrize("page", sorted(PAGES_ELSEWHERE))
def test_the_test_that_runs_the_page_reads_it(page):
    assert page in (ROOT / PAGES_ELSEWHERE[page]).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", sorted(SUITE))
def test_the_part_of_the_suite_is_there(command):
    for word in shlex.split(command):
        assert not word.startswith(("tests/", "solutions/")) or list((ROOT / word).rglob("test_*.py")), word


class Checkout:
    """Runs commands in a copy of the checkout, each once; ``close`` ends those that keep running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[str, str] = {}
        self.running: list[subprocess.Popen] = []
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KIT_", "PYTHON", "PYTEST"))}
        places = {"HOME": folder.parent, "KIT_DATA": folder / "data", "PYTHONPATH": folder}
        path = f"{sys.prefix}/bin:{os.environ['PATH']}"
        self.environment = {**kept, "PATH": path, **{name: str(place) for name, place in places.items()}}

    def run(self, command: str) -> str:
        """What ``command`` says. Those that must come before it are run first."""
        if command not in self.said:
            for earlier in HERE[command].after:
                self.run(earlier)
            serves = HERE[command].keeps_running
            self.said[command] = self.started(command) if serves else self.script(command, HERE[command].folder)
        return self.said[command]

    def script(self, text: str, folder: str = ".") -> str:
        """What bash says, which must succeed."""
        done = subprocess.run(
            ["bash", "-c", text], cwd=self.folder / folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def started(self, command: str) -> str:
        """What a command has said until it serves."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command} 2>&1"], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
        self.running.append(process)
        said = ""
        for line in process.stdout:
            said += line
            if HERE[command].keeps_running in line:
                return said
        raise AssertionError(said)

    def close(self) -> None:
        for process in reversed(self.running):
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate()


@pytest.fixture(scope="module")
def checkout(bundle, master, student, tmp_path_factory):
    """The copy: its launcher installs nothing; small data; a finished notebook, blank ones and a class of two.

    The answer key is compiled already: ``bundle`` does so with the code that ``kit build`` runs.
    """
    folder = tmp_path_factory.mktemp("docs") / "checkout"
    kept_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "data", "dist", "grades", "runs")
    shutil.copytree(ROOT, folder, ignore=kept_out)
    (folder / "kit").write_text('#!/bin/sh\nexec python -m autograder "$@"\n')
    (folder / ".venv").symlink_to(sys.prefix)
    shutil.copytree(bundle, folder / "dist" / bundle.name)
    # The optional package that autograder.engine does without, too: nbgrader would take 5 s to import it, each time.
    (folder / "rfc3987_syntax.py").write_text("raise ImportError")
    for name in ("cifar10", "mnist"):
        data_scripts.prepare_generated(folder / "data", 200, 100, progress=False, dataset=DATASETS[name])
    (folder / "homework").mkdir()
    (folder / "homework" / "simclr.ipynb").write_bytes(notebook_bytes(master))
    for student_name in ("alice", "bob"):
        (folder / "submissions" / student_name).mkdir(parents=True)
        (folder / "submissions" / student_name / "simclr.ipynb").write_bytes(notebook_bytes(student))
    shutil.make_archive(str(folder / "alice"), "zip", folder / "submissions" / "alice")
    (folder / "roster.csv").write_text("id,name,email\nalice,Alice,alice@example.edu\nbob,Bob,bob@example.edu\n")
    checkout = Checkout(folder)
    yield checkout
    checkout.close()


@pytest.mark.parametrize("command", HERE)
def test_it_works_as_it_is_written(checkout, command):
    said = checkout.run(command)
    assert HERE[command].says in said
    for file in HERE[command].leaves:
        assert (checkout.folder / HERE[command].folder / file).is_file(), file


@pytest.mark.parametrize("page", PAGES)
def test_the_page_works_from_top_to_bottom(checkout, page):
    checkout.script("set -e\n" + blocks((ROOT / "docs" / page).read_text(encoding="utf-8")))
