"""How the batches of the assignment's losses are drawn, and the tests of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch

from autograder.questions.losses import question as losses
from autograder.questions.losses.question import in_words, rows
from autograder.questions.model import Case, Test

from .probes import ARGUMENTS, PARTS

SIZES = ((5, 3), (1, 4), (4, 4), (2, 7))  # rows and columns of the batches, unless a question has its own


def pair_of_rows(generator: torch.Generator, n: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The embeddings of two views, (n, d) each, that are alike: cosines of 0.5 or so, and lengths of their own."""
    first, second = rows(generator, n, d), rows(generator, n, d)
    return first, second + first * (second.norm(dim=1) / first.norm(dim=1)).unsqueeze(1)


def case(function: str, name: str, inputs: Sequence[Mapping[str, object]]) -> Case:
    """One case of several batches, each with its ``inputs``."""
    return losses.case(function, " ".join(ARGUMENTS[function]), name, inputs, PARTS.get(function, "loss"))


def two_views(function: str, generator: torch.Generator, sizes: Sequence[tuple[int, int]] = SIZES) -> Case:
    """The case of a loss of (p1, p2, z1, z2), or of other names for the same."""

    def inputs(n: int, d: int) -> dict[str, torch.Tensor]:
        first, second = pair_of_rows(generator, n, d), pair_of_rows(generator, n, d)
        return dict(zip(ARGUMENTS[function], (*first, *second)))

    return case(function, in_words(sizes), [inputs(n, d) for n, d in sizes])


def loss_tests(
    function: str, sizes: Sequence[tuple[int, int]] = SIZES, stopped: Collection[str] = (), **further: str
) -> tuple[Test, ...]:
    """Those of the family; no gradient reaches ``stopped``."""
    parts = PARTS.get(function, "loss")
    return losses.loss_tests(function, ARGUMENTS[function], sizes, stopped=stopped, parts=parts, **further)
