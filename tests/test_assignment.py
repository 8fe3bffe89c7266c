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


def test_ddpm_s_samples_and_bonus():
    assignment = read_assignment(SOLUTIONS / "ddpm" / "assignment.toml")
    assert assignment.accuracy is None and sum(assignment.samples.points.values()) == 8
    ordinary = sum(sum(q.points.values()) for q in assignment.questions if q.id != "q7")
    assert assignment.possible == ordinary + 8 == 50
    assert [question.id for question in assignment.questions if question.bonus] == ["q7"]
    assert all(len(ramp) == 2 for ramp in assignment.samples.ramps.values())


ACCURACY = """
[accuracy]
question = "q6"
title = "Accuracy"
file = "best.pt"
points = 8
bonus = 5
ramp_from = 0.4
full_above = 0.75
bonus_above = 0.85
"""


@pytest.mark.parametrize(
    "change, sentence",
    [
        (("bonus = true", "bonus = 1"), "q7: bonus is 1, expected true or false"),
        (("own_count = 1024", ""), "[samples] lacks the entry 'own_count'"),
        (("own_count = 1024", "own_count = 1"), "own_count is 1, expected a whole number from 2 up"),
        (("steps = 25", "steps = 2.5"), "steps is 2.5"),
        (("count = 256", "count = true"), "count is True"),
        (("own = 2 }", "mine = 2 }"), "expected a table of checkpoint and own"),
        (("own = 2 }", "own = -2 }"), "points of own are -2"),
        (("coverage = [", "covering = ["), "expected a table of coverage and confidence and frechet"),
        (("coverage = [0.5,", "coverage = [0.5, 0.6,"), "coverage is [0.5, 0.6, 0.85], expected two different numbers"),
        (("frechet = [50, 10]", "frechet = [10, 10]"), "frechet is [10, 10]"),
        (("frechet = [50, 10]", "frechet = [nan, 10]"), "frechet is [nan, 10]"),
        (("[[question]]", f"{ACCURACY}\n[[question]]"), "[accuracy] and [samples] are both there"),
    ],
)
def test_a_wrong_entry_of_samples_is_named(tmp_path, change, sentence):
    text = (SOLUTIONS / "ddpm" / "assignment.toml").read_text()
    assert change[0] in text
    file = tmp_path / "assignment.toml"
    file.write_text(text.replace(change[0], change[1], 1))
    with pytest.raises(KitError) as caught:
        read_assignment(file)
    assert sentence in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(KitError, match="does not exist"):
        read_assignment(tmp_path / "assignment.toml")
