"""q4: one epoch of contrastive training."""

from __future__ import annotations

import torch

from autograder.questions.model import Case
from autograder.questions.training.question import (
    any_iterable_test,
    epoch_cases,
    mean_loss_test,
    memory_test,
    mode_test,
    own_mean_loss_test,
    parameters_test,
)

from . import counts, probes

PARAMETERS = 89  # of ``probes.GivenSimCLR``


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Views of few images, the second near the first."""

    def inputs(n: int, batch_size: int) -> dict:
        views_i = torch.randn(n, 3, 2, 2, generator=generator)
        return {
            "views_i": views_i,
            "views_j": views_i + 0.5 * torch.randn(views_i.shape, generator=generator),
            "start": 0.5 * torch.randn(PARAMETERS, generator=generator),
            "batch_size": batch_size,
        }

    return (
        *epoch_cases(inputs),
        Case("a model in eval mode", inputs(10, 4)),
        Case("eight batches", inputs(16, 2)),
    )


STUBS = ("train_one_epoch",)
TESTS = (
    mean_loss_test(probes.train_mean_loss),
    own_mean_loss_test(probes.train_mean_loss),
    parameters_test(probes.train_parameters),
    any_iterable_test(probes.train_any_iterable),
    mode_test(probes.train_side_effects, counts.train_side_effects, ("a model in eval mode",)),
    memory_test(probes.train_side_effects, counts.train_side_effects, ("eight batches",)),
)
