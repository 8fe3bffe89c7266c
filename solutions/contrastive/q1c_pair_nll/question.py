"""Question 1c: the negative log-likelihood of pairs."""

import torch

from autograder.questions.losses import counts, probes
from autograder.questions.losses.question import (
    OF_THE_LOSS,
    case,
    gradient_outputs,
    in_words,
    loss_tests,
    rows,
    value_outputs,
)
from autograder.questions.model import Exact, Test, variant

_SIZES, _TEMPERATURES = ((6, 3), (1, 4), (2, 5), (7, 2)), (1.0, 0.5, 2.0, 0.7)
_LARGE = "scores of thousands, shares near 0 and near 1"
_BATCHES = ("a batch with scores of thousands", "a batch whose pairs have a share near 1")
FUNCTION, ARGUMENTS = "pair_nll_loss", "z_i z_j same temperature"


def draw(generator):
    """Scores of moderate size; scores of thousands; pairs that dominate their row although they are different."""
    ordinary = []
    for (n, d), temperature in zip(_SIZES, _TEMPERATURES):
        z_i, z_j = (rows(generator, n, d, 0.5).clamp(-1, 1) for _ in range(2))
        ordinary.append({"z_i": z_i, "z_j": z_j, "same": torch.arange(n) % 2 == 0, "temperature": temperature})
    z_i, z_j = (10 * torch.randn(6, 4, generator=generator) for _ in range(2))
    large = {"z_i": z_i, "z_j": z_j, "same": torch.arange(6) % 3 > 0, "temperature": 0.05}
    z = torch.linalg.qr(torch.randn(5, 5, generator=generator).double()).Q.float()
    z = z * (4 + torch.rand(5, 1, generator=generator))
    near = {
        "z_i": z,
        "z_j": z + 0.1 * torch.randn(5, 5, generator=generator),
        "same": torch.arange(5) > 3,
        "temperature": 0.4,
    }
    return (
        case(FUNCTION, ARGUMENTS, in_words(_SIZES), ordinary),
        case(FUNCTION, ARGUMENTS, _LARGE, [large, near]),
    )


_STABLE = Test("stable", "value and gradient where scores are large", probes.values_and_gradient, (_LARGE,),
               value_outputs(_BATCHES, 1e-4) | gradient_outputs(("z_i", "z_j"), _BATCHES, atol=1e-5))  # fmt: skip
STUBS = (FUNCTION,)
TESTS = (
    *loss_tests(FUNCTION, ("z_i", "z_j"), _SIZES, also=("same",)),
    _STABLE,
    variant(_STABLE, "stable_of_itself", "Your loss or its gradient is another, but both stay exact where scores are large: this "
            "test is passed.", OF_THE_LOSS, probe=probes.in_both_precisions, count=counts.both_precisions, needs=OF_THE_LOSS,
            outputs={"not_finite": Exact(), "differ": Exact()}),
)  # fmt: skip
