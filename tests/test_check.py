"""``./kit check``: a sound assignment passes, and each thing that is wrong with one is told in a sentence."""

import pytest

from autograder.commands.check import too_little, too_much, worth
from autograder.engine.report import Report, Verdict
from tests.checkout import copy_checkout, kit


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = copy_checkout(tmp_path_factory.mktemp("checkout") / "kit")
    made = kit(folder, "new", "softmax")
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def edit(checkout):
    """Replaces a text in a file of the checkout for the time of one test."""
    kept = {}

    def replace(name, old, new):
        path = checkout / name
        text = path.read_text()
        kept.setdefault(path, text)
        assert old in text
        path.write_text(text.replace(old, new, 1))

    yield replace
    for path, text in kept.items():
        path.write_text(text)


SETTINGS = "solutions/softmax/assignment.toml"
MASTER = "solutions/softmax/softmax.py"


def test_a_sound_assignment_passes_and_shows_its_points(checkout, edit):
    edit(SETTINGS, "# [late]\n# due =", "[late]\ndue =")
    done = kit(checkout, "check", "softmax")
    assert done.returncode == 0, done.stderr
    assert "solution: 5 of 5 points; blank notebook: 0" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["gradient", "its", "gradient", "3"] in rows and ["total", "5"] in rows
    assert "due 2026-12-01 23:59+01:00; 15 minutes of grace; then 10%" in done.stdout
    assert "./kit build softmax brings it up to date" in done.stderr


def test_a_wrong_solution_is_told(checkout, edit):
    edit(MASTER, "error[rows, y] -= 1", "error[rows, y] -= 2")
    done = kit(checkout, "check", "softmax")
    assert done.returncode == 2
    assert "kit: the solution earns 0 of 3 points in q1 gradient: " in done.stderr
    assert done.stderr.splitlines()[-1] == "kit: softmax is not fit to be released: 1 complaint above"


@pytest.mark.parametrize(
    ("command", "old", "new", "at", "words"),
    [
        ("check", "cell_seconds", "cell_second", "cell_second ", "did you mean cell_seconds?"),
        ("tolerances", "value = 2, ", "", "points = {", "q1 gives no points to its test 'value'"),
        ("build", 'colab_url = ""', 'colab_url = ""\nprofile = "cpu"', "profile =", "this notebook has none"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line(checkout, edit, command, old, new, at, words):
    """The line is the first on which ``at`` stands. Each command tells what it comes to first."""
    edit(SETTINGS, old, new)
    line = (checkout / SETTINGS).read_text().partition(at)[0].count("\n") + 1
    done = kit(checkout, command, "softmax")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(f"kit: {checkout / SETTINGS}:{line}: ")
    assert words in done.stderr


def test_questions_that_do_not_work_are_told_in_a_sentence(checkout, edit):
    edit("autograder/questions/softmax/softmax_loss.py", "total = sum(", "total = summed(")
    done = kit(checkout, "tolerances", "softmax")
    assert done.returncode == 2
    assert "the questions of softmax are broken: ValueError: q1 value, case one row: the oracle raised" in done.stderr


def verdict(question, points, possible, share, bonus=0.0):
    return Verdict(
        question, "Title", "value", "the value", points, possible, "Wrong.", "visible", bonus=bonus, share=share
    )


def test_the_solution_must_earn_all_but_what_was_not_tried():
    report = Report("a", "A", "s", [verdict("q1", 3, 3, 1), verdict("q2", 0, 0, 0), verdict("q6", 0, 8, 0)])
    assert [text.split(":")[0] for text in too_little(report, {"q6"}, {"q6"})] == [
        "the solution earns 0 of 0 points in q2 value"
    ]
    assert len(too_little(report, {"q6"}, ())) == 2
    assert len(too_little(Report("a", "A", "s", [verdict("q7", 0, 0, 0, bonus=4)]), (), ())) == 1


def test_the_blank_notebook_must_pass_nothing_though_it_be_worth_nothing():
    report = Report("a", "A", "s", [verdict("q1", 0, 3, 0), verdict("q2", 0, 0, 1), verdict("q3", 1, 1, 1)])
    assert [text.split("(")[0] for text in too_much(report)] == [
        "the blank notebook passes q2 value ",
        "the blank notebook passes q3 value ",
    ]


def test_points_and_bonus_points_are_told_apart():
    assert [worth(*pair) for pair in ((8, 0), (8, 5), (0, 5), (0, 0), (1.5, 0))] == ["8", "8 + 5", "+ 5", "0", "1.5"]
