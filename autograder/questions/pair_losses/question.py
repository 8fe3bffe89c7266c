"""What questions about a loss of two batches share: how embeddings are drawn, and how answers are compared."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from autograder.questions.model import Case, Close, Count, Exact, Probe, Test
from autograder.questions.pair_losses import counts, probes
from autograder.questions.side_effects.question import comparisons

# A wrong value or gradient shows that there is a loss, of which other things can be tested.
OF_THE_LOSS = ("value", "gradient")


def norms_between(low: float, high: float, count: int) -> torch.Tensor:
    """``count`` lengths from ``low`` to ``high``, evenly spaced in their logarithm: (count, 1)."""
    return torch.logspace(math.log10(low), math.log10(high), count).unsqueeze(1)


def unit_rows(generator: torch.Generator, n: int, d: int) -> torch.Tensor:
    """Rows of length 1 in random directions: (n, d)."""
    return torch.nn.functional.normalize(torch.randn(n, d, generator=generator))


def orthonormal_rows(generator: torch.Generator, n: int, d: int) -> torch.Tensor:
    """Rows of length 1 that are orthogonal to each other, in random directions: (n, d), n <= d."""
    return torch.linalg.qr(torch.randn(d, n, generator=generator).double()).Q.T.float()


def unit_rows_near(rows: torch.Tensor, spread: float, generator: torch.Generator) -> torch.Tensor:
    """Second views: unit rows whose tangent of the angle to ``rows`` is about ``spread``."""
    noise = torch.randn(rows.shape, generator=generator) / math.sqrt(rows.shape[1])
    return torch.nn.functional.normalize(rows + spread * noise)


def gradients(first: str, second: str, rtol: float, atol: Callable[[Case], float]) -> dict[str, Close]:
    """How the gradients to both inputs are compared; ``first`` and ``second`` are the inputs' names in the notebook."""
    return {
        name: Close(rtol, atol, what=f"the gradient to {embeddings}")
        for name, embeddings in (("gradient_a", first), ("gradient_b", second))
    }


def side_effects_test(function: str, first: str, second: str, cases: tuple[str, ...]) -> Test:
    """Inputs and global state stay as they are; the value depends on the inputs, and not on the global seed."""
    return Test(
        id="conduct",
        title="inputs and global state stay as they are",
        probe=probes.pair_loss_side_effects,
        cases=cases,
        outputs={
            **comparisons(function, {"a": first, "b": second}),
            "constant": Exact(advice=f"What {function} returns does not depend on its inputs"),
        },
        count=counts.effects_and_constancy,
        needs=OF_THE_LOSS,
    )


def both_precisions(test: Test, cases: tuple[str, ...], title: str) -> Test:
    """A variant of ``test`` for a loss that is wrong in another respect: it is compared with itself in float64.

    ``title`` is what the student reads if it passes.
    """
    return _with_itself(test, cases, title, probes.pair_loss_in_both_precisions, counts.both_precisions)


def both_scales(test: Test, cases: tuple[str, ...], title: str) -> Test:
    """The same, compared with itself for columns of length 1."""
    return _with_itself(test, cases, title, probes.pair_loss_at_another_scale, counts.both_scales)


def _with_itself(test: Test, cases: tuple[str, ...], title: str, probe: Probe, count: Count) -> Test:
    agreement = {"not_finite": Exact(), **{f"{name}_differs": Exact() for name in ("value", *counts.GRADIENTS)}}
    return Test(
        id=f"{test.id}_of_itself",
        title=title,
        probe=probe,
        cases=cases,
        outputs=agreement,
        count=count,
        needs=OF_THE_LOSS,
        instead_of=test.id,
        after=OF_THE_LOSS,
    )
