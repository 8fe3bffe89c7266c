"""A course with one small assignment, as ``kit new`` makes it, and its public tests."""

import pytest

from autograder.commands.new import make
from autograder.course import Course
from autograder.course_code import open_package
from autograder.questions.cases import draw_cases
from autograder.questions.loading import load_questions
from autograder.release.public import compact, public_tests
from tests.checkout import SOLUTIONS


@pytest.fixture(scope="package")
def small(tmp_path_factory):
    """The assignment's folder."""
    course = Course(tmp_path_factory.mktemp("course"))
    make(course, "softmax")
    folder = course.assignment("softmax")
    for question in load_questions(folder):
        draw_cases(question)
    yield folder
    open_package(SOLUTIONS)


@pytest.fixture(scope="package")
def question(small):
    """Its only question."""
    (question,) = load_questions(small)
    return question


@pytest.fixture(scope="package")
def tests(question):
    """The tests of its public check."""
    return tuple(compact(test) for test in public_tests(question))
