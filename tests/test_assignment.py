"""assignment.toml: the shipped ones are sound, wrong entries are named, with their lines."""

import re
from datetime import datetime

import pytest

from autograder.assignment import (
    Assignment,
    LatePolicy,
    QuestionSheet,
    Visibility,
    WrongEntry,
    read_assignment,
)
from autograder.engine.judge import KeyTest
from autograder.errors import KitError
from autograder.limits import Limits
from autograder.release.bundle import check_points
from autograder.toml_lines import entries, line_of
from tests.checkout import COURSE, SOLUTIONS


@pytest.mark.parametrize("name", COURSE.names())
def test_shipped_assignments_are_read(name):
    assert read_assignment(SOLUTIONS / name / "assignment.toml").name == name


def test_simclr_gives_50_points_and_5_more():
    assignment = read_assignment(SOLUTIONS / "simclr" / "assignment.toml")
    (artefact,) = assignment.artefacts
    assert (assignment.possible, [test.bonus for test in artefact.tests()]) == (50, [0, 5])


@pytest.mark.parametrize(
    ("entry", "files"), [("", ("*",)), ("files = []", ()), ('files = ["*.py", "data/*"]', ("*.py", "data/*"))]
)
def test_files_beside_the_notebook_are_all_there_unless_patterns_are_given(tmp_path, entry, files):
    text = (SOLUTIONS / "simclr" / "assignment.toml").read_text()
    (tmp_path / "assignment.toml").write_text(f"{entry}\n{text}")
    assert read_assignment(tmp_path / "assignment.toml").files == files


def refusal(tmp_path, name, old, new):
    """What is said of a shipped assignment in which ``old`` is replaced by ``new``, without the folder."""
    text = (SOLUTIONS / name / "assignment.toml").read_text()
    assert old in text
    file = tmp_path / "assignment.toml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(KitError) as caught:
        read_assignment(file)
    return str(caught.value).removeprefix(f"{tmp_path}/")


LATE = "[late]\ndue = 2026-12-01T23:59:00+01:00\n"


@pytest.mark.parametrize(
    ("old", "new", "at", "sentence"),
    [
        ('title = "Con', 'titel = "Con', "titel", "unknown entry 'titel'; did you mean title? Choose from name, title"),
        (
            "cell_seconds",
            "cell_second",
            "cell_second ",
            "[limits] has the unknown entry 'cell_second'; did you mean cell_seconds?",
        ),
        ("[limits]", "[limit]", "[limit]", "the top level has the unknown entry 'limit'; did you mean limits?"),
        ("value = 3", "value = -3", "points = {", "points of value are -3"),
        ("value = 3", 'value = "3"', "points = {", "points of value are '3'"),
        ("value = 3", "value = nan", "points = {", "points of value are nan"),
        (
            "points = { value = 3, gradient = 3, stability = 1, conduct = 1 }",
            "points = 8",
            "points = 8",
            "q1a: points is 8",
        ),
        (
            'id = "q1b"',
            'id = "q1a"',
            'id = "q1a"\ntitle = "Barlow',
            "[[question]] q1a appears twice; give each its own id",
        ),
        (
            'id = "q1b"',
            'id = "loss"',
            'id = "loss"',
            "'loss' is not a valid id of a question; use one such as q1 or q1a",
        ),
        ('id = "q1b"', "id = 1", "id = 1", "[[question]] 1: id is 1, expected a text in quotes"),
        ('id = "q1b"\n', "", '[[question]]\ntitle = "Barlow', "[[question]] number 2 has no entry 'id'"),
        (
            'tests = "after_due_date"',
            'tests = "later"',
            "tests =",
            "[visibility]: tests is 'later', expected one of hidden",
        ),
        (
            'feedback = "public"',
            'feedback = "hint"',
            "feedback =",
            "the feedback 'hint' is not known; did you mean hints?",
        ),
        ('feedback = "public"', "feedback = true", "feedback =", "feedback is True, expected a text in quotes"),
        (
            "total_seconds = 540",
            "total_seconds = 0",
            "total_seconds =",
            "[limits]: total_seconds is 0, expected more than 0",
        ),
        ("memory_mb = 1500", "memory_mb = 1.5", "memory_mb", "memory_mb is 1.5, expected a whole number"),
        ('dataset = "cifar10"', 'dataset = "cifar100"', "dataset =", "'cifar100' is not known; did you mean cifar10?"),
        ('dataset = "cifar10"', 'dataset = ""', "[[artefact]]", "artefact needs images, but dataset is ''"),
        (
            'title = "Contrastive learning with SimCLR and Barlow Twins"',
            "title = 3",
            "title = 3",
            "title is 3, expected a text",
        ),
        ("ramp_from = 0.40\n", "", "[[artefact]]", "[[artefact]] q6 has no entry 'ramp_from'"),
        ("ramp_from = 0.40", "ramp_from = 40", "ramp_from =", "ramp_from is 40, expected a number from 0 to 1"),
        (
            "full_above = 0.75",
            "full_above = 0.40",
            "full_above =",
            "full_above is 0.4, expected more than ramp_from, 0.4",
        ),
        ("full_above = 0.75", "full_above = 1.0", "full_above =", "full_above is 1, but no accuracy is above 1"),
        (
            "bonus_above = 0.85",
            "bonus_above = 0.7",
            "bonus_above =",
            "bonus_above is 0.7, expected at least full_above, 0.75",
        ),
        (
            "points = 8\n",
            "points = -8\n",
            "points = -8",
            "[[artefact]] q6: points is -8, expected a number of at least 0",
        ),
        ('kind = "accuracy"', 'kind = "acuracy"', "kind =", "the kind 'acuracy' is not known; did you mean accuracy?"),
        ('kind = "accuracy"', 'kind = ["accuracy"]', "kind =", "the kind ['accuracy'] is not known"),
        (
            'kind = "accuracy"\n',
            "",
            "[[artefact]]",
            "q6 has no entry 'kind'; choose from accuracy, elbo, knn, linear, samples",
        ),
        (
            'network = "resnet18_cifar"',
            'network = "resnet50"',
            "network =",
            "the network 'resnet50' is not known; choose from resnet18_cifar",
        ),
        ('network = "resnet18_cifar"', "network = 18", "network =", "q6: network is 18, expected a text in quotes"),
        ('question = "q6"\n', "", "[[artefact]]", "[[artefact]] number 1 has no entry 'question'"),
        ('question = "q6"', 'question = "best"', 'question = "best"', "'best' is not a valid id of a question"),
        ('"horse"', '"dog"', "classes =", "q6: classes contains a name twice"),
        ("mean = [0.4914, 0.4822, 0.4465]", "mean = [0.5]", "mean =", "mean is [0.5], expected 3 numbers"),
        ("std = [0.2470,", "std = [0,", "std =", "expected 3 numbers above 0, one per channel"),
        ('kind = "accuracy"', 'kind = "accuracy"\nsteps = 3', "steps =", "q6 has the unknown entry 'steps'"),
        ("[[artefact]]", "[artefact]", "[artefact]", "begin each artefact with [[artefact]]"),
        ('question = "q6"', 'question = "q5"', 'question = "q5"', "[[artefact]] q5 has the id of a [[question]]"),
        ('file = "simclr_lin_best.pt"', 'file = "../best.pt"', "../best", "'../best.pt' is not the name of a file"),
        ("[limits]", "[limits", "[limits", "(at line"),
        ('colab_url = ""', 'colab_url = ""\ntitle = "again"', 'title = "again"', "Cannot overwrite a value"),
        ('colab_url = ""', 'colab_url = ""\nfiles = "*.py"', "files =", "files is '*.py', expected a list of patterns"),
        (
            'colab_url = ""',
            'colab_url = ""\npublish = [1]',
            "publish =",
            "publish is [1], expected a list of files of given",
        ),
        ("[visibility]", "[late]\n[visibility]", "[late]", "[late] has no entry 'due'"),
        (
            "[visibility]",
            LATE.replace("+01:00", "") + "[visibility]",
            "due =",
            "add one, such as 2026-12-01T23:59:00+01:00",
        ),
        ("[visibility]", "[late]\ndue = 2026-12-01\n[visibility]", "due =", "expected a date with a time"),
        (
            "[visibility]",
            LATE + "per_day = 10\n[visibility]",
            "per_day",
            "per_day is 10, expected a number from 0 to 1",
        ),
        (
            "[visibility]",
            LATE + "most_days = 1.5\n[visibility]",
            "most_days",
            "most_days is 1.5, expected a whole number",
        ),
        ("[visibility]", LATE + "grace_minutes = -1\n[visibility]", "grace_minutes", "grace_minutes is -1"),
    ],
)
def test_a_wrong_entry_is_told_with_its_line(tmp_path, old, new, at, sentence):
    """The line is the first on which ``at`` stands."""
    said = refusal(tmp_path, "simclr", old, new)
    before, found, _ = (tmp_path / "assignment.toml").read_text().partition(at)
    line = before.count("\n") + 1
    assert found and said.startswith(f"assignment.toml:{line}: ") and sentence in said, said


def test_what_stands_nowhere_has_no_line(tmp_path):
    assert refusal(tmp_path, "ddpm", 'dataset = "mnist"\n', "") == (
        "assignment.toml: the top level has no entry 'dataset'; add it"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no entry 'name'"),
        ("question = 3", "begin each question with [[question]]"),
        ("limits = 3", "[limits] is 3, expected a table"),
        ("x", "assignment.toml:1: "),
        ("a = [\n1,\n2", "assignment.toml:3: "),
        ('name = "a"\ntitle = "A"\ndataset = ""\ncolab_url = ""\npicture_probe = ""', "there is no [[question]]"),
    ],
)
def test_little_or_nothing_is_refused_in_a_sentence(tmp_path, text, words):
    (tmp_path / "assignment.toml").write_text(text)
    with pytest.raises(KitError, match=re.escape(words)):
        read_assignment(tmp_path / "assignment.toml")


def test_a_file_that_is_no_text_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "assignment.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(KitError, match="is not UTF-8"):
        read_assignment(tmp_path / "assignment.toml")
    with pytest.raises(KitError, match="cannot be read: Is a directory"):
        read_assignment(tmp_path)


def test_due_date_profile_and_data_set_are_read(tmp_path):
    text = (SOLUTIONS / "ddpm" / "assignment.toml").read_text().replace('"mnist"', '"svhn"')
    (tmp_path / "assignment.toml").write_text(f'profile = "cpu"\n{text}\n{LATE}per_day = 0.25\n')
    assignment = read_assignment(tmp_path / "assignment.toml")
    assert (assignment.dataset, assignment.profile) == ("svhn", "cpu")
    assert assignment.late == LatePolicy(datetime.fromisoformat("2026-12-01T22:59:00Z"), 15, 0.25, 7)


def test_all_feedback_at_once_shows_all_but_what_is_hidden_for_good(tmp_path):
    text = (SOLUTIONS / "simclr" / "assignment.toml").read_text()
    text = text.replace('artefacts = "visible"', 'artefacts = "hidden"')
    for feedback, tests in (("public", "after_due_date"), ("hints", "after_due_date"), ("all", "visible")):
        (tmp_path / "assignment.toml").write_text(text.replace('feedback = "public"', f'feedback = "{feedback}"'))
        assert read_assignment(tmp_path / "assignment.toml").shown == Visibility(tests, "hidden")
    (tmp_path / "assignment.toml").write_text(text.replace('feedback = "public"\n', ""))
    assert read_assignment(tmp_path / "assignment.toml").feedback == "public"


def test_points_of_each_kind_of_question():
    simclr, ddpm = (read_assignment(SOLUTIONS / name / "assignment.toml") for name in ("simclr", "ddpm"))
    assert [simclr.points_of(question) for question in ("q1a", "q6", "q9")] == [8, 8, 0]
    assert [ddpm.points_of(question) for question in ("q6", "q7")] == [8, 5]


def test_lines_of_all_that_toml_can_write():
    text = """a = '''
[b]
c = 1
'''
[[q]]\r
"v w" = [
  1, # [no]
]
[q.points]
x.y = 2
[[q]]
[q.points] # again
z = { k = "]" }
"""
    places = {
        ("a",): 1, ("q",): 5, ("q", 0): 5, ("q", 0, "v w"): 6, ("q", 0, "v w", 0): 6, ("q", 0, "points"): 9,
        ("q", 0, "points", "x"): 10, ("q", 0, "points", "x", "y"): 10, ("q", 1): 11, ("q", 1, "points"): 12,
        ("q", 1, "points", "z"): 13, ("q", 1, "points", "z", "k"): 13,
    }  # fmt: skip
    assert dict(entries(text)) == places
    assert all(line_of(text, place) == line for place, line in places.items())
    assert line_of(text, ("q", 1, "points", "absent")) == 12 and line_of(text, ("absent",)) is None


KEY = tuple(KeyTest(q, test, "", "", 1.0, {}, (), ()) for q in ("q1a", "q1b") for test in ("value", "gradient"))


def asked(**points):
    """An assignment with these questions and the points of their tests."""
    sheets = tuple(QuestionSheet(id, id, tests) for id, tests in points.items())
    return Assignment("a", "A", "", "", "", Visibility(), Limits(), sheets)


def test_a_question_may_be_left_out_as_a_whole():
    check_points(asked(q1b={"value": 2, "gradient": 0}), KEY)


@pytest.mark.parametrize(
    ("points", "place", "sentence"),
    [
        ({"q1a": {"value": 2}}, ("question", 0, "points"), "q1a gives no points to its test 'gradient'; add it"),
        (
            {"q1a": {"value": 2, "gradient": 1, "style": 1}},
            ("question", 0, "points", "style"),
            "q1a has no test 'style'; its tests are value, gradient",
        ),
        (
            {"q1b": {"value": 2, "gradient": 1}, "q7": {"value": 1}},
            ("question", 1, "id"),
            "question q7 has no tests; questions with tests: q1a, q1b",
        ),
    ],
)
def test_points_are_those_of_the_tests_of_each_question_that_is_in(points, place, sentence):
    with pytest.raises(WrongEntry) as caught:
        check_points(asked(**points), KEY)
    assert caught.value.place == place and sentence in str(caught.value)


def test_ddpm_s_samples_and_bonus():
    assignment = read_assignment(SOLUTIONS / "ddpm" / "assignment.toml")
    (artefact,) = assignment.artefacts
    assert artefact.kind == "samples" and sum(test.points for test in artefact.tests()) == 8
    ordinary = sum(sum(q.points.values()) for q in assignment.questions if q.id != "q7")
    assert assignment.possible == ordinary + 8 == 50
    assert [question.id for question in assignment.questions if question.bonus] == ["q7"]
    assert all(len(ramp) == 2 for ramp in artefact.ramps.values())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("bonus = true", "bonus = 1"), "q7: bonus is 1, expected true or false"),
        (("own_count = 1024", ""), "[[artefact]] q6 has no entry 'own_count'"),
        (("own_count = 1024", "own_count = 1"), "own_count is 1, expected a whole number of at least 2"),
        (("steps = 25", "steps = 2.5"), "steps is 2.5"),
        (("count = 256", "count = true"), "count is True"),
        (("own = 2 }", "mine = 2 }"), "expected a table of checkpoint and own"),
        (("own = 2 }", "own = -2 }"), "points of own are -2"),
        (("coverage = [", "covering = ["), "expected a table of coverage and confidence and frechet"),
        (("coverage = [0.5,", "coverage = [0.5, 0.6,"), "coverage is [0.5, 0.6, 0.85], expected two different numbers"),
        (("frechet = [50, 10]", "frechet = [10, 10]"), "frechet is [10, 10]"),
        (("frechet = [50, 10]", "frechet = [nan, 10]"), "frechet is [nan, 10]"),
    ],
)
def test_a_wrong_entry_of_samples_is_named(tmp_path, change, sentence):
    assert sentence in refusal(tmp_path, "ddpm", *change)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(KitError, match="does not exist"):
        read_assignment(tmp_path / "assignment.toml")
