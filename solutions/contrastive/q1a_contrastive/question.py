"""Question 1a: the contrastive loss of pairs."""

import torch

from autograder.questions.losses.question import case, finite_test, in_words, loss_tests, rows

_SIZES = ((6, 3), (1, 4), (1, 5), (7, 2), (4, 8))
_EVEN = (0, 0, 1, 0, 1)  # whether the pairs 0, 2, … are the different ones; the second batch has no other
_COINCIDENT = "pairs of equal rows, of rows of zeros, and others"
FUNCTION, ARGUMENTS = "contrastive_loss", "z1 z2 same margin"


def _margin(distances):
    """Beyond about half of the distances of different pairs, and not near any."""
    d = distances.sort().values
    return float(1.5 * d[0] if len(d) == 1 else d[(len(d) - 1) // 2 : (len(d) + 3) // 2].mean())


def draw(generator):
    """Half of the pairs different, and half of these beyond the margin; one batch with margin 0; pairs that coincide."""
    ordinary = []
    for (n, d), even in zip(_SIZES, _EVEN):
        size = 0.2 if n == 7 else 1.0  # distances below 1 tell a margin of 1 and a squared distance apart
        z1, z2 = (size * rows(generator, n, d, 0.5) for _ in range(2))
        same = torch.arange(n) % 2 == even
        margin = _margin((z1 - z2).norm(dim=1)[~same]) if not same.all() else 1.5
        ordinary.append({"z1": z1, "z2": z2, "same": same, "margin": margin if d != 8 else 0.0})
    z1, z2 = rows(generator, 6, 3), rows(generator, 6, 3)
    z2[:2], z1[2:4], z2[2:4] = z1[:2], 0.0, 0.0
    coincident = {"z1": z1, "z2": z2, "same": torch.arange(6) % 2 == 0, "margin": 1.0}
    return (
        case(FUNCTION, ARGUMENTS, in_words(_SIZES), ordinary),
        case(FUNCTION, ARGUMENTS, _COINCIDENT, [coincident, {**coincident, "margin": 0.0}]),
    )


STUBS = (FUNCTION,)
TESTS = (
    *loss_tests(FUNCTION, ("z1", "z2"), _SIZES, also=("same",)),
    finite_test("coincident", "loss and gradient are finite where two rows coincide", _COINCIDENT,
                "The loss or its gradient is not finite where the two rows of a pair coincide"),
)  # fmt: skip
