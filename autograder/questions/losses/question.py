"""What questions about a loss of several tensors share: how their batches are drawn, and their tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase

import torch

from autograder.questions.model import Case, Close, Exact, Test
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


def case(function: str, arguments: str, name: str, inputs: Sequence[Mapping[str, object]]) -> Case:
    """One case of several batches, each with its ``inputs``."""
    named = {
        f"{key}_{letter}": value.clone() if isinstance(value, torch.Tensor) else value
        for letter, one in zip(ascii_lowercase, inputs)
        for key, value in one.items()
    }
    return Case(name, {"function": function, "arguments": arguments, **named})


def value_outputs(names: Sequence[str], rtol: float = 3e-5) -> dict[str, Close]:
    """How the losses of batches are compared; ``names`` say in a sentence what each is ("a batch of 5 × 3")."""
    return {
        f"loss_{letter}": Close(rtol, 1e-6, what=f"the loss of {one}") for letter, one in zip(ascii_lowercase, names)
    }


def gradient_outputs(
    inputs: Sequence[str], names: Sequence[str], rtol: float = 1e-3, atol: float = 0.0
) -> dict[str, Close]:
    """How the gradients to ``inputs`` are compared."""
    return {
        f"gradient_{name}_{letter}": Close(rtol, atol, what=f"the gradient to {name} of {one}")
        for letter, one in zip(ascii_lowercase, names)
        for name in inputs
    }


def loss_tests(
    function: str, inputs: Sequence[str], sizes: Sequence[tuple[int, int]], also: Sequence[str] = ()
) -> tuple[Test, ...]:
    """Value, gradient, and conduct: float32, ``inputs`` and ``also`` stay as they are, and so does global state."""
    names, cases = [f"a batch of {n} × {d}" for n, d in sizes], (in_words(sizes),)
    outputs = {
        **comparisons(function, {name: name for name in (*inputs, *also)}),
        **float32_result(function),
        "moves": Exact(advice=f"What {function} returns does not depend on its inputs"),
    }
    return (
        Test("value", "value of the loss", probes.values, cases, value_outputs(names)),
        Test("gradient", "gradient of the loss", probes.gradient, cases, gradient_outputs(inputs, names)),
        Test("conduct", "float32; inputs and global state stay as they are", probes.conduct, cases, outputs,
             count=counts.conduct, needs=OF_THE_LOSS),
    )  # fmt: skip


def finite_test(id: str, title: str, case: str, advice: str) -> Test:
    """Loss and gradients are finite; another value costs nothing here."""
    outputs = {"not_finite": Exact(advice=advice)}
    return Test(id, title, probes.values_and_gradient, (case,), outputs, count=counts.finite, needs=OF_THE_LOSS)
