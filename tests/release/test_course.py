"""What settings change in a master: questions that are given, points in the text, profile and data set."""

import shutil
from dataclasses import replace

import nbformat
import pytest

from autograder.assignment import WrongEntry, read_assignment
from autograder.engine.grade import grade
from autograder.frontends.terminal import by_question
from autograder.release.course import assignment_master, constant, is_for, with_settings
from autograder.release.everything import code_hash
from autograder.release.notebooks import has_tag, notebook_bytes, read_master, solution_lines, student_notebook
from tests.checkout import COURSE, SOLUTIONS


@pytest.fixture(scope="module")
def settings():
    return read_assignment(SOLUTIONS / "simclr" / "assignment.toml")


def without(settings, *questions):
    sheets = tuple(replace(sheet, given=sheet.id in questions) for sheet in settings.sheets)
    return replace(settings, sheets=sheets)


def code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", COURSE.names())
def test_shipped_settings_change_no_code_but_drop_what_is_for_other_data_sets(name):
    master = read_master(COURSE.assignment(name).master, name, "")
    dataset = read_assignment(SOLUTIONS / name / "assignment.toml").dataset
    master.cells = [cell for cell in master.cells if is_for(cell, dataset)]
    assert code_hash(assignment_master(COURSE.assignment(name))) == code_hash(master)


def test_cells_of_another_data_set_are_dropped(settings):
    master = read_master(SOLUTIONS / "simclr" / "master.py", "simclr", "")
    for dataset, there, dropped in (("cifar10", ".CIFAR10,", ".STL10,"), ("stl10", ".STL10,", ".CIFAR10,")):
        text = "\n".join(code(with_settings(master, replace(settings, dataset=dataset))))
        assert there in text and dropped not in text
        assert text.count("def official_split") == 1


def test_a_question_that_is_left_out_is_given(master, settings):
    changed = with_settings(master, without(settings, "q1a", "q3"))
    student = student_notebook(changed)
    text = "\n".join(code(student))
    assert code_hash(changed) == code_hash(master), "the solution notebook keeps its outputs"
    assert sorted(set(master.metadata.otter.tests) - set(student.metadata.otter.tests)) == ["q1a", "q3"]
    assert not any(f'grader.check("{question}")' in code(student) for question in ("q1a", "q3"))
    assert 'grader.check("q1b")' in code(student)
    assert 'NotImplementedError("q1a' not in text and 'NotImplementedError("q1b' in text
    assert "SOLUTION" not in text
    given = [cell for cell in student.cells if has_tag(cell, "given")]
    assert len(given) == 5 and given[0].metadata == {"tags": ["given"]}
    assert [cell.source[:17] for cell in student.cells if cell.id.startswith("given-")] == [
        "**q1a is given.**",
        "**q3 is given.** ",
    ]
    secrets = {line for line in solution_lines(changed) if len(line) > 12}
    assert secrets and not secrets & {line.strip() for line in text.splitlines()}


def test_what_is_left_out_is_not_graded_and_the_given_code_runs(bundle, master, settings, tmp_path):
    """Two questions are asked; of the notebook that students get, the stub of one is filled in."""
    part, course = tmp_path / "bundle", replace(without(settings, "q1a", "q2", "q3", "q4", "q5"), artefacts=())
    shutil.copytree(bundle, part)
    tables = (part / "assignment.toml").read_text().split("[[question]]")
    kept = [text for text in tables[1:] if 'id = "q1b"' in text or 'id = "q1c"' in text]
    (part / "assignment.toml").write_text("[[question]]".join([tables[0], *kept]))
    changed = with_settings(master, course)
    student = student_notebook(changed)
    solved = next(cell.source for cell in master.cells if has_tag(cell, "stub") and has_tag(cell, "q1b"))
    check = "assert float(nt_xent(torch.eye(3), torch.eye(3), 0.5)) > 0; assert SimCLR"
    student.cells += [nbformat.v4.new_code_cell(source, id=f"own-{k}") for k, source in enumerate((solved, check))]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "simclr.ipynb").write_bytes(notebook_bytes(student))
    report = grade(part, tmp_path / "own", None)
    points = {question: sum(v.points for v in group) for question, group in by_question(report.verdicts).items()}
    assert (points, report.possible()) == ({"q1b": 8, "q1c": 0}, 12)
    assert report.remarks == []


def test_points_stand_in_the_text(settings):
    source = "q1a: {{points q1a}}, q6: {{points q6}}, q9: {{points q9}}, all: {{points}}"
    cells = [nbformat.v4.new_markdown_cell(source), nbformat.v4.new_code_cell("print('{{points}}')")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    changed = with_settings(notebook, replace(settings, profile="", dataset=""))
    assert changed.cells[0].source == "q1a: 8, q6: 8, q9: 0, all: 50"
    assert "{{points}}" in changed.cells[1].source and notebook.cells[0].source == source


def test_the_student_notebook_starts_with_the_profile_of_the_course(master, settings):
    changed = with_settings(master, replace(settings, profile="cpu"))
    assert code_hash(changed) == code_hash(master) and "profile" not in student_notebook(changed).metadata
    cells = code(student_notebook(changed))
    chosen = next(k for k, source in enumerate(cells) if 'os.environ.setdefault("KIT_PROFILE", "cpu")' in source)
    assert cells[chosen + 1].startswith("PROFILE = os.environ.get")
    assert "setdefault" not in "\n".join(code(student_notebook(with_settings(master, settings))))


def test_a_profile_that_the_notebook_does_not_have_is_refused(master, settings):
    assert constant(master, "PROFILES", ()) == ("smoke", "demo", "cpu", "gpu")
    with pytest.raises(WrongEntry, match="profile is 'tpu', expected one of smoke, demo, cpu, gpu") as caught:
        with_settings(master, replace(settings, profile="tpu"))
    assert caught.value.place == ("profile",)


@pytest.mark.parametrize("name", ["ddpm", "vae"])
def test_another_data_set_is_put_into_the_hyper_parameters(name):
    settings = read_assignment(SOLUTIONS / name / "assignment.toml")
    master = read_master(SOLUTIONS / name / "master.py", name, "")
    cells = code(with_settings(master, replace(settings, dataset="fashion_mnist")))
    chosen = next(k for k, source in enumerate(cells) if source.startswith('HP["dataset"] = "fashion_mnist"'))
    assert "\nHP = " in cells[chosen - 1]
    assert len(cells) == len(code(with_settings(master, settings))) + 1
