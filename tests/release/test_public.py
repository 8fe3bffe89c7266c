"""The public checks of every question: no known mistake passes them, and no input of the grading is in them."""

from dataclasses import replace
from importlib import import_module

import pytest
import torch

from autograder.course_code import open_package
from autograder.desk.run import outcomes
from autograder.desk.table import dumped, loaded
from autograder.errors import KitError
from autograder.questions.cases import same_inputs, stored_draws
from autograder.questions.loading import load_questions
from autograder.questions.model import Case
from autograder.release.public import compact, public_cases, public_tests, shown_inputs, slips
from tests.checkout import COURSE, SOLUTIONS

QUESTIONS = {f"{name}-{one.id}": one for name in COURSE.names() for one in load_questions(COURSE.assignment(name))}
# Cases whose tensors are made by hand, without the generator: the grading has them, too.
BY_HAND = {("simclr-q2", "both modes"), ("simclr-q3", "crafted images"), ("simclr-q5", "crafted images")}


def find(address):
    """A probe by its address."""
    module, _, name = address.rpartition(".")
    return getattr(import_module(module), name)


@pytest.fixture(scope="module", params=QUESTIONS)
def checked(request):
    """A question, its public tests, and the same as they travel."""
    open_package(SOLUTIONS)  # another file of tests may have opened a course of its own
    question = QUESTIONS[request.param]
    tests = tuple(public_tests(question))
    return question, tests, loaded(dumped(map(compact, tests)))


def test_no_known_mistake_passes_and_correct_solutions_do(checked):
    question, tests, packed = checked
    assert slips(question, tests).passed == ()
    for name, names in question.correct.items():
        told = {
            one.id: one.judgement.message for one in outcomes(packed, find, dict(names)) if not one.judgement.passed
        }
        assert (name, told) == (name, {})


def test_what_travels_tells_the_same_mistakes(checked):
    question, tests, packed = checked
    for test, small in zip(tests, packed, strict=True):
        assert [mistake.id for mistake in test.misconceptions] == [mistake.id for mistake in small.misconceptions]
    for mistake in question.misconceptions[::9]:
        told = outcomes(packed, find, dict(mistake.namespace))
        assert mistake.harmless or not all(one.judgement.passed for one in told), mistake.id


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_drawn_input_of_the_grading_is_public(name):
    question = QUESTIONS[name]
    graded = stored_draws(question.folder)
    shared = set()
    for case in public_cases(question).values():
        draws = [draw[case.name] for draw in graded]
        if any(isinstance(value, torch.Tensor) for value in case.inputs.values()):
            shared |= {(name, case.name) for draw in draws if same_inputs(case, draw)}
        for input, value in case.inputs.items():
            others = [draw.inputs[input] for draw in draws]
            if isinstance(value, torch.Tensor) and value.is_floating_point() and not torch.equal(others[0], others[1]):
                assert not any(torch.equal(value, other) for other in others)
    assert shared == {one for one in BY_HAND if one[0] == name}


def test_a_graded_input_in_the_public_check_is_refused():
    question = QUESTIONS["simclr-q1a"]
    graded = stored_draws(question.folder)
    case = next(iter(graded[2].values()))
    assert shown_inputs(case, [draw[case.name] for draw in graded]) == ["a", "b"]
    assert shown_inputs(Case("made by hand", {"x": torch.ones(40)}), [Case("", {"x": torch.ones(40)})] * 4) == []
    object.__setattr__(question, "draw", lambda generator: tuple(graded[2].values()))
    with pytest.raises(KitError, match="the input 'a' of the case .* is the same for grading"):
        public_cases(question)


def test_a_hidden_test_stays_out_and_nothing_needs_it():
    question = next(one for one in load_questions(COURSE.assignment("simclr")) if one.id == "q1a")
    hidden = tuple(replace(test, hidden=test.id in ("stability", "value")) for test in question.tests)
    shown = list(public_tests(replace(question, tests=hidden)))
    assert [test.id for test in shown] == ["gradient", "conduct"]
    assert "value" not in shown[1].needs and shown[1].needs
