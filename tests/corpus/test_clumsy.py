"""Honest work earns all that it deserves, however it is packed, saved, run or written."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import pytest

from tests.corpus.clumsy import CLUMSY
from tests.corpus.small import FULL, HONEST, hand_in


@pytest.fixture(scope="module")
def quick_grader(grader):
    """The grader with two cases for each test: what is at stake here is what runs, not with which numbers."""
    quick = copy(grader)
    quick.tests = tuple(replace(test, cases=test.cases[:2]) for test in grader.tests)
    return quick


@pytest.mark.parametrize("case", CLUMSY, ids=lambda case: case.id)
def test_the_clumsy_earn_what_they_deserve(quick_grader, tmp_path, case):
    (tmp_path / "handed in").mkdir()
    report = quick_grader.grade(case.build(tmp_path / "handed in"))
    words = [*report.remarks, *(verdict.message for verdict in report.verdicts)]
    assert report.score == case.earns, (case.what, words)
    assert case.told in "\n".join(words)
    assert not report.notes


def test_there_are_many_of_them_and_nearly_all_earn_everything():
    ids = [case.id for case in CLUMSY]
    assert len(set(ids)) == len(ids) >= 40
    assert sum(case.earns < FULL for case in CLUMSY) <= 5


def test_a_function_that_never_ends_costs_its_own_points(quick_grader, tmp_path):
    endless = "def nt_xent_euclidean(z_i, z_j, temperature):\n    while True: pass"
    report = quick_grader.grade(hand_in(tmp_path / "handed in", [*HONEST[:-1], endless]))
    assert {verdict.question for verdict in report.verdicts if not verdict.passed} == {"q1c"}
    assert report.score == 16 and any("stopped after 3 seconds" in verdict.message for verdict in report.verdicts)
