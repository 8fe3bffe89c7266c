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


_FEW = "Only a few of the images of the loader, or none, go through the given model"
EVAL_FORWARDS = Exact(advice="The model is not in train mode while you train it")
_MODE = {
    "seen": Within(0.3, 1.0, advice=_FEW),  # a loop that does nothing is in no wrong mode
    "in_eval_mode": EVAL_FORWARDS,
    "partly_in_eval_mode": Exact(advice="A part of the model is in eval mode while you train it"),
    "without_gradients": Exact(advice="You pass images through the model with gradients switched off"),
    "idle_statistics": Exact(advice="The running statistics of the model's batch norm do not move while you train it"),
    "gradients_off": Exact(advice="Gradients are still switched off when your function has returned"),
    "frozen": Exact(advice="When your function has returned, the parameters of the model no longer require gradients"),
}
_MEMORY = {
    "seen": Within(0.8, 1.0, advice=_FEW),  # what is kept from batch to batch shows after several
    # One is the loss still bound to its name, a second one a name for the previous loss.
    "graphs_alive": Within(
        -0.5, 2.5, advice="The graphs of earlier batches stay in memory: keep numbers, not loss tensors"
    ),
    "graphs_returned": Within(-0.5, 1.5, advice="What you return keeps the graphs of all batches in memory"),
    # Of eight batches: the one in work, the one before whose names are still bound, and another one.
    "images_alive": Within(
        -0.01,
        0.39,
        advice="What the model returned for earlier batches stays in memory with its graph: detach what you keep",
    ),
    "images_returned": Within(
        -0.01, 0.26, advice="When the epoch has returned, the graphs of several batches are still in memory"
    ),
}
_RANDOM_STATE = {
    "rng_bytes": Exact(advice="Your epoch seeds torch's global random generator or draws from it"),
}
OPTIMIZER_STEPS = Exact(advice="You do not step the given optimiser once per batch")
SCHEDULER_STEPS = Exact(advice="You do not step the scheduler once per batch")
PARAMETERS = Close(
    1e-3,
    advice="The parameters after the epoch are not correct: on every batch, clear the gradients, call backward, step the "
    "optimiser and step the scheduler",
    what="the vector of parameters after the epoch",
)


_BESIDE = Within(
    -1e-3, 1e-3, advice="The loss that you return is not the one that you train with: take it before the step"
)


def mean_loss_test(probe: Probe) -> Test:
    """The mean over images, not over batches, of the losses that the epoch learns from."""
    advice = (
        "You do not return the mean loss per image: the sum over batches of loss times number of images, divided by "
        "the number of all images"
    )
    title = "one epoch returns the mean loss per image"
    outputs = {"mean_loss": Close(1e-4, advice=advice, what="the mean loss"), "beside_training": _BESIDE}
    return Test("mean_loss", title, probe, _MEAN_LOSS, outputs, count=counts.mean_loss)


def own_mean_loss_test(probe: Probe) -> Test:
    """The variant of ``mean_loss_test`` for a loop that learns from wrong losses: the mean of these is asked."""
    title = (
        "The losses of your loop are not the expected ones, but what you return is their mean per image: this test is "
        "passed."
    )
    outputs = {"beside_losses": _BESIDE, "beside_training": _BESIDE, "batch_sizes": Within(2, 9, dtype="int64")}
    return Test(
        "own_mean_loss", title, probe, _MEAN_LOSS, outputs, count=counts.own_mean_loss,
        instead_of="mean_loss", after=("parameters",),
    )  # fmt: skip


def parameters_test(probe: Probe) -> Test:
    """One step of optimiser and scheduler per batch, under a learning rate that jumps from step to step."""
    outputs = {
        "optimizer_steps": OPTIMIZER_STEPS,
        "scheduler_steps": SCHEDULER_STEPS,
        "parameters": PARAMETERS,
    }
    return Test("parameters", "one epoch updates the parameters once per batch", probe, _PARAMETERS, outputs)


_NEEDS = ("mean_loss", "parameters")  # a model can be passed through by anybody


def any_iterable_test(probe: Probe) -> Test:
    """A generator of batches does what a DataLoader does. Compared with itself, so a wrong step costs nothing here."""
    advice = (
        "You get other {} from a generator of batches than from a DataLoader: go through the batches once, and count the "
        "images in them"
    )
    outputs = {
        "images": Within(1, 1e9, advice="No image of a generator of batches goes through the given model"),
        **{
            name: Within(-1e-5, 1e-5, advice=advice.format(what))
            for name, what in (("mean_losses", "mean losses"), ("parameters", "parameters"))
        },
    }
    title = "one epoch takes any iterable of batches, such as a generator"
    return Test("iterable", title, probe, _MEAN_LOSS[:1], outputs, count=counts.any_iterable, needs=_NEEDS)


# Each of the following takes a probe, ``Loop.side_effects``, and its count, ``counts.side_effects``.


def mode_test(probe: Probe, count: Count, cases: tuple[str, ...]) -> Test:
    """Train mode and gradients, whatever the mode was before."""
    title = "one epoch trains in train mode, with gradients"
    return Test("mode", title, probe, cases, _MODE, count=count, needs=_NEEDS)


def memory_test(probe: Probe, count: Count, cases: tuple[str, ...]) -> Test:
    """No graph stays in memory; needs a case with many batches."""
    title = "one epoch keeps no graph from batch to batch"
    return Test("memory", title, probe, cases, _MEMORY, count=count, needs=_NEEDS)


def side_effects_test(
    probe: Probe,
    count: Count,
    cases: tuple[str, ...],
    id: str = "conduct",
    needs: tuple[str, ...] = _NEEDS,
    random_state: bool = True,
) -> Test:
    """Mode, memory and, if the question speaks of it, random state in one test."""
    title = "one epoch trains in train mode, with gradients, and keeps no graph"
    outputs = _MODE | _MEMORY | (_RANDOM_STATE if random_state else {})
    return Test(id, title, probe, cases, outputs, count=count, needs=needs)
