"""The judge: shape before values, the max-norm rule, hints from misconceptions, no reference in any message."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autograder.engine.judge import Failure, Judgement, KeyCase, KeyMisconception, KeyTest, excess, judge, shows_work
from autograder.questions.model import Close, Exact, Within

CLOSE = Close(rtol=1e-3)


def key(outputs, references, misconceptions=()):
    """A test with one case per reference, named a, b, …"""
    cases = tuple(KeyCase(name, {}, reference, {}) for name, reference in zip("abcdefgh", references))
    return KeyTest("q1", "value", "value", "probe", 1.0, outputs, cases, misconceptions)


def test_empty_tensor_is_not_close_to_anything():
    """Broadcasting makes ``allclose(empty, reference)`` true; shape decides first."""
    assert excess(CLOSE, torch.empty(0), torch.tensor(3.0).double()) == float("inf")


@pytest.mark.parametrize(
    "got", [torch.ones(1), torch.ones((), dtype=torch.float64), torch.tensor(float("nan")), torch.tensor(float("inf"))]
)
def test_wrong_shape_dtype_or_finiteness_is_never_close(got):
    assert excess(CLOSE, got, torch.ones(()).double()) == float("inf")


def test_error_is_measured_against_the_largest_entry():
    """A gradient entry near 0 carries the rounding of the large ones: 1e-4 beside 1 is within rtol 1e-3."""
    want = torch.tensor([1.0, 0.0]).double()
    assert excess(CLOSE, torch.tensor([1.0, 1e-4]), want) == pytest.approx(0.1, rel=1e-3)
    assert excess(CLOSE, torch.tensor([1.0, 1e-2]), want) == pytest.approx(10, rel=1e-3)


def test_absolute_tolerance_carries_a_zero_reference():
    assert excess(CLOSE, torch.tensor(1e-6), torch.tensor(0.0).double(), atol=1e-5) == pytest.approx(0.1, rel=1e-3)
    assert excess(CLOSE, torch.tensor(1e-6), torch.tensor(0.0).double(), atol=0.0) == float("inf")


def test_exact_and_within():
    assert excess(Exact(), torch.tensor([1, 2]), torch.tensor([1, 2])) == 0
    assert excess(Exact(), torch.tensor([1, 3]), torch.tensor([1, 2])) == float("inf")
    assert excess(Within(0.7, 0.9), torch.tensor(0.75), torch.tensor(0.0)) <= 1
    assert excess(Within(0.7, 0.9), torch.tensor(0.95), torch.tensor(0.0)) > 1


def test_all_right_passes_without_words():
    test = key({"value": CLOSE}, [{"value": torch.tensor(2.0).double()}])
    assert judge(test, {"a": {"value": torch.tensor(2.0)}}) == judge(test, {"a": {"value": torch.tensor(2.001)}})
    assert judge(test, {"a": {"value": torch.tensor(2.0)}}).passed


def test_a_recognised_mistake_gets_its_hint_only_if_it_fits_every_case():
    references = [{"value": torch.tensor(2.0).double()}, {"value": torch.tensor(3.0).double()}]
    mistake = KeyMisconception(
        "half", "Look at the factor.", False, {"a": {"value": torch.tensor(1.0)}, "b": {"value": torch.tensor(1.5)}}
    )
    test = key({"value": CLOSE}, references, (mistake,))
    hinted = judge(test, {"a": {"value": torch.tensor(1.0)}, "b": {"value": torch.tensor(1.5)}})
    assert (hinted.passed, hinted.message, hinted.misconception) == (False, "Look at the factor.", "half")
    other = judge(test, {"a": {"value": torch.tensor(1.0)}, "b": {"value": torch.tensor(9.0)}})
    assert other.misconception is None and not other.passed


def test_a_large_result_is_looked_through_once_and_not_for_every_mistake(monkeypatch):
    looked, isfinite = [], np.isfinite
    monkeypatch.setattr(np, "isfinite", lambda array: looked.append(np.size(array)) or isfinite(array))
    mistakes = tuple(KeyMisconception(str(n), "", False, {"a": {"value": torch.tensor(float(n))}}) for n in range(50))
    test = key({"value": CLOSE}, [{"value": torch.tensor(99.0).double()}], mistakes)
    result = {"value": torch.zeros(10_000), "not asked for": torch.full((20_000,), torch.nan)}
    assert "has shape" in judge(test, {"a": result}).message
    assert looked.count(10_000) == 1 and 20_000 not in looked


def test_a_harmless_oddity_passes_with_a_remark():
    odd = KeyMisconception("normalised", "Harmless.", True, {"a": {"value": torch.tensor(1.0)}})
    judged = judge(
        key({"value": CLOSE}, [{"value": torch.tensor(2.0).double()}], (odd,)), {"a": {"value": torch.tensor(1.0)}}
    )
    assert judged.passed and judged.message == "Harmless."


def test_exceptions_match_by_type_and_nan_by_place():
    raising = KeyMisconception("in place", "backward raises", False, {"a": Failure("RuntimeError", "")})
    overflow = KeyMisconception("overflow", "exp overflows", False, {"a": {"value": torch.tensor(float("nan"))}})
    test = key({"value": CLOSE}, [{"value": torch.tensor(2.0).double()}], (raising, overflow))
    assert judge(test, {"a": Failure("RuntimeError", "x")}).misconception == "in place"
    assert judge(test, {"a": Failure("TypeError", "that is why")}).message == "That is why."
    assert judge(test, {"a": {"value": torch.tensor(float("nan"))}}).misconception == "overflow"


def test_message_names_the_inputs_and_never_the_reference():
    references = [{"value": torch.tensor(2.71828).double()}, {"value": torch.tensor(3.0).double()}]
    judged = judge(
        key({"value": CLOSE}, references), {"a": {"value": torch.tensor(1.0)}, "b": {"value": torch.tensor(3.0)}}
    )
    assert "1 of 2 inputs: a" in judged.message
    assert "2.7" not in judged.message and "3.0" not in judged.message


def test_shape_complaint_says_both_shapes():
    judged = judge(key({"h": CLOSE}, [{"h": torch.zeros(3, 512).double()}]), {"a": {"h": torch.zeros(3, 1000)}})
    assert judged.message == "`h` has shape (3, 1000), expected (3, 512)."


def test_missing_output_is_a_complaint():
    assert not judge(key({"h": CLOSE}, [{"h": torch.zeros(()).double()}]), {"a": {}}).passed


def test_a_mistake_is_recognised_where_an_epsilon_decides_about_nan():
    """Centring a single row gives 0/0, or 0/epsilon: the same mistake, told by the other cases."""
    references = [{"value": torch.tensor(float(k)).double()} for k in (2, 3, 4)]
    wrong = {name: {"value": torch.tensor(value)} for name, value in zip("abc", (1.0, 1.5, 0.0))}
    test = key({"value": CLOSE}, references, (KeyMisconception("centred", "Look at the mean.", False, wrong),))
    nan = {"value": torch.tensor(float("nan"))}
    assert judge(test, {**wrong, "c": nan}).misconception == "centred"
    assert judge(test, {**wrong, "b": nan, "c": nan}).misconception is None


NUMBERS = torch.linspace(-1, 2, 12).sin().double()
WORK = {
    "another scale": (lambda x: 3 * x, True),
    "another sign": (lambda x: -x, True),
    "an offset and a curve": (lambda x: (x + 1).exp() + 5, True),
    "a constant": (lambda x: 0 * x + 2, False),
    "other numbers": (
        lambda x: torch.tensor([(5 * k * k + 3) % 13 for k in range(x.numel())]).view_as(x).double(),
        False,
    ),
    "not finite": (lambda x: x / 0, False),
    "another shape": (lambda x: torch.cat([x.flatten(), x.flatten()]), False),
}


@pytest.mark.parametrize("scalars", [False, True], ids=["one tensor", "a number a case"])
@pytest.mark.parametrize("wrong", WORK)
def test_numbers_that_rise_and_fall_with_the_reference_are_work(wrong, scalars):
    change, works = WORK[wrong]
    numbers = NUMBERS[:8] if scalars else [NUMBERS]
    test = key({"y": Close(1e-3, dtype="float64")}, [{"y": number} for number in numbers])
    made = change(torch.stack(list(numbers)))
    results = {
        case.name: {"y": got} for case, got in zip(test.cases, made if len(made) == len(numbers) else [made] * 8)
    }
    assert shows_work(test, results, Judgement(False, "wrong")) == works


def test_an_input_is_no_work():
    case = KeyCase("a", {"x": NUMBERS}, {"y": NUMBERS + NUMBERS.square()}, {})
    test = KeyTest("q1", "value", "value", "probe", 1.0, {"y": Close(1e-3, dtype="float64")}, (case,), ())
    assert not shows_work(test, {"a": {"y": NUMBERS}}, Judgement(False, "wrong"))
    assert shows_work(test, {"a": {"y": NUMBERS + NUMBERS.square() / 2}}, Judgement(False, "wrong"))


def told(got, want, dtype="float32"):
    """What is said about the shape or dtype of an output."""
    return judge(
        key({"h": Close(rtol=1e-3, dtype=dtype, what="the answer")}, [{"h": want.double()}]), {"a": {"h": got}}
    ).message


@pytest.mark.parametrize(
    ("got", "want", "words"),
    [
        ((5,), (4,), "one entry too many"),
        ((3,), (4,), "one entry too few"),
        ((9, 4), (8, 4), "one row too many"),
        ((8, 3), (8, 4), "one column too few"),
        ((16, 4), (8, 4), "twice as many rows"),
        ((8, 2), (8, 4), "half of the columns"),
        ((7, 3, 32, 32), (8, 3, 32, 32), "one entry too few along axis 0"),
        ((8, 32, 32, 3), (8, 3, 32, 32), "the axes are in another order"),
        ((4, 8), (8, 4), "the axes are in another order"),
        ((1,), (), "one axis of length 1 too many"),
        ((8, 1), (8,), "one axis of length 1 too many"),
        ((3, 32, 32), (1, 3, 32, 32), "one axis of length 1 too few"),
        ((8, 4), (8,), "one axis too many"),
        ((8,), (), "return a single number"),
        ((), (8,), "it is a single number"),
        ((0,), (8,), "it is empty"),
        ((3, 1000), (3, 512), ""),
        ((7, 9), (8, 4), ""),
    ],
)
def test_a_wrong_shape_is_told_in_words(got, want, words):
    sentence = f"The answer has shape {got}, expected {want}" + (f": {words}." if words else ".")
    assert told(torch.zeros(got), torch.zeros(want)) == sentence


@pytest.mark.parametrize(
    ("dtype", "expected", "words"),
    [
        (torch.float64, "float32", "float64, expected float32"),
        (torch.int64, "float32", "int64 (whole numbers), expected float32"),
        (torch.uint8, "float32", "uint8 (whole numbers), expected float32"),
        (torch.bool, "int64", "bool (True and False), expected int64 (whole numbers)"),
        (torch.int32, "int64", "int32, expected int64"),
        (torch.complex64, "float32", "complex64 (complex numbers), expected float32"),
    ],
)
def test_a_wrong_dtype_is_told_in_words(dtype, expected, words):
    assert told(torch.zeros(4, dtype=dtype), torch.zeros(4), expected) == f"The answer is {words}."


@pytest.mark.parametrize("name", ["evaluate", "Classifier", "nt_xent", "z"])
def test_a_name_of_code_keeps_its_case(name):
    test = replace(key({"h": CLOSE}, [{"h": torch.zeros(())}]), names=("evaluate", "Classifier", "nt_xent"))
    assert judge(test, {"a": Failure("X", f"{name} is not defined")}).message == f"{name} is not defined."
    assert judge(test, {"a": Failure("X", f"the {name} is odd")}).message == f"The {name} is odd."


def numbers(**values):
    """The result of a probe with one number, by case."""
    return {
        name: value if isinstance(value, Failure) else {"value": torch.tensor(value)} for name, value in values.items()
    }


BROKEN = Failure("X", "it raised", cell=7, line=3)


@pytest.mark.parametrize(
    ("results", "example", "place"),
    [
        (numbers(a=1.0, b=4.0, c=6.0), "a", (0, 0)),  # known on every input
        (numbers(a=2.0, b=4.0, c=BROKEN), "", (7, 3)),  # unknown: its message names input c
        (numbers(a=9.0, b=9.0, c=9.0), "a", (0, 0)),  # unknown, wrong on all inputs
        (numbers(a=BROKEN, b=BROKEN, c=BROKEN), "", (7, 3)),  # no input shows more than another
        (numbers(a=2.0, b=3.0, c=7.0), "b", (0, 0)),  # known, right where a number is 2
        (numbers(a=2.0, b=4.0, c=6.0), "", (0, 0)),
    ],
)
def test_a_mistake_has_an_input_that_shows_it_and_the_line_that_raised(results, example, place):
    """The reference is 2, 4, 6."""
    known = [KeyMisconception("half", "Halved.", False, numbers(a=1.0, b=4.0, c=6.0)),
             KeyMisconception("off", "One off.", False, numbers(a=2.0, b=3.0, c=7.0))]  # fmt: skip
    references = [{"value": torch.tensor(value).double()} for value in (2.0, 4.0, 6.0)]
    judged = judge(key({"value": CLOSE}, references, known), results)
    assert (judged.example, (judged.cell, judged.line)) == (example, place)


def test_one_input_alone_is_no_example():
    judged = judge(key({"value": CLOSE}, [{"value": torch.tensor(2.0).double()}]), numbers(a=3.0))
    assert (judged.passed, judged.example) == (False, "")
