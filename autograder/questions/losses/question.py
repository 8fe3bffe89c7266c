"""What questions about a loss of several tensors share: how their batches are drawn, and their tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from string import ascii_lowercase

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons, float32_result

from . import counts, probes

OF_THE_LOSS = ("value", "gradient")  # what shows the function at work


def in_words(sizes: Sequence[tuple[int, int]]) -> str:
    """The name of a case: "batches of 5 × 3, 1 × 4"."""
    return "batches of " + ", ".join(f"{n} × {d}" for n, d in sizes)


def rows(generator: torch.Generator, n: int, d: int, shortest: float = 0.1) -> torch.Tensor:
    """Rows of length ``shortest`` to 10 in random directions, (n, d)."""
    directions = torch.nn.functional.normalize(torch.randn(n, d, generator=generator))
    return directions * shortest * (10 / shortest) ** torch.rand(n, 1, generator=generator)


def case(function: str, arguments: str, name: str, inputs: Sequence[Mapping[str, object]], parts: str = "loss") -> Case:
    """One case of several batches, each with its ``inputs``; see ``probes``."""
    named = {
        f"{key}_{letter}": value.clone() if isinstance(value, torch.Tensor) else value
        for letter, one in zip(ascii_lowercase, inputs)
        for key, value in one.items()
    }
    further = {} if parts == "loss" else {"parts": parts}
    return Case(name, {"function": function, "arguments": arguments, **further, **named})


def value_outputs(names: Sequence[str], rtol: float = 3e-5, parts: str = "loss") -> dict[str, Close]:
    """How the results for batches are compared; ``names`` say in a sentence what each is ("a batch of 5 × 3")."""
    return {
        f"{part}_{letter}": Close(rtol, 1e-6, what=f"the {part} of {one}")
        for letter, one in zip(ascii_lowercase, names)
        for part in parts.split()
    }


def gradient_outputs(
    inputs: Sequence[str], names: Sequence[str], rtol: float = 1e-3, atol: float = 0.0, stopped: Collection[str] = ()
) -> dict[str, Close]:
    """How the gradients to ``inputs`` are compared; ``stopped`` are inputs that get none."""

    def compared(name: str, one: str) -> Close:
        if name in stopped:
            return Close(0.0, 1e-9, advice=f"A gradient reaches {name}: targets are constants")
        return Close(rtol, atol, what=f"the gradient to {name} of {one}")

    return {
        f"gradient_{name}_{letter}": compared(name, one)
        for letter, one in zip(ascii_lowercase, names)
        for name in inputs
    }


def in_batches(sizes: Sequence[tuple[int, int]]) -> list[str]:
    """What each batch is, in a sentence."""
    return [f"a batch of {n} × {d}" for n, d in sizes]


def loss_tests(
    function: str,
    inputs: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    *,
    also: Sequence[str] = (),
    stopped: Collection[str] = (),
    parts: str = "loss",
    case: str = "",
    value: str = "value",
) -> tuple[Test, ...]:
    """Value, gradient, and conduct: float32, ``inputs`` and ``also`` stay as they are, and so does global state.

    ``case`` is the name of the case if that is not ``in_words(sizes)``, ``value`` the id of the test of the value.
    """
    names, cases = in_batches(sizes), (case or in_words(sizes),)
    outputs = {
        **comparisons(function, {name: name for name in (*inputs, *also)}),
        **float32_result(function),
        "moves": Exact(advice=f"What {function} returns does not depend on its inputs"),
    }
    title = "gradient of the loss" + f", none to {' and '.join(stopped)}" * bool(stopped)
    return (
        Test(value, "value of the loss", probes.values, cases, value_outputs(names, parts=parts)),
        Test("gradient", title, probes.gradient, cases, gradient_outputs(inputs, names, stopped=stopped)),
        Test("conduct", "float32; inputs and global state stay as they are", probes.conduct, cases, outputs,
             count=counts.conduct, needs=(value, "gradient")),
    )  # fmt: skip


def finite_test(id: str, title: str, case: str, advice: str) -> Test:
    """Loss and gradients are finite; another value costs nothing here."""
    outputs = {"not_finite": Exact(advice=advice)}
    return Test(id, title, probes.values_and_gradient, (case,), outputs, count=counts.finite, needs=OF_THE_LOSS)


def with_variants(
    tests: Sequence[Test], title: str, after: Sequence[str], stand_ins: Mapping[str, Callable]
) -> tuple[Test, ...]:
    """The tests, and of each the variants that are given ``stand_ins``, all or one of them, where a question in ``after``
    lost points."""
    some = [dict([one]) for one in stand_ins.items()] if len(stand_ins) > 1 else []
    given = {"_given": stand_ins, **{f"_given_{'_'.join(one)}": one for one in some}}
    return (
        *tests,
        *(
            variant(test, test.id + name, title, tuple(after), stand_ins=chosen)
            for test in tests
            for name, chosen in given.items()
        ),
    )
