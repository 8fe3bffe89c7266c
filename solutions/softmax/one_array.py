"""The tests of a function of one array, such as ``sigmoid``."""

from __future__ import annotations

from autograder.questions.array_side_effects.counts import side_effects
from autograder.questions.array_side_effects.question import comparisons
from autograder.questions.model import Close, Exact, Test

from . import probes


def tests(function: str, what: str, ordinary: tuple[str, ...], extreme: tuple[str, ...]) -> tuple[Test, ...]:
    """Its value, its value without warnings in ``extreme`` cases, and what it does beside.

    The inputs of each case are ``function``, its name, and ``x``. ``what`` says what it returns.
    """
    values = {"value": Close(1e-9, dtype="float64", what=what)}
    quiet = {"warnings": Exact(advice=f"{function} makes NumPy warn of an overflow or an invalid number")}
    effects = comparisons(function, {"x": "x"})
    return (
        Test("value", what, probes.value, ordinary, values),
        Test("extreme", f"{what} at 1000 and -1000, without warnings", probes.value, extreme, {**values, **quiet}),
        Test("conduct", "x and NumPy's settings stay as they are", probes.conduct, ordinary[:1], effects,
             count=side_effects, needs=("value", "extreme")),
    )  # fmt: skip
