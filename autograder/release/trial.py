"""How a namespace does in the tests of one question: for the tests that a question has of itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from autograder.course import Course
from autograder.engine.answer_key import made_from, read_draws
from autograder.engine.judge import Judgement, KeyTest, judge
from autograder.questions.loading import load_question
from autograder.questions.model import Case, Misconception, Namespace, Test
from autograder.release.compile import fingerprint, key_tests, run_probe


def judgements(
    folder: Path, namespace: Namespace, wrong: Collection[str] = (), one_draw: bool = False
) -> dict[str, Judgement]:
    """Id of each test of the question in ``folder`` -> how the namespace of trusted code does in it.

    That is the same for every draw of the cases, or the test is unfair. ``wrong`` are other questions that lost points, so
    that variants after them are tried. ``one_draw``: with the first draw alone, for code that remembers its earlier calls.

    Raises:
        AssertionError: the namespace passes with one draw and fails with another.
    """
    found: dict[str, Judgement] = {}
    tests = [one for one in _key(folder) if not one_draw or one[1].draw == 0]
    for test, key in sorted(tests, key=lambda one: bool(one[1].instead_of)):
        if key.instead_of and (found[key.instead_of].passed or not lost_before(key, found, wrong)):
            continue
        results = {
            case.name: run_probe(test, Case(case.name, case.inputs), namespace, case.sizes) for case in key.cases
        }
        judgement = judge(key, results)
        first = found.setdefault(test.id, judgement)
        assert first.passed == judgement.passed, f"{test.id}: draw {key.draw} is judged otherwise than draw 0"
    for key in {key.id: key for _, key in tests if key.instead_of}.values():
        variant = found.pop(key.id, None)
        if variant is not None and variant.passed:
            found[key.instead_of] = replace(variant, message=key.title)
    return found


def lost_before(key: KeyTest, found: Mapping[str, Judgement], wrong: Collection[str]) -> bool:
    """Whether something that a variant is for lost points."""
    return any(place in wrong or (place in found and not found[place].passed) for place in key.after)


def lost(folder: Path, namespace: Namespace, wrong: Collection[str] = (), one_draw: bool = False) -> dict[str, str]:
    """The tests that the namespace fails, each with its message."""
    return {
        id: found.message for id, found in judgements(folder, namespace, wrong, one_draw).items() if not found.passed
    }


def surprises(
    folder: Path, mistakes: Iterable[Misconception], costs: Mapping[Collection[str], str]
) -> dict[str, dict[str, str]]:
    """The mistakes that fail other tests than ``costs`` says (tests -> ids, between commas), or none, or whose hint no
    test tells."""
    wanted = {id: set(tests) for tests, ids in costs.items() for id in ids.split(", ")}
    found = {mistake.id: lost(folder, mistake.namespace) for mistake in mistakes}
    assert wanted.keys() <= found.keys()
    told = {mistake.id: mistake.hint in found[mistake.id].values() for mistake in mistakes}
    return {id: tests for id, tests in found.items() if not told[id] or wanted.get(id, set(tests)) != set(tests)}


@cache
def _key(folder: Path) -> tuple[tuple[Test, KeyTest], ...]:
    assignment = Course(folder.parents[2]).assignment(folder.parents[0].name)
    (id,) = (id for id, path in assignment.question_folders().items() if path == folder)
    question = load_question(assignment, id, folder)
    tests = {test.id: test for test in question.tests}
    compiled = assignment.bundle / "key.safetensors"
    if made_from(compiled) == fingerprint(assignment):
        keys = (key for key in read_draws(compiled) if key.question == id)
    else:  # compile this question alone
        keys = key_tests(question)
    return tuple((tests[key.id], key) for key in keys)
