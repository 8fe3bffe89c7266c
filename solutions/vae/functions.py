"""What questions about one function of tensors share: how their cases are drawn, and their tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons, dtypes_kept, gradients_left_off

from . import counts, probes


def cases(
    function: str, generator: torch.Generator, settings: Mapping[str, tuple], inputs: Callable[..., dict], axes: slice
) -> tuple[Case, ...]:
    """A case for each setting, a shape or (shape, …): ``inputs(generator, *setting)``, and weights of the result, whose
    shape is ``shape[axes]``: they are 1 to 2 in size, of either sign."""

    def case(name: str, shape: tuple[int, ...], *rest: object) -> Case:
        given, size = inputs(generator, shape, *rest), shape[axes]
        signs = torch.randint(2, size, generator=generator) * 2 - 1
        return Case(
            name, {"function": function, "weights": signs * (torch.rand(size, generator=generator) + 1), **given}
        )

    return tuple(case(name, *(one if isinstance(one[0], tuple) else (one,))) for name, one in settings.items())


def _called(function: str, row: int) -> dict[str, str]:
    """The inputs of a row of ``ARGUMENTS``, and how sentences call them."""
    return {name: {"logits": "the logits"}.get(name, name) for name in probes.ARGUMENTS[function][row]}


def _gradients(function: str, rtol: float = 1e-4) -> dict[str, Close]:
    return {
        f"gradient_{name}": Close(rtol, what=f"the gradient to {what}") for name, what in _called(function, 1).items()
    }


def tests(
    function: str, what: str, names: Sequence[str], work: Sequence[str] = ("value", "gradient")
) -> tuple[Test, ...]:
    """Value, gradient and side effects; ``work`` are the tests of the question that show the function at work."""
    title = "gradient to " + " and ".join(_called(function, 1).values())
    moved = Exact(advice=f"You return an input of {function} as it is")
    kept = {**comparisons(function, _called(function, 0)), **gradients_left_off(function), **dtypes_kept(function)}
    value = Close(1e-4, what=what)
    found = (
        Test("value", f"value of {what}", probes.value, tuple(names), {"value": value}, kept=("weights",)),
        Test("gradient", title, probes.gradient, tuple(names)[:3], _gradients(function)),
        Test("conduct", "the dtype is kept; inputs and global state stay as they are", probes.conduct, tuple(names)[:1],
             {**kept, "moved": moved}, count=counts.conduct, kept=("weights",), needs=tuple(work)),
    )  # fmt: skip
    return tuple(test for test in found if test.id in (*work, "value", "conduct"))


def extreme_tests(
    function: str, what: str, title: str, names: Sequence[str], passed: str, rtol: float = 1e-4
) -> tuple[Test, ...]:
    """Value and gradient at extreme inputs; and, for a function that is wrong elsewhere, itself in float64.

    ``passed`` is what its author reads, ``rtol`` belongs to the gradient.
    """
    outputs = {"value": Close(1e-4, what=what), **_gradients(function, rtol)}
    itself = {"not_finite": Exact(), "differs": Exact()}
    return (
        Test("extreme", title, probes.value_and_gradient, tuple(names), outputs),
        Test("extreme_of_itself", passed, probes.in_both_precisions, tuple(names), itself, count=counts.both_precisions,
             needs=("value",), instead_of="extreme", after=("value",)),
    )  # fmt: skip


def with_variants(
    tests: Sequence[Test], titles: Sequence[str], after: Sequence[str], stand_ins: Mapping[str, Callable]
) -> tuple[Test, ...]:
    """The tests, and of those that have a title the variant that is given ``stand_ins``, where a question in ``after``
    lost points."""
    given = {"after": tuple(after), "stand_ins": stand_ins}
    return (*tests, *(variant(one, f"{one.id}_given", title, **given) for one, title in zip(tests, titles) if title))
