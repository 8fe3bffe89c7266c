"""q4: one epoch of contrastive training."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within
from . import probes

PARAMETERS = 89  # of the given model, see ``probes.training.GivenSimCLR``


def _inputs(generator: torch.Generator, n: int, batch_size: int) -> dict:
    views_i = torch.randn(n, 3, 2, 2, generator=generator)
    return {
        "views_i": views_i,
        "views_j": views_i + 0.5 * torch.randn(views_i.shape, generator=generator),
        "start": 0.5 * torch.randn(PARAMETERS, generator=generator),
        "batch_size": batch_size,
    }


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Views of few images, with a last batch that is smaller than the others, or none."""

    def inputs(n: int, batch_size: int) -> dict:
        return _inputs(generator, n, batch_size)

    return (
        Case("ten images in batches of four", inputs(10, 4)),
        Case("seven images in batches of six", inputs(7, 6)),
        Case("three batches", {**inputs(10, 4), "lr": 0.05, "factors": torch.tensor([1.0, 0.2, 3.0, 0.5])}),
        Case("five batches", {**inputs(9, 2), "lr": 0.02, "factors": torch.tensor([0.1, 2.0, 0.5, 3.0, 1.0, 0.2])}),
        Case("a model in eval mode", inputs(10, 4)),
        Case("eight batches", inputs(16, 2)),
    )


# A loop that does nothing is in no wrong mode and keeps no graph.
FORWARDED = Close(1e-4, advice="In an epoch every image of every batch goes through the model")

STUBS = ("train_one_epoch",)
TESTS = (
    Test(
        id="mean_loss",
        title="returns the mean loss per image",
        probe=probes.train_mean_loss,
        cases=("ten images in batches of four", "seven images in batches of six"),
        outputs={
            "mean_loss": Close(
                1e-4,
                advice="The returned number is not the mean loss per image: the sum over batches of loss times images, "
                "divided by all images",
            )
        },
    ),
    Test(
        id="parameters",
        title="the parameters after an epoch",
        probe=probes.train_parameters,
        cases=("three batches", "five batches"),
        outputs={
            "optimizer_steps": Exact(advice="The optimiser does not step once per batch"),
            "scheduler_steps": Exact(advice="The scheduler is not stepped once per batch"),
            "parameters": Close(
                1e-3,
                advice="The parameters after the epoch are not those of zero-grad, backward, optimiser step "
                "and scheduler "
                "step on every batch",
            ),
        },
    ),
    Test(
        id="mode",
        title="trains in train mode, with gradients",
        probe=probes.train_mode,
        cases=("a model in eval mode",),
        outputs={
            "forwarded": FORWARDED,
            "eval_forwards": Exact(advice="The model is not in train mode while it is trained"),
            "no_grad_forwards": Exact(advice="A view is forwarded with gradients switched off"),
        },
    ),
    Test(
        id="memory",
        title="keeps no graph from batch to batch",
        probe=probes.train_memory,
        cases=("eight batches",),
        outputs={
            "forwarded": FORWARDED,
            # One is the loss still bound to its name, a second one a name for the previous loss.
            "graphs_alive": Within(
                -0.5, 2.5, advice="The graphs of earlier batches stay in memory: keep numbers, not loss tensors"
            ),
            "graphs_returned": Within(-0.5, 1.5, advice="What is returned keeps the graphs of all batches in memory"),
        },
    ),
)
