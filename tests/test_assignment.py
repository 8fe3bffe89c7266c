"""assignment.toml: the shipped ones are sound, wrong entries are named."""

import pytest

from autograder.assignment import read_assignment
from autograder.errors import KitError
from autograder.places import SOLUTIONS, assignment_names


@pytest.mark.parametrize("name", assignment_names())
def test_shipped_assignments_are_read(name):
    assert read_assignment(SOLUTIONS / name / "assignment.toml").name == name


def test_simclr_gives_50_points_and_5_more():
    assignment = read_assignment(SOLUTIONS / "simclr" / "assignment.toml")
    assert (assignment.possible, assignment.accuracy.bonus) == (50, 5)


@pytest.mark.parametrize(
    ("entry", "files"), [("", ("*",)), ("files = []", ()), ('files = ["*.py", "data/*"]', ("*.py", "data/*"))]
)
def test_files_beside_the_notebook_are_all_there_unless_patterns_are_given(tmp_path, entry, files):
    text = (SOLUTIONS / "simclr" / "assignment.toml").read_text()
    (tmp_path / "assignment.toml").write_text(f"{entry}\n{text}")
    assert read_assignment(tmp_path / "assignment.toml").files == files


@pytest.mark.parametrize(
    "change, sentence",
    [
        (('title = "', 'titel = "'), "unknown entry 'titel'"),
        (("value = 3", "value = -3"), "points of value are -3"),
        (("value = 3", 'value = "3"'), "points of value are '3'"),
        (('tests = "after_due_date"', 'tests = "later"'), "visibility 'later'"),
        (("ramp_from = 0.40", ""), "[accuracy] lacks the entry 'ramp_from'"),
        (("[limits]", "[limits"), "line"),
        (('colab_url = ""', 'colab_url = ""\nfiles = "*.py"'), "files is '*.py', expected a list of patterns"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, sentence):
    text = (SOLUTIONS / "simclr" / "assignment.toml").read_text()
    assert change[0] in text
    file = tmp_path / "assignment.toml"
    file.write_text(text.replace(change[0], change[1], 1))
    with pytest.raises(KitError, match=None) as caught:
        read_assignment(file)
    assert sentence in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(KitError, match="does not exist"):
        read_assignment(tmp_path / "assignment.toml")
