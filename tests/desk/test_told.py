"""The lines of a check: hints first, what stops several tests once, short numbers."""

from autograder.desk.by_hand import ByHand
from autograder.desk.run import Raised
from autograder.desk.told import Line, lines, rounded
from autograder.engine.judge import Judgement
from autograder.engine.outcomes import LATER, Outcome

HOMES = {"TwoViews": "q3"}


def outcome(title, message="", passed=False, misconception=None, raised=None):
    """The outcome of one test."""
    return Outcome(title, title, Judgement(passed, message, misconception), raised)


def test_the_hint_comes_first_and_once():
    hint = "You divide by n; divide by 2n."
    told = lines([], [outcome("value", hint, misconception="n"), outcome("gradient", hint, misconception="n")], HOMES)
    assert told == [Line("✗", f"{hint}  (value; gradient)")]
    (first, second) = lines([ByHand("pair", "Expected 1, got 2.")], [outcome("value", hint, misconception="n")], HOMES)
    assert (first.text, second.text) == (f"{hint}  (value)", "Expected 1, got 2.  (pair)")


def test_a_name_that_begins_a_sentence_keeps_its_case():
    raised = Raised("TypeError", "the model gets no t", complains=True)
    told = lines([ByHand("a", "eps is (2, 3)"), ByHand("b", "the model gets no t", raised)], [], HOMES)
    assert [line.text for line in told] == ["eps is (2, 3).  (a)", "The model gets no t.  (b)"]


def test_what_is_right_comes_last():
    told = lines([ByHand("by hand")], [outcome("value", "no"), outcome("gradient", passed=True)], HOMES)
    assert [line.mark for line in told] == ["✗", "✓", "✓"]


def test_a_stub_and_a_missing_name_are_told_once():
    stub, missing = Raised("NotImplementedError", "", stub="nt_xent"), Raised("NameMissing", "", missing="TwoViews")
    told = lines(
        [ByHand("by hand", "x", stub)], [outcome("a", "x", raised=stub), outcome("b", "x", raised=missing)], HOMES
    )
    assert told == [Line("·", "nt_xent is not implemented yet"), Line("·", "run the cell of TwoViews first")]


def test_an_exception_is_told_once_with_its_line():
    raised = [Raised("ValueError", f"{n} rows", line="return z.view(3)", number=4) for n in (5, 7)]
    (line,) = lines([], [outcome("a", "first of 9", raised=raised[0]), outcome("b", "x", raised=raised[1])], HOMES)
    assert line.text == "Your code raised ValueError: 5 rows.  (a; b)\n    line 4: return z.view(3)"


def test_a_recognised_exception_keeps_its_hint():
    raised = Raised("ValueError", "5 rows", line="z.view(3)", number=4)
    (line,) = lines([], [outcome("a", "Do not reshape.", misconception="view", raised=raised)], HOMES)
    assert line.text.startswith("Do not reshape.")


def test_a_test_that_needs_another_waits_and_a_remark_is_shown():
    told = lines([], [outcome("conduct"), outcome("value", "Fine, but slow.", passed=True)], HOMES)
    assert told == [Line("·", f"conduct: {LATER}"), Line("✓", "Fine, but slow.")]


def test_long_numbers_are_rounded():
    assert rounded("got 0.30000001192 and 1.5, not -2.123456e-05") == "got 0.3 and 1.5, not -2.123e-05"
