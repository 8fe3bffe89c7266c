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
from autograder.release.compile import draws_of, fingerprint, key_test, key_tests, run_probe
from autograder.release.course import assignment_master
from autograder.release.notebooks import has_tag


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


class Solution:
    """The stubs of an assignment's solution in one notebook, to see what a wrong one of them costs in which question.

    ``folder`` is the assignment's, ``names`` are what the notebook imports.
    """

    def __init__(self, folder: Path, **names: object) -> None:
        self.assignment = Course(folder.parents[1]).assignment(folder.name)
        self.cells = [cell.source for cell in assignment_master(self.assignment).cells if has_tag(cell, "stub")]
        self.names = names
        self._tests: dict[str, list] = {}

    def notebook(self, *cells: str) -> dict[str, object]:
        """The names after the solution's cells and then these."""
        names = dict(self.names)
        for cell in (*self.cells, *cells):
            exec(cell, names)
        return names

    def changed(self, name: str, *changes: str) -> str:
        """The cell of a name with texts replaced: old, new, old, new …"""
        (cell,) = (cell for cell in self.cells if f"def {name}(" in cell or f"class {name}(" in cell)
        for old, new in zip(changes[::2], changes[1::2]):
            assert cell.count(old) == 1, (name, old)
            cell = cell.replace(old, new)
        return cell

    def judgements(self, id: str, names: Namespace, wrong: Collection[str] = ()) -> dict[str, Judgement]:
        """Id of each test of a question -> its judgement with the first draw, or that of the variant that passes instead."""
        if id not in self._tests:
            question = load_question(self.assignment, id, self.assignment.question_folders()[id])
            question, cases = replace(question, misconceptions=()), draws_of(question)[0]
            tests = sorted(question.tests, key=lambda test: bool(test.instead_of))
            self._tests[id] = [
                (test, key_test(question, test, cases), [cases[c] for c in test.cases]) for test in tests
            ]
        found: dict[str, Judgement] = {}
        for test, key, cases in self._tests[id]:
            if test.instead_of and (found[test.instead_of].passed or not lost_before(key, found, wrong)):
                continue
            judgement = judge(key, {case.name: run_probe(test, case, names) for case in cases})
            if not test.instead_of:
                found[test.id] = judgement
            elif judgement.passed:
                found[test.instead_of] = replace(judgement, message=test.title)
        return found

    def lost(self, names: Namespace, questions: Collection[str]) -> dict[str, set[str]]:
        """Question -> the tests that fail, in the order of the notebook, with the questions that lost points before."""
        found: dict[str, set[str]] = {}
        for id in questions:
            judgements = self.judgements(id, names, tuple(found))
            if tests := {test for test, judgement in judgements.items() if not judgement.passed}:
                found[id] = tests
        return found


def raising(name: str) -> str:
    """A cell whose function of this name is not written yet."""
    return f"def {name}(*given, **named): raise NotImplementedError('later')\n"


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
