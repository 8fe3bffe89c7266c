"""Every tolerance lies in the measured gap, for every question of every assignment (``./kit tolerances NAME``)."""

import pytest

from autograder.answer_key import fingerprint, read_key, write_key
from autograder.places import assignment_names
from autograder.questions.draw import catalogue
from autograder.tolerances import measure, unseen_anywhere


@pytest.fixture(scope="module", params=assignment_names())
def gaps(request):
    return measure(request.param)


def test_right_variants_pass_with_room_and_mistakes_fail_with_room(gaps):
    assert [f"{gap.question} {gap.test}: {gap.worst_right} {gap.mildest_wrong}" for gap in gaps if not gap.sound] == []


def test_every_mistake_is_seen_by_some_test(gaps):
    assert unseen_anywhere(gaps) == []


@pytest.mark.parametrize("name", assignment_names())
def test_questions_have_variants_hints_and_unique_names(name):
    for question in catalogue(name):
        assert len(question.right_variants) >= 3 and len(question.misconceptions) >= 3
        hints = [mistake.hint for mistake in question.misconceptions]
        assert all(hint.endswith(".") and len(hint) < 400 for hint in hints)
        assert len({mistake.id for mistake in question.misconceptions}) == len(hints)
        assert len({test.id for test in question.tests}) == len(question.tests)


def test_a_key_survives_its_file_and_equal_keys_are_equal_bytes(bundle, tmp_path):
    key = read_key(bundle / "key.safetensors")
    write_key(tmp_path / "again", key, fingerprint("simclr"))
    assert (tmp_path / "again").read_bytes() == (bundle / "key.safetensors").read_bytes()
