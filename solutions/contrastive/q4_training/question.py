"""Question 4: some iterations of training an encoder with a metric loss."""

from dataclasses import replace

import torch

from autograder.questions.model import Case, Close, Test, Within
from autograder.questions.training.question import OPTIMIZER_STEPS, SCHEDULER_STEPS, side_effects_test

from . import counts, probes

# Images, size of a batch, iterations, learning rate and its factors. The batches begin anew where they are used up.
_RUNS = {
    "four iterations, batches of 4 of 10 images": (10, 4, 4, 0.05, (1.0, 0.2, 3.0, 0.5)),
    "seven iterations, batches of 3 of 7 images": (7, 3, 7, 0.02, (0.1, 2.0, 0.5, 3.0, 1.0, 0.2, 0.7)),
    "one iteration, a batch of 5": (5, 5, 1, 0.1, (1.0, 3.0)),
}
_EIGHT = "eight iterations, a model in eval mode"


def draw(generator):
    """Images (n, 3, 2, 2), labels, and the parameters of a small encoder."""

    def inputs(n, batch_size, num_iters):
        return {
            "images": torch.randn(n, 3, 2, 2, generator=generator),
            "labels": torch.randint(4, (n,), generator=generator),
            "start": 0.5 * torch.randn(probes.WEIGHTS, generator=generator),
            "batch_size": batch_size,
            "num_iters": num_iters,
        }

    runs = (
        Case(name, {**inputs(n, size, iterations), "lr": lr, "factors": torch.tensor(factors)})
        for name, (n, size, iterations, lr, factors) in _RUNS.items()
    )
    return *runs, Case(_EIGHT, inputs(16, 2, 8))


def in_iterations(test):
    """The family's test without the word epoch: there are iterations here."""
    outputs = {
        name: replace(
            one, advice=one.advice.replace("When the epoch has", "When your function has").replace("epoch", "training")
        )
        for name, one in test.outputs.items()
    }
    return replace(test, outputs=outputs, title="train mode, with gradients, and no graph is kept")


_LOSSES = "The numbers that you return are not the losses of the iterations, one for each, before its step"
LOSSES = {
    "losses": Close(1e-4, 1e-5, advice=f"{_LOSSES}, if the learning rate is 0", what="the list of losses"),
    "beside_training": Within(-1e-3, 1e-3, advice=_LOSSES),
}
STEPS = {"optimizer_steps": OPTIMIZER_STEPS, "scheduler_steps": SCHEDULER_STEPS}
PARAMETERS = Close(
    1e-3,
    advice="The parameters after the iterations are not correct: for every batch, clear the gradients, call backward, step the "
    "optimiser and step the scheduler",
    what="the vector of parameters",
)
PASSES = {
    "other_passes": Within(
        -1.0,
        1e-4,
        advice="Each batch goes through a model in one forward pass in train mode; with more of them, or in parts, batch norms "
        "follow other statistics",
    )
}
_CONDUCT = in_iterations(
    side_effects_test(probes.side_effects, counts.conduct, (_EIGHT,), needs=("losses", "parameters"))
)
STUBS = ("fit_contrastive_model",)
TESTS = (
    Test("losses", "the loss of each iteration", probes.losses, tuple(_RUNS), LOSSES, count=counts.losses),
    # In one iteration alone, a scheduler that is stepped every second time looks like one that is never stepped.
    Test("parameters", "one update of the parameters in each iteration", probes.parameters, tuple(_RUNS)[:2],
         STEPS | {"parameters": PARAMETERS}),
    replace(_CONDUCT, outputs={**_CONDUCT.outputs, **PASSES}),
)  # fmt: skip
