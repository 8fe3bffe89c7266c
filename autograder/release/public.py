"""Compile what the public checks of a question compare with: its own tests on inputs of their own.

The inputs come from the question's ``draw`` with another generator than those of the grading, so a student's check shows
nothing that is graded. They are drawn when the checks are compiled and travel with the references on them.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from autograder.arrays import dtype_of, equal, generator, is_array, is_floating, one_thread
from autograder.course import AssignmentFolder
from autograder.desk import table
from autograder.desk.table import coarse
from autograder.engine.answer_key import made_from, read_draws, write_key
from autograder.engine.judge import Failure, KeyCase, KeyMisconception, KeyTest, Result, case_complaint, excess, judge
from autograder.engine.public_checks import OWN
from autograder.errors import KitError
from autograder.questions.loading import load_questions
from autograder.questions.model import Case, Close, Question
from autograder.release.compile import draws_of, fingerprint, key_test

MANY = 32  # numbers of a result
SMALL = 0.05  # of a tolerance
FEW = 16


@dataclass(frozen=True)
class Slips:
    """How many known mistakes a question has, and the ids of those that its public check passes."""

    question: str
    known: int
    passed: tuple[str, ...]


def public_cases(question: Question) -> dict[str, Case]:
    """The cases of the public check, by name.

    Raises:
        KitError: a tensor that is drawn for the grading is the same here.
    """
    source = generator(question.framework, int.from_bytes(b"public "))
    cases = {case.name: case for case in question.draw(source)}
    for name, case in cases.items():
        if shown := shown_inputs(case, [draw[name] for draw in draws_of(question) if name in draw]):
            raise KitError(
                f"{question.folder / 'question.py'}: the input {shown[0]!r} of the case {name!r} is the same for grading "
                "and for the public check; take its numbers from the generator"
            )
    return cases


def shown_inputs(case: Case, graded: Sequence[Case]) -> list[str]:
    """The tensors of a public case that a graded draw has as well.

    What is the same in every draw is fixed by hand, and a few whole numbers are the same by chance.
    """
    return [
        name
        for name, value in case.inputs.items()
        if is_array(value)
        and (is_floating(value) or prod(value.shape) > FEW)
        and any(equal(value, other.inputs[name]) for other in graded)
        and not all(equal(value, other.inputs[name]) for other in graded)
    ]


def public_tests(question: Question) -> Iterator[KeyTest]:
    """The tests of a question's public check: references and results of the known mistakes on public inputs.

    Raises:
        KitError: the question is broken.
    """
    cases = public_cases(question)
    shown = {test.id for test in question.tests if not test.hidden}
    for test in question.tests:
        if test.id in shown and test.instead_of in ("", *shown):
            yield key_test(question, replace(test, needs=tuple(n for n in test.needs if n in shown)), cases)


def compact(test: KeyTest) -> KeyTest:
    """A test of coarse numbers, whose known mistakes are told by as few of their results as tell them apart.

    These are the results with at most ``MANY`` numbers, and more where a mistake does not show in them or would be taken for
    another one.
    """
    cases = tuple(replace(case, reference=_coarse(test, case, case.reference)) for case in test.cases)
    mistakes = tuple(
        replace(m, results={case.name: _coarse(test, case, m.results[case.name]) for case in cases})
        for m in test.misconceptions
    )
    whole = replace(test, cases=cases, misconceptions=mistakes)
    by_size = [_by_size(whole, mistake) for mistake in mistakes]
    kept = [_least(whole, mistake, order) for mistake, order in zip(mistakes, by_size)]
    narrow = [_narrowed(*one) for one in zip(mistakes, by_size, kept)]
    places = {mistake.id: place for place, mistake in enumerate(mistakes)}
    for mistake in mistakes:
        wanted = judge(whole, mistake.results)
        while (told := judge(replace(whole, misconceptions=tuple(narrow)), mistake.results)) != wanted:
            place = places[told.misconception or mistake.id]
            if kept[place] == len(cases):
                break
            kept[place] += 1
            narrow[place] = _narrowed(mistakes[place], by_size[place], kept[place])
    return replace(whole, misconceptions=tuple(narrow))


def _by_size(test: KeyTest, mistake: KeyMisconception) -> list[KeyCase]:
    return sorted(test.cases, key=lambda case: _numbers(mistake.results[case.name]))


def _least(test: KeyTest, mistake: KeyMisconception, by_size: Sequence[KeyCase]) -> int:
    """How many cases, the smallest first, a mistake keeps at least: all small ones, and the first in which it shows."""
    small = sum(_numbers(mistake.results[case.name]) <= MANY for case in by_size)
    shows = (place for place, case in enumerate(by_size, 1) if case_complaint(test, case, mistake.results[case.name]))
    return max(small, next(shows, len(by_size)))


def _narrowed(mistake: KeyMisconception, by_size: Sequence[KeyCase], kept: int) -> KeyMisconception:
    return replace(mistake, results={case.name: mistake.results[case.name] for case in by_size[:kept]})


def _numbers(result: Result) -> int:
    return 0 if isinstance(result, Failure) else sum(prod(tensor.shape) for tensor in result.values())


def _coarse(test: KeyTest, case: KeyCase, result: Result) -> Result:
    """A result with coarse numbers where that is a small part of the tolerance."""
    if isinstance(result, Failure):
        return result
    kinds = test.outputs
    return {
        name: rounded
        if isinstance(kinds.get(name), Close)
        and excess(replace(kinds[name], dtype=dtype_of(tensor)), rounded := coarse(tensor), tensor, case.atol[name])
        < SMALL
        else tensor
        for name, tensor in result.items()
    }


def public_key(folder: AssignmentFolder, say: Callable[[str], None] = lambda text: None) -> tuple[KeyTest, ...]:
    """The tests of all public checks of an assignment; compiled where what they are made from has changed.

    Raises:
        KitError: a question is broken.
    """
    path, wanted = folder.bundle / OWN, made_with(folder)
    if made_from(path) != wanted:
        say("compiling the public checks: running the tests of every question on public inputs")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_key(part := path.with_name(f"{path.name}.{os.getpid()}.part"), compile_public(folder), wanted)
        part.replace(path)
    return read_draws(path)


def compile_public(folder: AssignmentFolder) -> tuple[KeyTest, ...]:
    """Run the tests of all public checks on one thread, so that the numbers do not depend on the machine's cores."""
    questions = load_questions(folder)
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some mistakes are what torch warns of
        return tuple(compact(test) for question in questions for test in public_tests(question))


def made_with(folder: AssignmentFolder) -> str:
    """Hash of everything that public checks are made from: what a key is made from, and how it is made smaller."""
    own = b"".join(Path(file).read_bytes() for file in (__file__, table.__file__))
    return hashlib.sha256(fingerprint(folder).encode() + own).hexdigest()


def all_slips(folder: AssignmentFolder, tests: Sequence[KeyTest]) -> list[Slips]:
    """``slips`` for each question of an assignment."""
    return [slips(one, [test for test in tests if test.question == one.id]) for one in load_questions(folder)]


def slips(question: Question, tests: Sequence[KeyTest]) -> Slips:
    """Which known mistakes no test of the public check sees."""
    harmful = [mistake.id for mistake in question.misconceptions if not mistake.harmless]
    seen = {mistake.id for test in tests for mistake in test.misconceptions}
    return Slips(question.id, len(harmful), tuple(id for id in harmful if id not in seen))
