"""The master becomes two notebooks: nothing of a solution reaches a student, in any byte of the file."""

import base64
import json

import nbformat
import pytest

from autograder.errors import KitError
from autograder.release.course import assignment_master
from autograder.release.notebooks import clear_solution, notebook_bytes, read_master, solution_lines, student_notebook
from autograder.release.travel import public_cells, same_but_numbers, with_checks
from tests.checkout import COURSE, SOLUTIONS

MASTER = '''# %% [markdown]
# # Title
# {{colab_badge}}

# %% tags=["stub", "q1"] stub="return twice x"
def double(x):
    """2x"""
    ### BEGIN SOLUTION
    secret_sum = x + x
    return secret_sum
    ### END SOLUTION

# %% tags=["public-tests", "q1"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None

@test_case(name="of one")
def test_one(double):
    assert double(1) == 2, "double(1) is 2"

# %% [markdown] tags=["written", "w1"]
# Why?

# %% [markdown] tags=["model-answer", "w1"]
# Because of the secret reason.

# %% [markdown] tags=["rubric", "w1"]
# 2 points for the secret reason.

# %% tags=["skip-grading"]
print("training")
'''


@pytest.fixture
def master(tmp_path):
    path = tmp_path / "toy.py"
    path.write_text(MASTER)
    return read_master(path, "toy", "")


def test_student_notebook_has_stub_tests_and_no_secret(master):
    text = notebook_bytes(student_notebook(master)).decode()
    assert "secret" not in text and "BEGIN SOLUTION" not in text and "public-tests" not in text
    student = nbformat.reads(text, as_version=4)
    assert 'raise NotImplementedError("q1: return twice x")' in student.cells[1].source
    assert student.cells[2].source == 'grader.check("q1")'
    assert "double(1) == 2" in student.metadata.otter.tests["q1"]
    assert [cell.source for cell in student.cells].count("*Your answer here.*") == 1
    assert [cell.metadata for cell in student.cells][1] == {"tags": ["q1"]}


def test_solution_lines_are_those_in_regions_alone(master):
    assert solution_lines(master) == {
        "secret_sum = x + x",
        "return secret_sum",
        "Because of the secret reason.",
        "2 points for the secret reason.",
    }


def test_deriving_twice_gives_the_same_bytes_and_leaves_the_master(master):
    before = notebook_bytes(master)
    assert notebook_bytes(student_notebook(master)) == notebook_bytes(student_notebook(master))
    assert notebook_bytes(master) == before


def test_a_stub_without_region_is_refused(master):
    cell = master.cells[5]
    with pytest.raises(ValueError, match="BEGIN SOLUTION"):
        clear_solution(cell, "pass")


@pytest.mark.parametrize("name", COURSE.names())
def test_committed_notebooks_match_their_master(name):
    """Sources and metadata; outputs of the solution and numbers of the checks belong to the machine that made them."""
    from autograder.release.everything import code_hash

    master = assignment_master(COURSE.assignment(name))
    student = with_checks(student_notebook(master), public_cells(COURSE.assignment(name), master))
    committed = nbformat.read(COURSE.assignment(name).student, as_version=4)
    assert same_but_numbers(committed, student)
    assert COURSE.assignment(name).student.read_bytes() == notebook_bytes(committed)
    solution = nbformat.read(SOLUTIONS / name / f"{name}.ipynb", as_version=4)
    assert solution.metadata.kit.code == code_hash(master)
    assert [cell.source for cell in solution.cells] == [cell.source for cell in master.cells]
    assert [cell.metadata for cell in solution.cells] == [cell.metadata for cell in master.cells]


@pytest.mark.parametrize("name", COURSE.names())
def test_no_solution_line_in_the_committed_student_notebook(name):
    """Not in a code cell; and a line long enough to give something away, not anywhere. Prose may name ``step()``."""
    master = assignment_master(COURSE.assignment(name))
    text = (COURSE.assignment(name).student).read_text()
    code = "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "code")
    secrets = [line for line in solution_lines(master) if len(line) > 12]
    assert [line for line in secrets if line in code] == []
    assert [line for line in secrets if len(line) > 24 and json.dumps(line, ensure_ascii=False)[1:-1] in text] == []


@pytest.mark.parametrize("name", COURSE.names())
def test_the_solution_notebook_ran_without_error_and_shows_figures(name):
    solution = nbformat.read(SOLUTIONS / name / f"{name}.ipynb", as_version=4)
    outputs = [output for cell in solution.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    if name in ("simclr", "ddpm", "vae", "simsiam", "softmax", "contrastive"):  # a new one has none
        assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3


def test_a_picture_of_the_text_is_part_of_the_notebook(tmp_path):
    path, content = tmp_path / "toy.py", b"\x89PNG picture"
    path.write_text("# %% [markdown]\n# ![What it shows](pictures/chain.png) and ![web](https://example.org/a.png)\n")
    with pytest.raises(KitError, match="chain.png"):
        read_master(path, "toy", "")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "chain.png").write_bytes(content)
    (cell,) = student_notebook(read_master(path, "toy", "")).cells
    assert cell.source == "![What it shows](attachment:chain.png) and ![web](https://example.org/a.png)"
    assert base64.b64decode(cell.attachments["chain.png"]["image/png"]) == content


@pytest.mark.parametrize("name", ["simclr", "ddpm", "vae", "simsiam", "softmax", "contrastive"])
def test_pictures_are_small_and_all_used(name):
    cells = assignment_master(COURSE.assignment(name)).cells
    used = {picture for cell in cells for picture in cell.get("attachments", {})}
    there = {path.name: path.stat().st_size for path in (SOLUTIONS / name / "pictures").iterdir()}
    assert used == there.keys() and max(there.values()) < 40_000


def test_the_badge_opens_the_notebook_or_is_left_out(tmp_path):
    path = tmp_path / "toy.py"
    path.write_text(MASTER)
    assert read_master(path, "toy", "").cells[0].source == "# Title"
    with_badge = read_master(path, "toy", "https://example.org/toy.ipynb").cells[0].source
    assert with_badge.startswith("# Title\n[![Open in Colab](") and with_badge.endswith(
        "(https://example.org/toy.ipynb)"
    )
