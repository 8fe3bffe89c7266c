"""Question 4: one epoch of training, and the deviation that shows a collapse."""

import torch

from autograder.questions.losses.question import rows
from autograder.questions.model import Case, Close, Test, Within
from autograder.questions.side_effects.question import comparisons
from autograder.questions.training.question import (
    epoch_cases,
    mean_loss_test,
    own_mean_loss_test,
    parameters_test,
    side_effects_test,
)

from . import counts, probes

_EIGHT = "eight batches, a model in eval mode"
_SIZES = ((6, 3), (40, 8), (2, 5), (4, 4))
_SPREAD = "rows of " + ", ".join(f"{n} × {d}" for n, d in _SIZES)
_COLLAPSED = "equal rows 5 × 4, rows of zeros 4 × 3, other rows 6 × 4"


def draw(generator):
    """Two views of few images, the second near the first; rows of several lengths."""

    def inputs(n, batch_size):
        views_1 = torch.randn(n, 3, 2, 2, generator=generator)
        return {
            "views_1": views_1,
            "views_2": views_1 + 0.5 * torch.randn(views_1.shape, generator=generator),
            "start": 0.5 * torch.randn(probes.WEIGHTS, generator=generator),
            "batch_size": batch_size,
        }

    spread = {f"z_{number}": rows(generator, *size) + 0.3 for number, size in enumerate(_SIZES)}
    equal = rows(generator, 1, 4).repeat(5, 1)
    return (
        *epoch_cases(inputs),
        Case(_EIGHT, inputs(16, 2)),
        Case(_SPREAD, spread),
        Case(_COLLAPSED, {"z_0": equal, "z_1": torch.zeros(4, 3), "z_2": rows(generator, 6, 4)}),
    )


_OF_SPREAD = {
    f"deviation_{number}": Close(1e-4, what=f"the deviation of {n} rows of {d} numbers")
    for number, (n, d) in enumerate(_SIZES)
}
_OF_COLLAPSED = {
    "deviation_0": Close(0.0, 1e-5, what="the deviation of equal rows"),
    "deviation_1": Close(0.0, 1e-5, what="the deviation of rows of zeros"),
    "deviation_2": Within(0.01, 100, advice="feature_std returns 0, or something without size, for rows that differ"),
    **comparisons("feature_std", {"z": "z"}),
}
STUBS = ("train_one_epoch", "feature_std")
TESTS = (
    mean_loss_test(probes.train_mean_loss),
    own_mean_loss_test(probes.train_mean_loss),
    parameters_test(probes.train_parameters),
    side_effects_test(probes.train_side_effects, counts.train_side_effects, (_EIGHT,)),
    Test("deviation", "the deviation of normalised rows", probes.deviations, (_SPREAD,), _OF_SPREAD),
    Test("collapsed", "0 where all rows are equal or zero; z and global state stay as they are", probes.collapsed,
         (_COLLAPSED,), _OF_COLLAPSED, count=counts.collapsed, needs=("deviation", "mean_loss", "parameters")),
)  # fmt: skip
