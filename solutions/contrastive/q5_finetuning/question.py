"""Question 5: evaluation, and fine-tuning of a classifier on a frozen encoder or together with it."""

from dataclasses import replace

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within
from autograder.questions.training.question import side_effects_test

from ..q4_training.question import PARAMETERS, PASSES, STEPS, in_iterations
from . import counts, probes

_EVALUATIONS = {
    "ten images in batches of 4": (10, 4),
    "seven images in batches of 16": (7, 16),
    "one image": (1, 3),
    "nine images in batches of 2": (9, 2),
}
# Images, size of a batch, iterations, learning rate and its factors.
_RUNS = {
    "four iterations, batches of 4 of 10 images": (10, 4, 4, 0.5, (1.0, 0.2, 3.0, 0.5)),
    "six iterations, batches of 3 of 7 images": (7, 3, 6, 0.2, (0.1, 2.0, 0.5, 3.0, 1.0, 0.2)),
}
_EIGHT = "eight iterations, models in eval mode"


def draw(generator):
    """Images (n, 3, 2, 2), labels, and the parameters of a small encoder and a small classifier."""

    def inputs(n, batch_size):
        start = {
            name: torch.randn(size, generator=generator)
            for name, size in (("encoder", probes.ENCODER), ("classifier", probes.CLASSIFIER))
        }
        images, labels = torch.randn(n, 3, 2, 2, generator=generator), torch.randint(4, (n,), generator=generator)
        return {"images": images, "labels": labels, **start, "batch_size": batch_size}

    runs = (
        Case(name, {**inputs(n, size), "num_iters": iterations, "lr": lr, "factors": torch.tensor(factors)})
        for name, (n, size, iterations, lr, factors) in _RUNS.items()
    )
    evaluations = (Case(name, inputs(*sizes)) for name, sizes in _EVALUATIONS.items())
    return *evaluations, *runs, Case(_EIGHT, {**inputs(16, 2), "num_iters": 8})


_LOSSES = "The numbers that you return are not the mean negative log-likelihoods of the batches, before their steps"
_RUN = STEPS | {
    "losses": Close(1e-3, 1e-5, advice=_LOSSES, what="the list of losses"),
    "classifier": replace(PARAMETERS, what="the vector of the classifier's parameters"),
}
_CLASSIFIER_MODE = {"classifier_not_training": Exact(advice="The classifier is not in train mode while you train it")}
_THAWED = Exact(advice="Some parameters require gradients that did not before: leave requires_grad as it is")
_FROZEN = {
    "seen": Within(0.5, 50, advice="The images of the batches do not go through the given encoder"),
    "train_forwards": Exact(advice="The encoder is not in eval mode while it is frozen"),
    "mixed_forwards": Exact(advice="A part of the encoder is not in eval mode while it is frozen"),
    "gradient_forwards": Exact(advice="The frozen encoder records gradients: run it without"),
    "encoder": Exact(
        "float32", "The parameters of the frozen encoder change", "the vector of the encoder's parameters"
    ),
    "moved_statistics": Exact(advice="The running statistics of the frozen encoder's batch norm move"),
    "frozen": Exact(
        advice="When your function has returned, some parameters no longer require gradients: fine-tuning needs them"
    ),
    "thawed": _THAWED,
    **_CLASSIFIER_MODE,
}
_EVALUATED = {
    "seen": Within(0.5, 50, advice="Only a few of the images, or none, go through the given models"),
    "train_forwards": Exact(advice="A model is not in eval mode while you evaluate it"),
    "mixed_forwards": Exact(advice="A part of a model is not in eval mode while you evaluate it"),
    "gradient_forwards": Exact(advice="Your evaluation records gradients"),
    "too_large": Exact(advice="More than batch_size images go through the encoder at a time"),
    "moved": Exact(advice="Your evaluation changes parameters or running statistics"),
    "gradients_off": Exact(advice="Gradients are still switched off when your evaluation has returned"),
    "frozen": Exact(advice="When your evaluation has returned, some parameters no longer require gradients"),
    "thawed": _THAWED,
}
_FITTED = in_iterations(
    side_effects_test(probes.fit_side_effects, counts.fit_side_effects, (_EIGHT,), needs=("linear", "nn"))
)
STUBS = ("evaluate_model", "fit_model")
TESTS = (
    Test("evaluate", "mean loss and accuracy of all images", probes.evaluation, tuple(_EVALUATIONS), {
        "loss": Close(1e-4, advice="The first number that you return is not the mean negative log-likelihood of all images",
                      what="the mean loss"),
        "accuracy": Close(1e-5, 1e-6, advice="The second number that you return is not the share of images whose label has the largest "
                          "log-probability", what="the accuracy"),
    }),
    Test("evaluate_conduct", "evaluation in eval mode, without gradients, in batches", probes.evaluation_side_effects,
         ("ten images in batches of 4",), _EVALUATED, count=counts.evaluation_side_effects, needs=("evaluate", "linear", "nn")),
    Test("linear", "a classifier learns from a frozen encoder", probes.linear, tuple(_RUNS), _RUN),
    Test("frozen", "the frozen encoder stays as it is, in eval mode, without gradients", probes.frozen, (_EIGHT,), _FROZEN,
         count=counts.frozen, needs=("linear", "nn")),
    Test("nn", "encoder and classifier learn together", probes.together, tuple(_RUNS),
         _RUN | {"encoder": replace(PARAMETERS, what="the vector of the encoder's parameters")}),
    replace(_FITTED, outputs={**_FITTED.outputs, **PASSES, "thawed": _THAWED, **_CLASSIFIER_MODE}),
)  # fmt: skip
