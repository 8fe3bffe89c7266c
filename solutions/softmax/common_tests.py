"""Tests that several questions have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autograder.questions.array_side_effects.counts import side_effects
from autograder.questions.array_side_effects.question import comparisons
from autograder.questions.model import Close, Exact, Probe, Test

from . import counts, probes


def of_one_array(function: str, what: str, ordinary: tuple[str, ...], extreme: tuple[str, ...]) -> tuple[Test, ...]:
    """The value of a function of one array, its value without warnings in ``extreme`` cases, and what it does beside.

    The inputs of each case are ``function``, its name, and ``x``. ``what`` says what it returns.
    """
    values = {"value": Close(1e-9, dtype="float64", what=what)}
    quiet = {"warnings": Exact(advice=f"NumPy warns of an overflow or an invalid number in {function}")}
    return (
        Test("value", what, probes.value, ordinary, values),
        Test("extreme", f"{what} at 1000 and -1000, without warnings", probes.value, extreme, {**values, **quiet}),
        conduct(function, {"x": "x"}, probes.conduct, ordinary[:1], ("value", "extreme")),
    )


def conduct(
    functions: str | Iterable[str],
    inputs: Mapping[str, str],
    probe: Probe,
    cases: tuple[str, ...],
    needs: tuple[str, ...] = (),
) -> Test:
    """What one function does beside its result, or each of several, whose counts begin with its name and ``_``.

    ``inputs``: name of each input that must not change -> how a sentence calls it.
    """
    title = f"{', '.join(inputs.values())} and NumPy's settings stay as they are"
    if isinstance(functions, str):
        return Test("conduct", title, probe, cases, comparisons(functions, inputs), count=side_effects, needs=needs)
    each = {f"{f}_{name}": one for f in functions for name, one in comparisons(f, inputs).items()}
    return Test("conduct", title, probe, cases, each, count=counts.effects_of_each, needs=needs)
