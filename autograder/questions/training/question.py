"""What questions about one epoch of training share: how their cases are drawn, and their tests."""

from __future__ import annotations

from collections.abc import Callable

import torch

from autograder.questions.model import Case, Close, Count, Exact, Inputs, Probe, Test, Within
from autograder.questions.training import counts

_MEAN_LOSS = ("ten images in batches of four", "seven images in batches of six")
_PARAMETERS = ("three batches", "five batches")


def epoch_cases(inputs: Callable[[int, int], Inputs]) -> tuple[Case, ...]:
    """The cases of ``mean_loss_test`` and ``parameters_test``: few images, the last batch smaller than the others.

    ``inputs(n, batch_size)`` draws what a ``Loop`` needs for n images: data, ``start`` and ``batch_size``.
    """
    ragged = [Case(name, inputs(n, size)) for name, n, size in zip(_MEAN_LOSS, (10, 7), (4, 6))]
    three = {**inputs(10, 4), "lr": 0.05, "factors": torch.tensor([1.0, 0.2, 3.0, 0.5])}
    five = {**inputs(9, 2), "lr": 0.02, "factors": torch.tensor([0.1, 2.0, 0.5, 3.0, 1.0, 0.2])}
    return (*ragged, *(Case(name, case) for name, case in zip(_PARAMETERS, (three, five))))


# A loop that does nothing is in no wrong mode and keeps no graph.
_SEEN = {"unseen": Exact(advice="Pass every image of every batch through the model, as the loader yields it")}
EVAL_FORWARDS = Exact(advice="The model is not in train mode while you train it")
_MODE = {
    "in_eval_mode": EVAL_FORWARDS,
    "without_gradients": Exact(advice="You pass images through the model with gradients switched off"),
}
_MEMORY = {
    # One is the loss still bound to its name, a second one a name for the previous loss.
    "graphs_alive": Within(
        -0.5, 2.5, advice="The graphs of earlier batches stay in memory: keep numbers, not loss tensors"
    ),
    "graphs_returned": Within(-0.5, 1.5, advice="What you return keeps the graphs of all batches in memory"),
}
_RANDOM_STATE = {
    "rng_bytes": Exact(advice="Your epoch seeds torch's global random generator or draws from it"),
}
SCHEDULER_STEPS = Exact(advice="You do not step the scheduler once per batch")
PARAMETERS = Close(
    1e-3,
    advice="The parameters after the epoch are not correct: on every batch, clear the gradients, call backward, step the "
    "optimiser and step the scheduler",
    what="the vector of parameters after the epoch",
)


def mean_loss_test(probe: Probe) -> Test:
    """The mean over images, not over batches, of the losses that the epoch learns from."""
    advice = (
        "You do not return the mean loss per image: the sum over batches of loss times number of images, divided by "
        "the number of all images"
    )
    title = "one epoch returns the mean loss per image"
    outputs = {
        "mean_loss": Close(1e-4, advice=advice, what="the mean loss"),
        "beside_training": Within(
            -1e-3, 1e-3, advice="The loss that you return is not the one that you train with: take it before the step"
        ),
    }
    return Test("mean_loss", title, probe, _MEAN_LOSS, outputs, count=counts.mean_loss)


def parameters_test(probe: Probe) -> Test:
    """One step of optimiser and scheduler per batch, under a learning rate that jumps from step to step."""
    outputs = {
        "optimizer_steps": Exact(advice="You do not step the given optimiser once per batch"),
        "scheduler_steps": SCHEDULER_STEPS,
        "parameters": PARAMETERS,
    }
    return Test("parameters", "one epoch updates the parameters once per batch", probe, _PARAMETERS, outputs)


_NEEDS = ("mean_loss", "parameters")  # a model can be passed through by anybody

# Each of the following takes a probe, ``Loop.side_effects``, and its count, ``counts.side_effects``.


def mode_test(probe: Probe, count: Count, cases: tuple[str, ...]) -> Test:
    """Train mode and gradients, whatever the mode was before."""
    title = "one epoch trains in train mode, with gradients"
    return Test("mode", title, probe, cases, _SEEN | _MODE, count=count, needs=_NEEDS)


def memory_test(probe: Probe, count: Count, cases: tuple[str, ...]) -> Test:
    """No graph stays in memory; needs a case with many batches."""
    title = "one epoch keeps no graph from batch to batch"
    return Test("memory", title, probe, cases, _SEEN | _MEMORY, count=count, needs=_NEEDS)


def side_effects_test(probe: Probe, count: Count, cases: tuple[str, ...]) -> Test:
    """Mode, memory and random state in one test."""
    title = "one epoch trains in train mode, with gradients, and keeps no graph"
    outputs = _SEEN | _MODE | _MEMORY | _RANDOM_STATE
    return Test("conduct", title, probe, cases, outputs, count=count, needs=_NEEDS)
