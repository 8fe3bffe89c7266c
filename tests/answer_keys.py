"""The compiled answer keys of this checkout, read once a process."""

from functools import cache

from autograder.engine.answer_key import read_key
from autograder.engine.judge import KeyTest
from autograder.release.bundle import build_bundle
from tests.checkout import COURSE


@cache
def answer_key_of(name: str) -> dict[tuple[str, str], KeyTest]:
    """The tests of an assignment's key by question and id, with the first draw of their cases."""
    return {
        (test.question, test.id): test for test in read_key(build_bundle(COURSE.assignment(name)) / "key.safetensors")
    }
