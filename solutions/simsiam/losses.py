"""What questions about a loss of several tensors share: how their batches are drawn, and their tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from string import ascii_lowercase

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons, float32_result

from . import counts, probes

SIZES = ((5, 3), (1, 4), (4, 4), (2, 7))  # rows and columns of the batches, unless a question has its own


def in_words(sizes: Sequence[tuple[int, int]]) -> str:
    """The name of a case: "batches of 5 × 3, 1 × 4"."""
    return "batches of " + ", ".join(f"{n} × {d}" for n, d in sizes)


def rows(generator: torch.Generator, n: int, d: int) -> torch.Tensor:
    """Rows of length 0.1 to 10 in random directions, (n, d)."""
    directions = torch.nn.functional.normalize(torch.randn(n, d, generator=generator))
    return directions * 10 ** (2 * torch.rand(n, 1, generator=generator) - 1)


def pair_of_rows(generator: torch.Generator, n: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The embeddings of two views, (n, d) each, that are alike: cosines of 0.5 or so, and lengths of their own."""
    first, second = rows(generator, n, d), rows(generator, n, d)
    return first, second + first * (second.norm(dim=1) / first.norm(dim=1)).unsqueeze(1)


def case(function: str, name: str, inputs: Sequence[Mapping[str, object]]) -> Case:
    """One case of several batches, each with its ``inputs``."""
    named = {f"{name}_{letter}": value for letter, one in zip(ascii_lowercase, inputs) for name, value in one.items()}
    return Case(name, {"function": function, **named})


def two_views(function: str, generator: torch.Generator, sizes: Sequence[tuple[int, int]] = SIZES) -> Case:
    """The case of a loss of (p1, p2, z1, z2), or of other names for the same."""

    def inputs(n: int, d: int) -> dict[str, torch.Tensor]:
        first, second = pair_of_rows(generator, n, d), pair_of_rows(generator, n, d)
        return dict(zip(probes.ARGUMENTS[function], (*first, *second)))

    return case(function, in_words(sizes), [inputs(n, d) for n, d in sizes])


def value_outputs(function: str, sizes: Sequence[tuple[int, int]]) -> dict[str, Close]:
    """How the results for each batch are compared."""
    parts = probes.PARTS.get(function, ("loss",))
    return {
        f"{part}_{letter}": Close(3e-5, 1e-6, what=f"the {part} of a batch of {n} × {d}")
        for letter, (n, d) in zip(ascii_lowercase, sizes)
        for part in parts
    }


def gradient_outputs(
    function: str, sizes: Sequence[tuple[int, int]], stopped: Collection[str] = (), rtol: float = 1e-3
) -> dict[str, Close]:
    """How the gradients for each batch are compared; ``stopped`` are inputs that get none."""

    def compared(name: str, n: int, d: int) -> Close:
        if name in stopped:
            return Close(0.0, 1e-9, advice=f"A gradient reaches {name}: targets are constants")
        return Close(rtol, what=f"the gradient to {name} of a batch of {n} × {d}")

    return {
        f"gradient_{name}_{letter}": compared(name, *size)
        for letter, size in zip(ascii_lowercase, sizes)
        for name in probes.ARGUMENTS[function]
    }


def value_test(function: str, sizes: Sequence[tuple[int, int]] = SIZES, id: str = "value") -> Test:
    """The results for each batch."""
    return Test(id, "value of the loss", probes.values, (in_words(sizes),), value_outputs(function, sizes))


def gradient_test(function: str, sizes: Sequence[tuple[int, int]] = SIZES, stopped: Collection[str] = ()) -> Test:
    """The gradient to each input, and none to ``stopped``."""
    title = "gradient of the loss" + f", none to {' and '.join(stopped)}" * bool(stopped)
    return Test("gradient", title, probes.gradient, (in_words(sizes),), gradient_outputs(function, sizes, stopped))


def conduct_test(
    function: str, sizes: Sequence[tuple[int, int]] = SIZES, needs: Sequence[str] = ("value", "gradient")
) -> Test:
    """Side effects; ``needs`` are the tests that show the function at work."""
    outputs = {
        **comparisons(function, {name: name for name in probes.ARGUMENTS[function]}),
        **float32_result(function),
        "moves": Exact(advice=f"What {function} returns does not depend on its inputs"),
    }
    return Test("conduct", "float32; inputs and global state stay as they are", probes.conduct, (in_words(sizes),),
                outputs, count=counts.conduct, needs=tuple(needs))  # fmt: skip


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
