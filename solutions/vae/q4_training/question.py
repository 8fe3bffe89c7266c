"""Question 4: one epoch of training a VAE."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Test, variant
from autograder.questions.noise.question import ENTRIES, ROWS, standard_normal
from autograder.questions.training.question import OPTIMIZER_STEPS, PARAMETERS, side_effects_test

from ..probes import LATENT, other_bernoulli, other_kl, other_loss
from . import counts, probes

# Number of images, size of a batch, learning rate, beta. At learning rate 0 the means do not depend on the steps, and in
# one batch they come before the only step.
_MEANS = {
    "ten images in batches of four": (10, 4, 0.0, 0.5),
    "seven images in batches of six": (7, 6, 0.0, 2.0),
    "one batch, before its step": (5, 5, 0.1, 1.5),
}
_PARAMETERS = {"three batches": (10, 4, 0.02, 0.5), "five batches": (9, 2, 0.01, 3.0)}
_CONDUCT = {"eight batches, a model in eval mode": (16, 2, 0.0, 1.5)}
_NOISE = "many images in batches of 128"


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Few grey images, with a last batch that is smaller than the others, or none."""

    def inputs(n: int, batch_size: int, lr: float, beta: float) -> dict:
        return {
            "images": torch.rand(n, 1, 2, 3, generator=generator),
            "labels": torch.randint(10, (n,), generator=generator),
            "start": 0.5 * torch.randn(probes.WEIGHTS, generator=generator),
            "batch_size": batch_size,
            "lr": lr,
            "beta": beta,
        }

    assert LATENT * ROWS >= ENTRIES
    seed = int(torch.randint(1, 2**31, (), generator=generator))
    return (
        *(Case(name, inputs(*setting)) for name, setting in {**_MEANS, **_PARAMETERS}.items()),
        *(Case(name, {k: v for k, v in inputs(*setting).items() if k != "lr"}) for name, setting in _CONDUCT.items()),
        Case(_NOISE, {**inputs(ROWS, 128, 0.001, 1.0), "seed": seed}),
    )


_MEAN = (
    "The {} result is not the mean {} per image: the sum over batches of mean times number of images, divided by the "
    "number of all images"
)
_ADVICE = (
    "The parameters after the epoch are not correct: on every batch, compute the loss with the given beta, clear the "
    "gradients, call backward and step the optimiser"
)
STUBS = ("train_one_epoch",)
_TESTS = (
    Test(
        "means",
        "one epoch returns the three means per image",
        probes.epoch_means,
        tuple(_MEANS),
        {
            name: Close(1e-4, advice=_MEAN.format(place, what), what=f"the mean {what}")
            for name, place, what in (
                ("loss", "first", "loss"),
                ("reconstruction", "second", "reconstruction"),
                ("kl", "third", "KL divergence"),
            )
        },
    ),
    Test(
        "parameters",
        "one epoch updates the parameters once per batch",
        probes.epoch_parameters,
        tuple(_PARAMETERS),
        {"optimizer_steps": OPTIMIZER_STEPS, "parameters": Close(1e-3, advice=_ADVICE, what=PARAMETERS.what)},
    ),
    Test(
        "noise",
        "one epoch draws fresh normal eps from the generator",
        probes.epoch_noise,
        (_NOISE,),
        standard_normal("your eps"),
        count=counts.epoch_noise,
        needs=("means", "parameters"),
    ),
    side_effects_test(
        probes.epoch_side_effects,
        counts.epoch_side_effects,
        tuple(_CONDUCT),
        needs=("means", "parameters"),
        random_state=False,
    ),
)
_GIVEN = (
    "The means are correct: your epoch was given another loss in the place of yours.",
    "The parameters are correct: your epoch was given another loss in the place of yours.",
    "Your epoch draws fresh noise from the generator: it was given another loss in the place of yours.",
    "Your epoch trains in train mode and keeps no graph: it was given another loss in the place of yours.",
)
_OTHER_LOSS = {"vae_loss": other_loss, "kl_divergence": other_kl, "log_likelihood_bernoulli": other_bernoulli}
TESTS = (
    *_TESTS,
    *(
        variant(test, f"{test.id}_given", title, after=("q1b", "q1c", "q3"), stand_ins=_OTHER_LOSS)
        for test, title in zip(_TESTS, _GIVEN, strict=True)
    ),
)
