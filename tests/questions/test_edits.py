"""Misconceptions as edits: what is built, and what is refused."""

import math

import pytest

from autograder.questions.edits import edit, edited, misconceptions, together


def area(radius):
    square = radius**2
    return math.pi * square


class Circle:
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return area(self.radius)


def test_a_line_is_changed_and_names_of_the_module_stay_in_reach():
    assert edited(area, edit("diameter", "", "radius**2", "(2 * radius) ** 2"))(1) == 4 * math.pi
    assert area(1) == math.pi


def test_several_texts_change_in_one_edit():
    assert edited(area, edit("both", "", "radius**2", "radius", "math.pi * ", ""))(3) == 3


def test_a_class_is_changed_as_a_function_is():
    wrong = edited(Circle, edit("own", "", "area(self.radius)", "self.radius"))
    assert (wrong(3).area(), Circle(1).area()) == (3, math.pi)


@pytest.mark.parametrize(("old", "count"), [("cube", 0), ("square", 2)])
def test_a_text_that_does_not_stand_there_exactly_once_is_refused(old, count):
    with pytest.raises(ValueError, match=f"{old!r} exactly once in .*area, which has it {count} times"):
        edited(area, edit("x", "", old, ""))


def test_an_edit_needs_old_and_new_texts():
    with pytest.raises(ValueError, match="1 texts"):
        edit("x", "", "radius")


def test_two_edits_together_change_both_texts_and_give_both_hints():
    both = together(edit("diameter", "Take r.", "radius**2", "(2 * radius) ** 2"), edit("pi", "Use π.", "math.pi", "3"))
    assert (both.id, both.hint) == ("diameter_and_pi", "Take r. Use π.")
    assert edited(area, both)(1) == 12


def test_a_table_becomes_misconceptions_with_their_hints():
    (found,) = misconceptions("area", area, [edit("sum", "Multiply by π.", "math.pi * ", "math.pi + ", harmless=True)])
    assert (found.id, found.hint, found.harmless) == ("sum", "Multiply by π.", True)
    assert found.namespace["area"](1) == math.pi + 1


def test_other_correct_functions_of_the_question_stay_beside_the_edited_one():
    (found,) = misconceptions("area", area, [edit("sum", "", "math.pi * ", "")], {"area": area, "circle": Circle})
    assert (found.namespace["area"](3), found.namespace["circle"]) == (9, Circle)
