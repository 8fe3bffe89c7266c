"""Compare the results of a submission with the reference and with every known misconception. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autograder.arrays import double, dtype_of, is_array, is_floating
from autograder.frameworks import TORCH
from autograder.questions.model import Answer, Close, Comparison, Exact, Within
from autograder.text import without_numbers

if TYPE_CHECKING:
    from autograder.arrays import Array


@dataclass(frozen=True)
class Failure:
    """A probe call without a result: the student's code raised an exception of this ``type``, or the session was lost.

    ``cell`` and ``line`` say where it raised (0: not known).
    """

    type: str
    message: str
    cell: int = 0
    line: int = 0


Result = Answer | Failure
ENTRY = ("entry", "entries")
# How far the numbers of code that does what is asked, if not correctly, correlate with the reference; how far the ranks of
# one number a case do, since distances and products of any kind come to 0.86; and of how many numbers it says something.
RESEMBLANCE, RANKED, FEW = 0.5, 0.9, 8


@dataclass(frozen=True)
class KeyCase:
    """One case of a test in the answer key: inputs, reference, and the absolute tolerance of each ``Close`` output.

    ``sizes`` are the shapes of what the probe returned for the oracle, if it is counted.
    """

    name: str
    inputs: Mapping[str, object]
    reference: Answer
    atol: Mapping[str, float]
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class KeyMisconception:
    """The results of a misconception, by the name of the case; it is recognised by these cases, which may be some of all."""

    id: str
    hint: str
    harmless: bool
    results: Mapping[str, Result]


@dataclass(frozen=True)
class KeyTest:
    """A test of the answer key, with everything that ``judge`` needs, for one draw of its cases.

    ``probe`` and ``count`` are addresses, ``module.name``; ``count`` is '' where a probe's result is compared as it is.
    ``names`` are the graded names that the test asks for, ``kept`` the inputs that are not sent to the submission, ``needs``
    the tests of which one has to pass as well. ``instead_of`` and ``after`` make it a variant, ``stand_ins`` are
    addresses of functions by the names that they replace. ``framework`` is that of its inputs and references.
    """

    question: str
    id: str
    title: str
    probe: str
    seconds: float
    outputs: Mapping[str, Comparison]
    cases: tuple[KeyCase, ...]
    misconceptions: tuple[KeyMisconception, ...]
    names: tuple[str, ...] = ()
    count: str = ""
    kept: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    instead_of: str = ""
    after: tuple[str, ...] = ()
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    draw: int = 0
    framework: str = TORCH


@dataclass(frozen=True)
class Judgement:
    """The outcome of one test: ``message`` is for the student, ``misconception`` names the recognised mistake.

    ``example`` names a case that shows the mistake, in the words of its author ('' if the message names one, or if no case
    shows more than another). ``cell`` and ``line`` say where the student's code raised (0: it did not).
    """

    passed: bool
    message: str
    misconception: str | None = None
    example: str = ""
    cell: int = 0
    line: int = 0


@np.errstate(all="ignore")
def excess(comparison: Comparison, got: Array, want: Array, atol: float = 0.0) -> float:
    """The error as a multiple of the allowed error: at most 1 passes. Infinity if the shape or dtype is wrong or a value
    is not finite.

    ``want`` is a float64 or integer reference; ``Within`` ignores its values.
    """
    if shape_complaint(comparison, got, want) or not np.isfinite(got := double(got)).all():
        return float("inf")
    if got.size == 0:
        return 0.0
    want = double(want)
    match comparison:
        case Close(rtol=rtol):
            error, allowed = float(np.abs(got - want).max()), rtol * float(np.abs(want).max()) + atol
        case Exact():
            error, allowed = float(np.abs(got - want).max()), 0.0
        case Within(low=low, high=high):
            middle, allowed = (low + high) / 2, (high - low) / 2
            outside = bool((_side(comparison, got) != 0).any())
            error = float(np.abs(got - middle).max())
            # A value on a bound passes, even if the middle is rounded.
            error = max(error, allowed * (1 + 1e-9)) if outside else min(error, allowed)
    if error == 0.0:
        return 0.0
    return error / allowed if allowed > 0 else float("inf")


def _side(bounds: Within, values: np.ndarray) -> np.ndarray:
    """-1 below the bounds, 1 above them, 0 within."""
    return (values > bounds.high).astype(int) - (values < bounds.low)


def shape_complaint(comparison: Comparison, got: Array, want: Array) -> str | None:
    """What is wrong with the shape or dtype, as a clause; None if both are correct. Both are part of the task."""
    expected = tuple(comparison.shape if isinstance(comparison, Within) else want.shape)
    if tuple(got.shape) != expected:
        words = shape_in_words(tuple(got.shape), expected)
        return f"has shape {without_numbers(str(tuple(got.shape)))}, expected {expected}" + (
            f": {words}" if words else ""
        )
    dtype = dtype_of(got)
    if dtype != comparison.dtype:
        got_words, expected_words = dtype_in_words(dtype), dtype_in_words(comparison.dtype)
        if got_words == expected_words:  # they would tell nothing
            got_words = expected_words = ""
        return f"is {dtype}{got_words}, expected {comparison.dtype}{expected_words}"
    return None


def dtype_in_words(dtype: str) -> str:
    """``" (whole numbers)"`` for int64 and its like; '' for floating point, whose name says it all."""
    words = {"bool": "True and False", "int": "whole numbers", "uint": "whole numbers", "complex": "complex numbers"}
    kind = words.get(dtype.rstrip("0123456789"))
    return f" ({kind})" if kind else ""


def shape_in_words(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """How a wrong shape differs from the expected one, such as "one row too many"; '' if words do not help."""
    if 0 in got and 0 not in want:
        return "it is empty"
    if not got:
        return "it is a single number"
    if not want and math.prod(got) > 1:
        return "return a single number"
    if len(got) != len(want):
        axes, same = abs(len(got) - len(want)), _without_ones(got) == _without_ones(want)
        axis = ("one axis" if axes == 1 else f"{axes} axes") + " of length 1" * same
        return f"{axis} too {'many' if len(got) > len(want) else 'few'}"
    different = [axis for axis in range(len(got)) if got[axis] != want[axis]]
    if len(different) > 1:
        return "the axes are in another order" if sorted(got) == sorted(want) else ""
    (axis,) = different
    one, many = ("row", "rows") if (len(got), axis) == (2, 0) else ("column", "columns") if len(got) == 2 else ENTRY
    where = f" along axis {axis}" if len(got) > 2 else ""
    if abs(got[axis] - want[axis]) == 1:
        return f"one {one} too {'many' if got[axis] > want[axis] else 'few'}{where}"
    if got[axis] == 2 * want[axis]:
        return f"twice as many {many}{where}"
    return f"half of the {many}{where}" if 2 * got[axis] == want[axis] else ""


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def complaint(name: str, comparison: Comparison, got: Array, want: Array, atol: float) -> str | None:
    """What is wrong with one output, without revealing the reference; None if it passes."""
    if excess(comparison, got, want, atol) <= 1:
        return None
    label = comparison.what or f"`{name}`"
    if clause := shape_complaint(comparison, got, want):
        return f"{label} {clause}"
    if not np.isfinite(numbers := double(got)).all():
        kind = "NaN" if np.isnan(numbers).any() else "infinite"
        return f"{label} is {kind}" if numbers.ndim == 0 else f"{label} has {kind} entries"
    if comparison.advice:
        return comparison.advice
    return f"{label} does not match the definition"


def case_complaint(test: KeyTest, case: KeyCase, result: Result) -> str | None:
    """The first thing wrong with the result of one case; None if all outputs pass."""
    if isinstance(result, Failure):
        return result.message or f"your code raised {result.type}"
    for name, comparison in test.outputs.items():
        if name not in result:
            return f"{comparison.what or f'the output `{name}`'} is missing"
        found = complaint(name, comparison, result[name], case.reference[name], case.atol.get(name, 0.0))
        if found:
            return found
    return None


def same_result(test: KeyTest, case: KeyCase, result: Result, wrong: Result) -> bool:
    """Whether a submission's result equals that of a misconception: exceptions by type, NaN and infinity by position."""
    if isinstance(result, Failure) or isinstance(wrong, Failure):
        return isinstance(result, Failure) and isinstance(wrong, Failure) and result.type == wrong.type
    return all(
        name in result
        and name in wrong
        and _same_tensor(comparison, result[name], wrong[name], case.atol.get(name, 0.0))
        for name, comparison in test.outputs.items()
    )


@np.errstate(all="ignore")
def _same_tensor(comparison: Comparison, got: Array, wrong: Array, atol: float) -> bool:
    if got.shape != wrong.shape or dtype_of(got) != dtype_of(wrong):
        return False
    got, wrong = double(got), double(wrong)
    if not np.array_equal(finite := np.isfinite(got), np.isfinite(wrong)):
        return False
    got, wrong = np.where(finite, got, 0.0), np.where(finite, wrong, 0.0)
    if isinstance(comparison, Within):  # statistics are random: a misconception is recognised by the bound it violates
        return np.array_equal(_side(comparison, got), _side(comparison, wrong))
    rtol = comparison.rtol if isinstance(comparison, Close) else 0.0
    if got.size == 0:
        return True
    return bool(np.abs(got - wrong).max() <= rtol * np.abs(wrong).max() + atol)


def judge(test: KeyTest, results: Mapping[str, Result]) -> Judgement:
    """Judge one test from the results of all its cases.

    A test passes if every output of every case passes, or if the results equal those of a harmless variant. If a test
    fails, the results of all cases are compared with each misconception, in order; the first that matches gives its hint.
    If none matches, the comparison is repeated without cases in which either result is not finite, because there a small
    epsilon in the code decides the result.
    """
    complaints = {case.name: case_complaint(test, case, results[case.name]) for case in test.cases}
    failed = [case for case in test.cases if complaints[case.name]]
    if not failed:
        return Judgement(True, "")
    for mistake in test.misconceptions:
        if _is(test, results, mistake):
            return _recognised(test, failed, results, mistake, mistake.harmless)
    # Looked up once, not for each mistake: a submission may return very large results.
    finite = [case for case in test.cases if _finite(test, results[case.name])]
    for mistake in test.misconceptions:
        if _is_where_finite(test, finite, results, mistake):
            return _recognised(test, failed, results, mistake, False)
    message = _summary(test, failed, complaints, results)
    example = _example(test, failed, results) if _always(test, failed, complaints) else ""  # else the message names it
    return Judgement(False, message, None, example, *_raised(failed, results))


def _recognised(
    test: KeyTest, failed: Sequence[KeyCase], results: Mapping[str, Result], mistake: KeyMisconception, passed: bool
) -> Judgement:
    if passed:
        return Judgement(True, mistake.hint, mistake.id)
    return Judgement(False, mistake.hint, mistake.id, _example(test, failed, results), *_raised(failed, results))


def _example(test: KeyTest, failed: Sequence[KeyCase], results: Mapping[str, Result]) -> str:
    """The name of the first case that failed; '' if there is only one case, or if all end in the same exception."""
    ends = {result.message if isinstance(result, Failure) else None for result in results.values()}
    same = len(failed) == len(test.cases) and len(ends) == 1 and None not in ends
    return "" if len(test.cases) == 1 or same else failed[0].name


def _raised(failed: Sequence[KeyCase], results: Mapping[str, Result]) -> tuple[int, int]:
    """Cell and line of the first exception that names them, (0, 0) if none does."""
    ends = (results[case.name] for case in failed)
    return next(((end.cell, end.line) for end in ends if isinstance(end, Failure) and end.line), (0, 0))


@np.errstate(all="ignore")
def shows_work(test: KeyTest, results: Mapping[str, Result], judgement: Judgement) -> bool:
    """Whether the results can only come from code that does what is asked, if not correctly.

    The test passes, or the numbers are those of a known mistake, and in at least half of the cases no input and no constant
    (a gradient may be 0 for one image), or they rise and fall with the reference.
    """
    if judgement.passed:
        return True
    if any(isinstance(kind, Within) for kind in test.outputs.values()):
        return False
    computed = [
        not isinstance(results[case.name], Failure)
        and any(_computed(results[case.name][name], case) for name in test.outputs if name in results[case.name])
        for case in test.cases
    ]
    known = judgement.misconception is not None and 2 * sum(computed) >= len(computed)
    return known or resemblance(test, results) >= RESEMBLANCE


def resemblance(test: KeyTest, results: Mapping[str, Result]) -> float:
    """How far the numbers of a failed test rise and fall with the reference: the mean size of their correlations, 0 to 1.

    Numbers of one tensor are compared with each other where there are at least ``FEW``, in what a weighted sum of the
    inputs does not explain: an input is no work, nor are parameters that hardly moved. Otherwise the numbers of all cases
    are compared by rank, since a loss is large in some cases for reasons that have nothing to do with the student.
    """
    found: list[float] = []
    for name in (name for name, comparison in test.outputs.items() if isinstance(comparison, Close)):
        if any(isinstance(of, Failure) or name not in of for of in (results[case.name] for case in test.cases)):
            return 0.0
        pairs = [(c, double(results[c.name][name]), double(c.reference[name])) for c in test.cases]
        if not all(got.shape == wanted.shape and np.isfinite(got).all() for _, got, wanted in pairs):
            return 0.0
        large = [(case, got, wanted) for case, got, wanted in pairs if wanted.size >= FEW]
        found += [_correlation(_unexplained(got, case), _unexplained(wanted, case)) for case, got, wanted in large]
        if not large and len(pairs) >= FEW:
            got, wanted = (np.concatenate([x.ravel() for x in of]) for of in list(zip(*pairs))[1:])
            ranks = _correlation(_ranks(got), _ranks(wanted))
            found.append(ranks if ranks >= RANKED else 0.0)
    return sum(found) / len(found) if found else 0.0


def _unexplained(values: np.ndarray, case: KeyCase) -> np.ndarray:
    """What the best weighted sum of the inputs of the same shape leaves of ``values``, without rounding: 1-d, float64."""
    same = [double(x).ravel() for x in case.inputs.values() if is_array(x) and x.shape == values.shape]
    values = values.ravel()
    given = np.stack([np.ones_like(values), *same], axis=1)
    left = values - given @ np.linalg.lstsq(given, values, rcond=None)[0]
    return left if np.linalg.norm(left) > 1e-4 * np.linalg.norm(values) else np.zeros_like(values)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """The size of the correlation of two 1-d arrays; 0 where one is constant."""
    one, other = one - one.mean(), other - other.mean()
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    size = float(abs(one @ other)) / lengths if lengths else math.nan
    return size if math.isfinite(size) else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """The place of each value when they are sorted; equal values have one place."""
    return np.unique(values, return_inverse=True)[1]


def _computed(number: Array, case: KeyCase) -> bool:
    """Whether a tensor is neither a constant nor an input."""
    numbers = double(number)
    given = [tensor for tensor in case.inputs.values() if is_array(tensor) and tensor.shape == number.shape]
    return (
        is_floating(number)
        and numbers.size > 1
        and bool(numbers.max() > numbers.min())
        and not any(np.array_equal(_in_dtype_of(number, tensor), numbers) for tensor in given)
    )


def _in_dtype_of(like: Array, tensor: Array) -> np.ndarray:
    """The numbers of a tensor, rounded to the floating dtype of another."""
    return double(tensor.astype(like.dtype) if isinstance(like, np.ndarray) else tensor.to(like.dtype))


def _is(test: KeyTest, results: Mapping[str, Result], mistake: KeyMisconception) -> bool:
    known = [case for case in test.cases if case.name in mistake.results]
    return all(same_result(test, case, results[case.name], mistake.results[case.name]) for case in known)


def _is_where_finite(
    test: KeyTest, finite: Sequence[KeyCase], results: Mapping[str, Result], mistake: KeyMisconception
) -> bool:
    """The same for cases in which both results are finite. These must be at least half of its cases and show the mistake.

    ``finite`` are the cases in which that of the submission is.
    """
    both = [case for case in finite if case.name in mistake.results and _finite(test, mistake.results[case.name])]
    return (
        2 * len(both) >= len(mistake.results)
        and all(same_result(test, case, results[case.name], mistake.results[case.name]) for case in both)
        and any(case_complaint(test, case, mistake.results[case.name]) for case in both)
    )


def _finite(test: KeyTest, result: Result) -> bool:
    return not isinstance(result, Failure) and all(
        bool(np.isfinite(double(result[name])).all()) for name in test.outputs if name in result
    )


def _always(test: KeyTest, failed: Sequence[KeyCase], complaints: Mapping[str, str | None]) -> bool:
    """Whether the same is wrong in all cases."""
    return len(failed) == len(test.cases) and len({complaints[case.name] for case in failed}) == 1


def _summary(
    test: KeyTest, failed: list[KeyCase], complaints: Mapping[str, str | None], results: Mapping[str, Result]
) -> str:
    """One sentence: what is wrong, and on which inputs if that helps."""
    texts = list(dict.fromkeys(complaints[case.name] for case in failed))
    first = texts[0].rstrip(".")
    word = first.split(" ", 1)[0]
    if (
        word.isalpha() and word not in test.names and (len(word) > 1 or word == "a")
    ):  # no name of code, which has its case
        first = first[:1].upper() + first[1:]
    always = _always(test, failed, complaints)
    if len(test.cases) == 1 or (always and isinstance(results[failed[0].name], Failure)):
        return f"{first}."
    if always:
        return f"{first} (on all {len(failed)} inputs)."
    if len(failed) == len(test.cases):
        return f"{first} (first of {len(failed)} failing inputs: {failed[0].name})."
    names = "; ".join(case.name for case in failed[:3]) + ("; …" if len(failed) > 3 else "")
    return f"{first} (on {len(failed)} of {len(test.cases)} inputs: {names})."
