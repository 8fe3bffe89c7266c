"""The measured gap: how far correct solutions stay below the tolerance of each test, and mistakes above it.

Errors are multiples of what a test allows (``judge.excess``). A tolerance is sound if the worst correct solution is at or
below 1/GAP and every mistake is at or above GAP, or invisible to the test: at or below 1/GAP, as a mistake in the gradient
is to a test of the value. Counts, flags and statistics have no rounding: correct solutions pass, mistakes pass or fail.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograder.arrays import one_thread
from autograder.course import AssignmentFolder
from autograder.engine.judge import Failure, KeyTest, Result, case_complaint, excess
from autograder.questions.loading import load_questions
from autograder.questions.model import Case, Close, Namespace, Question, Test
from autograder.release.compile import run_probe

GAP = 5.0


@dataclass(frozen=True)
class Gap:
    """One test's gap. ``right`` and ``wrong`` map names of correct solutions and misconceptions to errors, as multiples."""

    question: str
    test: str
    draw: int
    right: Mapping[str, float]
    wrong: Mapping[str, float]

    @property
    def worst_right(self) -> tuple[float, str]:
        """The largest error of a correct solution, and its name."""
        return max(((error, name) for name, error in self.right.items()), default=(0.0, "no correct solution"))

    @property
    def mildest_wrong(self) -> tuple[float, str]:
        """The smallest error of a mistake that this test sees, and its name."""
        return min(((e, n) for n, e in self.wrong.items() if e > 1 / GAP), default=(math.inf, "none is visible"))

    @property
    def sound(self) -> bool:
        """Whether the tolerance lies in the gap."""
        return self.worst_right[0] <= 1 / GAP and self.mildest_wrong[0] >= GAP


def error_of(test: KeyTest, results: Mapping[str, Result]) -> float:
    """The largest error of a submission in one test, as a multiple of what is allowed.

    Infinity if it raises, has a wrong shape or dtype, or fails a count, a flag or a statistic; these are 0 if it passes.
    """
    worst = 0.0
    for case in test.cases:
        result = results[case.name]
        if isinstance(result, Failure):
            return math.inf
        if case_complaint(test, case, result) is None:
            errors = [
                excess(comparison, result[name], case.reference[name], case.atol[name])
                for name, comparison in test.outputs.items()
                if isinstance(comparison, Close)
            ]
        else:
            errors = [
                e if isinstance(comparison, Close) or e <= 1 else math.inf
                for name, comparison in test.outputs.items()
                for e in [excess(comparison, result[name], case.reference[name], case.atol[name])]
            ]
        worst = max([worst, *errors])
    return worst


def measure(assignment: AssignmentFolder, key: Sequence[KeyTest]) -> list[Gap]:
    """The gap of every test of an assignment against its compiled key, in every draw, measured on one thread."""
    questions = load_questions(assignment)
    with one_thread():
        return [
            _gap(question, test, compiled)
            for question in questions
            for test in question.tests
            if not (test.instead_of and test.stand_ins)  # a correct solution may not call what stands in
            for compiled in key
            if (compiled.question, compiled.id) == (question.id, test.id)
        ]


def _gap(question: Question, test: Test, key: KeyTest) -> Gap:
    cases = [Case(case.name, case.inputs) for case in key.cases]

    def error(namespace: Namespace) -> float:
        return error_of(key, {case.name: run_probe(test, case, namespace) for case in cases})

    right = {name: error(namespace) for name, namespace in question.correct.items()}
    seen = {mistake.id: error_of(key, mistake.results) for mistake in key.misconceptions if not mistake.harmless}
    unseen = {mistake.id: 0.0 for mistake in question.misconceptions if not mistake.harmless and mistake.id not in seen}
    return Gap(question.id, test.id, key.draw, right, {**seen, **unseen})


def unseen_anywhere(gaps: list[Gap]) -> list[str]:
    """Mistakes that no test of their question sees, in some draw of the cases."""
    draws: dict[tuple[str, str], dict[int, Gap]] = {}
    for gap in gaps:
        draws.setdefault((gap.question, gap.test), {})[gap.draw] = gap
    best: dict[tuple[str, int], float] = {}
    for number in {gap.draw for gap in gaps}:
        for of_test in draws.values():
            gap = of_test.get(number, of_test[0])  # a test whose cases never change has one draw
            for name, error in gap.wrong.items():
                mistake = f"{gap.question} {name}", number
                best[mistake] = max(best.get(mistake, 0.0), error)
    return sorted({name for (name, _), error in best.items() if error <= 1})
