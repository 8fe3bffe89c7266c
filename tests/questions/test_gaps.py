"""Every tolerance lies in the measured gap, for every question of every assignment (``./kit tolerances NAME``)."""

import pytest

from autograder.engine.answer_key import made_from, read_draws, write_key
from autograder.questions.loading import load_questions
from autograder.release.bundle import build_bundle
from autograder.release.compile import fingerprint
from autograder.tolerances import measure, unseen_anywhere
from tests.checkout import COURSE


@pytest.fixture(scope="module", params=COURSE.names())
def folder(request):
    return COURSE.assignment(request.param)


@pytest.fixture(scope="module")
def key(folder):
    """The answer key, compiled once for all tests of a run."""
    return read_draws(build_bundle(folder) / "key.safetensors")


@pytest.fixture(scope="module")
def gaps(folder, key):
    return measure(folder, key)


def test_correct_variants_pass_with_room_and_mistakes_fail_with_room(gaps):
    assert [f"{gap.question} {gap.test}: {gap.worst_right} {gap.mildest_wrong}" for gap in gaps if not gap.sound] == []


def test_every_mistake_is_seen_by_some_test(gaps):
    assert unseen_anywhere(gaps) == []


def test_questions_have_variants_hints_and_unique_names(folder):
    for question in load_questions(folder):
        assert len(question.correct) >= 3 and len(question.misconceptions) >= 3
        hints = [mistake.hint for mistake in question.misconceptions]
        assert all(hint.endswith(".") and len(hint) < 400 for hint in hints)
        assert len({mistake.id for mistake in question.misconceptions}) == len(hints)
        assert len({test.id for test in question.tests}) == len(question.tests)


def test_a_key_survives_its_file_and_equal_keys_are_equal_bytes(folder, key, tmp_path):
    path = build_bundle(folder) / "key.safetensors"
    assert made_from(path) == fingerprint(folder)
    write_key(tmp_path / "again", key, fingerprint(folder))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
