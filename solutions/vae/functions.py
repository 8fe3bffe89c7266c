"""The tests that questions about one function of tensors share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import comparisons, float32_result

from . import counts, probes

WORK = ("value", "gradient")


def case(name: str, function: str, generator: torch.Generator, shape: Sequence[int], **given: Tensor) -> Case:
    """A case of ``function``, whose result has this ``shape``, with weights for its gradient: -2 to 2, none near 0."""
    weights = torch.rand(tuple(shape), generator=generator) + 1
    signs = torch.randint(2, tuple(shape), generator=generator) * 2 - 1
    return Case(name, {"function": function, "weights": weights * signs, **given})


def value_test(what: str, cases: Sequence[str]) -> Test:
    return Test("value", f"value of {what}", probes.value, tuple(cases), {"value": Close(1e-4, what=what)},
                kept=("weights",))  # fmt: skip


def gradient_test(names: Mapping[str, str], cases: Sequence[str]) -> Test:
    """``names``: each input that gets a gradient -> how a sentence calls it."""
    return Test(
        "gradient", "gradient to " + " and ".join(names.values()), probes.gradient, tuple(cases), _gradients(names)
    )


def _gradients(names: Mapping[str, str], rtol: float = 1e-4) -> dict[str, Close]:
    return {f"gradient_{name}": Close(rtol, what=f"the gradient to {what}") for name, what in names.items()}


def extreme_tests(
    what: str, title: str, names: Mapping[str, str], cases: Sequence[str], passed: str, rtol: float = 1e-4
) -> tuple[Test, ...]:
    """Value and gradient at extreme inputs; and, for a function that is wrong elsewhere, itself in float64.

    ``passed`` is what its author reads, ``rtol`` belongs to the gradient.
    """
    outputs = {"value": Close(1e-4, what=what), **_gradients(names, rtol)}
    itself = {"not_finite": Exact(), "differs": Exact()}
    return (
        Test("extreme", title, probes.value_and_gradient, tuple(cases), outputs),
        Test("extreme_of_itself", passed, probes.in_both_precisions, tuple(cases), itself, count=counts.both_precisions,
             needs=("value",), instead_of="extreme", after=("value",)),
    )  # fmt: skip


def conduct_test(function: str, names: Mapping[str, str], cases: Sequence[str], needs: Sequence[str] = WORK) -> Test:
    return Test(
        "conduct",
        "float32; inputs and global state stay as they are",
        probes.conduct,
        tuple(cases),
        {
            **comparisons(function, names),
            **float32_result(function),
            "moved": Exact(advice=f"You return an input of {function} as it is"),
        },
        count=counts.conduct,
        kept=("weights",),
        needs=tuple(needs),
    )
