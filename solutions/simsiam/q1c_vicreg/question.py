"""Question 1c: VICReg, its three terms and its weights."""

import torch

from autograder.questions.losses import counts, probes
from autograder.questions.losses.question import (
    OF_THE_LOSS,
    gradient_outputs,
    in_batches,
    in_words,
    value_outputs,
)
from autograder.questions.model import Exact, Test, variant

from ..losses import case, loss_tests
from ..probes import ARGUMENTS, PARTS

_SIZES = ((6, 3), (4, 4), (2, 5), (7, 2))
_CONSTANT = ((5, 3), (3, 2))
# By batch; the first has the notebook's own. Each is 0 once: a weight of 0 is a weight.
_WEIGHTS = ({}, {"sim": 3.0, "var": 11.0, "cov": 0.0}, {"sim": 0.0, "var": 7.0, "cov": 5.0}, {"var": 0.0, "cov": 2.0})


def _views(generator, n, d):
    """Columns whose deviations lie below 0.7 and above 1.2 in turn, with means of their own."""
    deviations = 0.4 + 0.3 * torch.rand(2, 1, d, generator=generator)
    deviations[..., 1::2] += 0.8
    means, shared = torch.randn(2, 1, d, generator=generator), torch.randn(n, d, generator=generator)
    columns = shared + 0.7 * torch.randn(2, n, d, generator=generator)
    columns = (columns - columns.mean(1, keepdim=True)) / columns.std(1, keepdim=True)
    return tuple(columns * deviations + means)


def _constant(generator, n, d):
    """The first column of each view is constant; so is all of the second view."""
    z1, z2 = _views(generator, n, d)
    z1[:, 0], z2[:] = 0.75, 1.5
    return z1, z2


def draw(generator):
    """Two views that are alike; and views with columns that are constant."""
    ordinary = [dict(zip(("z1", "z2"), _views(generator, *size))) | more for size, more in zip(_SIZES, _WEIGHTS)]
    constant = [dict(zip(("z1", "z2"), _constant(generator, *size))) for size in _CONSTANT]
    return case("vicreg_loss", in_words(_SIZES), ordinary), case("vicreg_loss", _NAME, constant)


_NAME = f"{in_words(_CONSTANT)}, some columns constant"
STUBS = ("vicreg_loss",)
_BATCHES = in_batches(_CONSTANT)
_CONSTANT_TEST = Test(
    "constant", "value and gradient where columns are constant", probes.values_and_gradient, (_NAME,),
    value_outputs(_BATCHES, parts=PARTS["vicreg_loss"]) | gradient_outputs(ARGUMENTS["vicreg_loss"], _BATCHES),
)  # fmt: skip
_VALUE, _GRADIENT, _CONDUCT = loss_tests("vicreg_loss", _SIZES)
TESTS = (
    *(_VALUE, _GRADIENT, _CONSTANT_TEST),
    variant(_CONSTANT_TEST, "constant_of_itself",
            "Your loss or its gradient is another, but both stay finite where columns are constant: this test is passed.",
            OF_THE_LOSS, probe=probes.in_both_precisions, outputs={"not_finite": Exact(), "differ": Exact()},
            count=counts.both_precisions, needs=OF_THE_LOSS),
    _CONDUCT,
)  # fmt: skip
