"""``./kit check``: a sound assignment passes, and each thing that is wrong with one is told in a sentence."""

import pytest

from autograder.commands.check import public_lines, too_little, too_much, worth
from autograder.engine.report import Report, Verdict
from autograder.release.public import Slips
from tests.checkout import kit


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    made = kit(folder, "new", "softmax")
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def edit(course):
    """Replaces a text in a file of the course for the time of one test."""
    kept = {}

    def replace(name, old, new):
        path = course / name
        text = path.read_text()
        kept.setdefault(path, text)
        assert old in text
        path.write_text(text.replace(old, new, 1))

    yield replace
    for path, text in kept.items():
        path.write_text(text)


SETTINGS = "solutions/softmax/assignment.toml"
MASTER = "solutions/softmax/master.py"


def test_a_sound_assignment_passes_and_shows_its_points(course, edit):
    edit(SETTINGS, "# [late]\n# due =", "[late]\ndue =")
    done = kit(course, "check", "softmax")
    assert done.returncode == 0, done.stderr
    assert "solution: 5 of 5 points; blank notebook: 0" in done.stdout
    assert "public checks: 0 of 2 known mistakes pass\n" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["gradient", "its", "gradient", "3"] in rows and ["total", "5"] in rows
    assert "due 2026-12-01 23:59+01:00; 15 minutes of grace; then each started day costs 10%" in done.stdout
    assert "is out of date; run ./kit build softmax" in done.stderr


ANSWERED = """

# %% [markdown] tags=["written", "w1"]
# ### w1 · Why?

# %% [markdown] tags=["model-answer", "w1"]
# Because.

# %% [markdown] tags=["rubric", "w1"]
# 4 points for because
"""
WRITTEN = '\n[[written]]\nid = "w1"\ntitle = "Why?"\npoints = 4\n\n[[question]]'


def test_written_questions_are_on_the_point_sheet(course, edit):
    edit(MASTER, "\n# %%", f"{ANSWERED}\n# %%")
    edit(SETTINGS, "[[question]]", WRITTEN)
    done = kit(course, "check", "softmax")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["w1", "Why?", "a", "written", "answer,", "graded", "by", "hand", "4"] in rows
    assert ["total", "by", "machine", "+", "by", "hand", "5", "+", "4"] in rows


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("points = 4", "points = 3", "[[written]] w1 has 3 points, and its rubric in the master distributes 4"),
        ('"w1"', '"w2"', "the master has no written question w2; those with a model-answer are: w1"),
        ('"w1"', '"q1"', "'q1' is not a valid id of a written question; use one such as w1"),
        ("points = 4", "points = -1", "points is -1, expected a number of at least 0"),
    ],
)
def test_a_written_question_that_does_not_fit_is_told_with_its_line(course, edit, old, new, words):
    edit(MASTER, "\n# %%", f"{ANSWERED}\n# %%")
    edit(SETTINGS, "[[question]]", WRITTEN.replace(old, new))
    done = kit(course, "check", "softmax")
    assert done.returncode == 2 and words in done.stderr and "assignment.toml:" in done.stderr


def test_a_wrong_solution_is_told(course, edit):
    edit(MASTER, "error[rows, y] -= 1", "error[rows, y] -= 2")
    done = kit(course, "check", "softmax")
    assert done.returncode == 2
    assert "kit: the solution earns 0 of 3 points in q1 gradient: " in done.stderr
    assert done.stderr.splitlines()[-1] == "kit: softmax is not ready for release; fix the 1 problem above"


@pytest.mark.parametrize(
    ("command", "old", "new", "at", "words"),
    [
        ("check", "cell_seconds", "cell_second", "cell_second ", "did you mean cell_seconds?"),
        ("tolerances", "value = 2, ", "", "points = {", "q1 gives no points to its test 'value'"),
        ("build", 'colab_url = ""', 'colab_url = ""\nprofile = "cpu"', "profile =", "this notebook has none"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line(course, edit, command, old, new, at, words):
    """The line is the first on which ``at`` stands. Each command tells what it comes to first."""
    edit(SETTINGS, old, new)
    line = (course / SETTINGS).read_text().partition(at)[0].count("\n") + 1
    done = kit(course, command, "softmax")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(f"kit: {course / SETTINGS}:{line}: ")
    assert words in done.stderr


@pytest.mark.parametrize("probe", ["two_views", "q2_views.views", "q1_softmax_loss.views"])
def test_a_picture_probe_that_is_not_there_is_told_with_its_line(course, edit, probe):
    edit(SETTINGS, 'dataset = ""', 'dataset = "mnist"')
    edit(SETTINGS, 'picture_probe = ""', f'picture_probe = "{probe}"')
    line = (course / SETTINGS).read_text().partition("picture_probe = ")[0].count("\n") + 1
    done = kit(course, "tolerances", "softmax")
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"kit: {course / SETTINGS}:{line}: picture_probe is '{probe}', which names no function"
    )


QUESTION = "solutions/softmax/q1_softmax_loss"


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("oracle.py", "total = sum(", "total = summed(", "the oracle raised NameError"),
        ("oracle.py", "import math", "import maths", "ModuleNotFoundError: No module named 'maths'"),
        ("mistakes.py", "import by_formula", "import by formula", "SyntaxError: invalid syntax"),
    ],
)
def test_a_question_that_does_not_work_is_told_with_its_line(course, edit, file, old, new, words):
    edit(f"{QUESTION}/{file}", old, new)
    line = (course / QUESTION / file).read_text().partition(new)[0].count("\n") + 1
    done = kit(course, "tolerances", "softmax")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"kit: {course / QUESTION / file}:{line}: ")
    assert words in done.stderr


def test_a_question_that_lacks_a_part_is_told(course, edit):
    edit(f"{QUESTION}/oracle.py", "ORACLE =", "ORACLES =")
    done = kit(course, "build", "softmax")
    assert done.returncode == 2 and f"{QUESTION}/oracle.py defines no ORACLE" in done.stderr


def without(path, call):
    """What a call gives while a file or folder is elsewhere."""
    away = path.with_name(f"away-{path.name}")
    path.rename(away)
    try:
        return call()
    finally:
        away.rename(path)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (QUESTION, "question q1 has no folder softmax/q1_SUBJECT/; questions with a folder: none"),
        (f"{QUESTION}/mistakes.py", "mistakes.py is missing; docs/writing.md says which files a question has"),
        (f"{QUESTION}/cases.safetensors", "q1 has no stored cases; draw them: kit draw softmax q1"),
        (MASTER, "master.py is missing: it is the master from which both notebooks are made"),
        ("solutions", "is not in a course (a directory with solutions/NAME/assignment.toml)"),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(course, path, words):
    command = ("build", "softmax") if path == MASTER else ("tolerances", "softmax")
    done = without(course / path, lambda: kit(course, *command))
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1], done.stderr


def test_a_folder_that_the_settings_do_not_name_is_told_with_their_line(course):
    folder = course / "solutions/softmax/q2_accuracy"
    folder.mkdir()
    try:
        done = kit(course, "tolerances", "softmax")
    finally:
        folder.rmdir()
    line = (course / SETTINGS).read_text().partition("[[question]]")[0].count("\n") + 1
    assert done.returncode == 2
    assert done.stderr.startswith(f"kit: {course / SETTINGS}:{line}: the folder q2_accuracy has no [[question]]")


def test_two_folders_of_one_id_are_told(course):
    folder = course / "solutions/softmax/q1_again"
    folder.mkdir()
    try:
        done = kit(course, "tolerances", "softmax")
    finally:
        folder.rmdir()
    assert done.returncode == 2
    assert "q1_again and " in done.stderr and "both have the id q1; give one of them another id" in done.stderr


def test_a_question_that_is_given_costs_nothing(course, edit):
    edit(SETTINGS, 'id = "q1"', 'id = "q1"\ngiven = true')
    done = kit(course, "check", "softmax")
    assert done.returncode == 2 and "add at least one" in done.stderr


def test_a_course_is_found_by_option_by_variable_and_from_below(course, tmp_path, monkeypatch):
    done = kit(tmp_path, "check", "softmax", "--course", str(tmp_path))
    assert done.returncode == 2 and "--course: " in done.stderr and "has no folder solutions/" in done.stderr
    for folder in (course / "solutions/softmax", tmp_path):
        if folder == tmp_path:
            monkeypatch.setenv("KIT_COURSE", str(course))
        done = kit(folder, "draw", "softmax", "q7")
        assert done.returncode == 2 and "softmax has no question 'q7'; its questions are q1" in done.stderr
    monkeypatch.setenv("KIT_COURSE", str(tmp_path))
    assert "KIT_COURSE: " in kit(course, "check", "softmax").stderr


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


def test_the_mistakes_that_pass_the_public_checks_are_named():
    slips = [Slips("q1", 30, ("one", "two")), Slips("q2", 10, ())]
    assert public_lines(slips) == ["public checks: 2 of 40 known mistakes pass", "  q1: 2 of 30: one, two"]
