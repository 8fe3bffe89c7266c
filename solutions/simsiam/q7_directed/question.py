"""Question 7 (bonus): directed pairs, in which heavy views follow their own standard view."""

import torch

from autograder.questions.losses.question import rows, with_variants
from autograder.questions.model import Case

from ..losses import case, loss_tests, pair_of_rows
from ..probes import OTHER_LOSSES

_SIZES, _HEAVY = ((4, 3), (1, 5), (3, 2)), (2, 1, 3)  # rows and columns, and heavy views of each standard view
_NAME = "batches of " + ", ".join(f"{n} × {d} with {m} heavy" for (n, d), m in zip(_SIZES, _HEAVY))


def draw(generator) -> tuple[Case, ...]:
    """Predictions and projections of standard views that are alike, and of heavy ones."""

    def inputs(n, d, m):
        (p1, z1), (p2, z2) = pair_of_rows(generator, n, d), pair_of_rows(generator, n, d)
        p_heavy, z_heavy = (rows(generator, 2 * m * n, d).view(2, m, n, d) for _ in range(2))
        return {
            "p_heavy": p_heavy + torch.stack([z1, z2])[:, None],
            "z_heavy": z_heavy,
            "p1": p1,
            "p2": p2,
            "z1": z1,
            "z2": z2,
        }

    return (case("directed_loss", _NAME, [inputs(*size, m) for size, m in zip(_SIZES, _HEAVY)]),)


STUBS = ("directed_loss",)
_TESTS = loss_tests("directed_loss", _SIZES, ("z_heavy", "z1", "z2"), case=_NAME)
TESTS = with_variants(
    _TESTS, "directed_loss is correct: it was given other losses in the place of yours.", ("q1a", "q1b"), OTHER_LOSSES
)
