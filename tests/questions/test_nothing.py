"""A function that does nothing earns nothing, in every test of every question of every assignment."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from autograder.engine.judge import judge, shows_work
from autograder.questions.cases import stored_cases
from autograder.questions.loading import load_questions
from autograder.release.compile import run_probe
from tests.answer_keys import answer_key_of
from tests.checkout import COURSE


class Idle(nn.Module):
    """A network that takes anything and returns what it was given."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


NOTHINGS = {
    "None": lambda *_, **__: None,
    "zero": lambda *_, **__: 0.0,
    "a zero tensor": lambda *_, **__: torch.zeros((), requires_grad=True),
    "three zeros": lambda *_, **__: (0.0, 0.0, 0.0),
    "two zeros": lambda *_, **__: (0.0, 0.0),
    "the first argument": lambda *arguments, **__: arguments[0] if arguments else None,
    "the whole": lambda *arguments, **__: arguments,
    "an identity": lambda *_, **__: lambda image: image,
    "an empty list": lambda *_, **__: [],
    "a network": Idle,
}
QUESTIONS = {
    (name, question.id): question for name in COURSE.names() for question in load_questions(COURSE.assignment(name))
}


@pytest.mark.parametrize("nothing", NOTHINGS)
@pytest.mark.parametrize(("name", "question"), QUESTIONS)
def test_nothing_earns_nothing(name, question, nothing):
    namespace = dict.fromkeys(QUESTIONS[name, question].stubs, NOTHINGS[nothing])
    cases = stored_cases(QUESTIONS[name, question].folder)
    passed, working = [], set()
    for test in QUESTIONS[name, question].tests:
        key = answer_key_of(name)[question, test.id]
        results = {case: run_probe(test, cases[case], namespace) for case in test.cases}
        judgement = judge(key, results)
        passed += [test] if judgement.passed else []
        working |= {test.id} if shows_work(key, results, judgement) else set()
    assert [test.id for test in passed if not test.needs or not working.isdisjoint(test.needs)] == []
