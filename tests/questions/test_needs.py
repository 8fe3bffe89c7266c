"""A known mistake costs no point of a test that it passes: another test shows that there is work."""

from __future__ import annotations

import pytest
import torch

from autograder.engine.judge import Judgement, judge, shows_work
from autograder.questions.loading import load_questions
from tests.answer_keys import answer_key_of
from tests.checkout import COURSE


@pytest.mark.parametrize("name", COURSE.names())
def test_a_known_mistake_loses_nothing_for_want_of_another_test(name):
    folder = COURSE.assignment(name)
    key = answer_key_of(name)

    def working(question: str, test: str, mistake: str) -> bool:
        known = {one.id: one.results for one in key[question, test].misconceptions}
        if mistake not in known:  # the test does not see it
            return True
        return shows_work(key[question, test], known[mistake], judge(key[question, test], known[mistake]))

    lost = [
        f"{question.id} {mistake.id}: {test.id}"
        for question in load_questions(folder)
        for mistake in question.misconceptions
        for test in question.tests
        if test.needs
        and not test.instead_of
        and mistake.id not in {one.id for one in key[question.id, test.id].misconceptions}
        and not any(working(question.id, other, mistake.id) for other in test.needs)
    ]
    assert lost == []


def test_an_input_and_a_constant_are_no_work():
    test = answer_key_of("simclr")["q4", "parameters"]
    known = {one.id: one.results for one in test.misconceptions}
    for mistake, works in (("first view twice", True), ("optimizer never stepped", False)):
        assert shows_work(test, known[mistake], judge(test, known[mistake])) == works, mistake
    # The parameters lie close to the reference as soon as they start where it does: their change decides.
    start = {case.name: case.inputs["start"] for case in test.cases}
    pushed = {name: {"parameters": x + 1e-3 * torch.randn(x.shape).sign()} for name, x in start.items()}
    unknown = Judgement(False, "a mistake that nobody knows")
    assert not shows_work(test, pushed, unknown)
    assert not shows_work(test, known["optimizer never stepped"], unknown)
    assert shows_work(test, known["first view twice"], unknown)
