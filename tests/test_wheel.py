"""The wheel, installed into an empty environment, makes a course in an empty directory: no checkout is anywhere near.

The environment has the wheel and nothing else; what the wheel requires is found in this one's packages, beside which its
own editable installation does not count (a ``.pth`` file inside a folder that a ``.pth`` file names is not read).
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig

import nbformat
import pytest

from autograder.release.execute import execute
from tests.checkout import ROOT
from tests.gradescope_layout import lay_out, run

# An assignment of a library's name must hide nothing, in its own folder least of all; one that is called as files with
# answers are is no answer.
NAMES = ("softmax_demo", "torch", "question")
ONE_MISTAKE = """
def softmax_loss(W, x, y):
    log_p = torch.log_softmax(x @ W, dim=1)
    target = torch.nn.functional.one_hot(y, W.shape[1])
    return -(log_p * target).sum(dim=1).mean(), x.T @ (log_p.exp() - target)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment that holds the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"  # pip leaves a folder build beside the sources
    for name in ("autograder", "data_scripts"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    subprocess.run([*pip, "wheel", tree, "--no-deps", "--no-build-isolation", "-w", folder], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    packages = next((folder / "venv").glob("lib/python*/site-packages"))
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "--python", folder / "venv/bin/python", "install", "--no-deps", wheel], check=True)
    return folder / "venv"


def run_there(environment, folder, *command):
    """Run a program of the environment in a folder, without a trace of this checkout; it must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KIT_", "PYTHON"))}
    programs = f"{environment / 'bin'}:{sys.prefix}/bin:{kept['PATH']}"  # nbgrader calls alembic by its name
    done = subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=folder,
        env={**kept, "PATH": programs, "OMP_NUM_THREADS": "1", "COLUMNS": "140"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


def content_of(environment):
    """A hash of each file that the wheel has installed."""
    package = next(environment.glob("lib/python*/site-packages/autograder"))
    return {
        path.relative_to(package): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module")
def course(environment, tmp_path_factory):
    """A directory that was empty, with all assignments built."""
    folder = tmp_path_factory.mktemp("course")
    before = content_of(environment)
    for name in NAMES:
        run_there(environment, folder, "kit", "new", name)
        run_there(environment, folder, "kit", "build", name)
    assert content_of(environment) == before, "the package is never written to"
    return folder


def test_the_wheel_is_what_runs(environment, course):
    where = run_there(environment, course, "python", "-c", "import autograder; print(autograder.__file__)").stdout
    assert str(environment) in where and str(ROOT) not in where


def test_all_assignments_check_and_their_tolerances_are_sound(environment, course):
    for name in NAMES:
        done = run_there(environment, course, "kit", "check", name)
        assert "solution: 5 of 5 points; blank notebook: 0" in done.stdout
    assert " NO " not in run_there(environment, course, "kit", "tolerances", NAMES[0]).stdout


def test_the_tests_of_a_question_run(environment, course):
    assert "5 passed" in run_there(environment, course, "kit", "test", "solutions/torch").stdout


def test_a_mistake_is_named_from_any_folder(environment, course, tmp_path):
    student = nbformat.read(course / "assignments/softmax_demo/softmax_demo.ipynb", as_version=4)
    student.cells.append(nbformat.v4.new_code_cell(ONE_MISTAKE, id="mistake"))
    nbformat.write(student, tmp_path / "ada.ipynb")
    grade = ("kit", "grade", "softmax_demo", "ada.ipynb", "--out", "grades", "--course", str(course))
    run_there(environment, tmp_path, *grade)
    content = json.loads((tmp_path / "grades/ada/results.json").read_text())
    assert content["score"] == 2
    assert "divide it by their number" in content["tests"][1]["output"]


def test_gradescope_grades_with_the_zip_alone(environment, course, tmp_path):
    base = lay_out(course / "dist/torch-gradescope.zip", tmp_path / "autograder")
    shutil.copy(course / "solutions/torch/torch.ipynb", base / "submission")
    done = run(base)
    assert done.returncode == 0, done.stderr
    assert json.loads((base / "results/results.json").read_text())["score"] == 5


def test_nbgrader_grades_with_its_own_commands(environment, course):
    folder = course / "dist/softmax_demo-nbgrader"
    submitted = folder / "submitted/ada/softmax_demo"
    submitted.mkdir(parents=True)
    shutil.copy(course / "solutions/softmax_demo/softmax_demo.ipynb", submitted)
    run_there(environment, folder, "python", "-m", "nbgrader", "generate_assignment", "softmax_demo")
    run_there(environment, folder, "python", "-m", "nbgrader", "autograde", "softmax_demo")
    with sqlite3.connect(folder / "gradebook.db") as gradebook:
        assert gradebook.execute("SELECT sum(auto_score) FROM grade").fetchone() == (5,)


def test_an_assignment_called_torch_imports_torch_in_its_own_folder(course):
    for folder in (course / "solutions/torch", course / "assignments/torch"):
        notebook = nbformat.read(course / "solutions/torch/torch.ipynb", as_version=4)
        kept = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        execute(notebook, "torch", folder, "smoke", None, run=course / "run")
        for path, content in kept.items():
            path.write_bytes(content)
        assert any(cell.get("outputs") for cell in notebook.cells)
