"""Every tolerance lies in the measured gap, for every question of every assignment (``./kit tolerances NAME``)."""

import pytest
import torch

from autograder.engine.answer_key import made_from, read_key, write_key
from autograder.engine.judge import Failure
from autograder.places import REFERENCES, assignment_names
from autograder.questions.draw import catalogue
from autograder.release.compile import compile_key, fingerprint
from autograder.tolerances import measure, unseen_anywhere


@pytest.fixture(scope="module", params=assignment_names())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def compiled(name):
    """The answer key, compiled anew."""
    return compile_key(name)


@pytest.fixture(scope="module")
def gaps(name, compiled):
    return measure(name, compiled)


def close(one, other):
    """Equal but for the rounding that differs between machines."""
    if isinstance(one, Failure) or isinstance(other, Failure):
        return isinstance(one, Failure) and isinstance(other, Failure) and one.type == other.type
    return one.keys() == other.keys() and all(
        torch.allclose(one[k].double(), other[k].double(), rtol=1e-3, atol=1e-4, equal_nan=True) for k in one
    )


def test_the_committed_key_is_what_the_questions_give(name, compiled, tmp_path):
    write_key(tmp_path / "key", compiled, fingerprint(name))
    compiled = read_key(tmp_path / "key")
    path = REFERENCES / name / "key.safetensors"
    assert made_from(path) == fingerprint(name), f"run ./kit build {name} and commit {path}"
    committed = read_key(path)
    assert [(t.question, t.id, t.title, t.outputs) for t in committed] == [
        (t.question, t.id, t.title, t.outputs) for t in compiled
    ]
    for old, new in zip(committed, compiled):
        assert [m.id for m in old.misconceptions] == [m.id for m in new.misconceptions]
        for one, other in zip(old.cases, new.cases):
            assert one.name == other.name and close(one.reference, other.reference), (old.question, old.id, one.name)


def test_right_variants_pass_with_room_and_mistakes_fail_with_room(gaps):
    assert [f"{gap.question} {gap.test}: {gap.worst_right} {gap.mildest_wrong}" for gap in gaps if not gap.sound] == []


def test_every_mistake_is_seen_by_some_test(gaps):
    assert unseen_anywhere(gaps) == []


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
