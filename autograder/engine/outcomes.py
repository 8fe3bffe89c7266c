"""The outcomes of a question's tests, some of which build on others. Pure functions, which notebooks carry, too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from autograder.engine.judge import Judgement, KeyTest, Result, judge, shows_work

LATER = "this counts once another check of this question shows that your code works"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one test, and the first exception in one of its cases, as whoever asked describes it.

    A test that passed, but whose ``needs`` show no work yet, has not passed and has no message.
    """

    id: str
    title: str
    judgement: Judgement
    raised: object = None


@dataclass(frozen=True)
class Answers:
    """The results of a test's cases, and the first exception. ``ended``: no other test of the question is to be asked."""

    results: Mapping[str, Result]
    raised: object = None
    ended: bool = False


def outcomes_of(
    tests: Sequence[KeyTest], ask: Callable[[KeyTest], Answers], wrong: Collection[str] = ()
) -> list[Outcome]:
    """The outcomes of a question's tests, in order, as far as they were asked.

    Args:
        tests: with their references; the variants too.
        wrong: other questions that are known to be wrong; variants after them are tried.
    """
    found: dict[str, Outcome] = {}
    working: set[str] = set()
    for test in sorted(tests, key=lambda one: bool(one.instead_of)):
        place = test.instead_of or test.id
        if test.instead_of and (found[place].judgement.passed or not _is_after(test, found, wrong)):
            continue
        answers = ask(test)
        judgement = judge(test, answers.results)
        if shows_work(test, answers.results, judgement):
            working.add(place)
        if not test.instead_of:
            found[place] = Outcome(place, test.title, judgement, answers.raised)
        elif judgement.passed:
            found[place] = replace(found[place], judgement=Judgement(True, test.title), raised=None)
        if answers.ended:
            break
    return [_with_needs(found[test.id], test, working) for test in tests if test.id in found]


def _is_after(test: KeyTest, found: Mapping[str, Outcome], wrong: Collection[str]) -> bool:
    return any(place in wrong or (place in found and not found[place].judgement.passed) for place in test.after)


def _with_needs(outcome: Outcome, test: KeyTest, working: Collection[str]) -> Outcome:
    """A test that compares a function with itself passes only beside one that shows the function at work."""
    if not outcome.judgement.passed or not test.needs or not working.isdisjoint(test.needs):
        return outcome
    return replace(outcome, judgement=Judgement(False, ""))
