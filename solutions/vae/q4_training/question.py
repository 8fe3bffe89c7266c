"""Question 4: one epoch of training a VAE."""

from dataclasses import replace

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.noise.question import ROWS, standard_normal
from autograder.questions.training.question import OPTIMIZER_STEPS, PARAMETERS, side_effects_test

from ..functions import with_variants
from ..probes import LATENT, other_bernoulli, other_kl, other_loss
from . import counts, probes

# Number of images, size of a batch, beta and learning rate. At learning rate 0 the means do not depend on the steps, and
# in one batch they come before the only step.
_MEANS = {
    "ten images in batches of four": (10, 4, 0.5, 0.0),
    "seven images in batches of six": (7, 6, 0.0, 0.0),
    "one batch, before its step": (5, 5, 1.5, 0.1),
}
_PARAMETERS = {"three batches": (10, 4, 0.5, 0.02), "five batches": (9, 2, 3.0, 0.01)}
_CONDUCT = {"eight batches, a model in eval mode": (16, 2, 1.5)}
_NOISE = "many images in batches of 320, eps of width 24"


def draw(generator):
    """Few grey images, with a last batch that is smaller than the others, or none."""

    def inputs(n, batch_size, beta, *lr, d=LATENT):
        return {
            "images": torch.rand(n, 1, 2, 3, generator=generator),
            "labels": torch.randint(10, (n,), generator=generator),
            "start": 0.5 * torch.randn(probes.weights(d), generator=generator),
            **{"batch_size": batch_size, "beta": beta, **dict(zip(("lr",), lr))},
        }

    few = tuple(Case(name, inputs(*setting)) for name, setting in {**_MEANS, **_PARAMETERS, **_CONDUCT}.items())
    seed = int(torch.randint(1, 2**31, (), generator=generator))
    return (*few, Case(_NOISE, {**inputs(ROWS, 320, 1.0, 0.001, d=probes.OTHER_LATENT), "seed": seed}))


_MEAN = (
    "The {} result is not the mean {} per image: the sum over batches of mean times number of images, divided by the "
    "number of all images"
)
_ADVICE = (
    "The parameters after the epoch are not correct: on every batch, compute the loss with the given beta, clear the "
    "gradients, call backward and step the optimiser"
)
_RESULTS = {"loss": ("first", "loss"), "reconstruction": ("second", "reconstruction"), "kl": ("third", "KL divergence")}
_OF_MEANS = {
    name: Close(1e-4, advice=_MEAN.format(place, what), what=f"the mean {what}")
    for name, (place, what) in _RESULTS.items()
}
_OF_PARAMETERS = {"optimizer_steps": OPTIMIZER_STEPS, "parameters": Close(1e-3, advice=_ADVICE, what=PARAMETERS.what)}
_AT_WORK = ("means", "parameters")
_SIDE_EFFECTS = side_effects_test(
    probes.epoch_side_effects, counts.epoch_side_effects, tuple(_CONDUCT), needs=_AT_WORK, random_state=False
)
_DEFAULT_KEPT = Exact(advice="You change torch's default dtype in train_one_epoch")
STUBS = ("train_one_epoch",)
TESTS = with_variants(
    (
        Test("means", "one epoch returns the three means per image", probes.epoch_means, tuple(_MEANS), _OF_MEANS),
        Test("parameters", "one epoch updates the parameters once per batch", probes.epoch_parameters, tuple(_PARAMETERS),
             _OF_PARAMETERS),
        Test("noise", "one epoch draws fresh normal eps from the generator", probes.epoch_noise, (_NOISE,),
             standard_normal("your eps"), count=counts.epoch_noise, needs=_AT_WORK),
        replace(_SIDE_EFFECTS, outputs={**_SIDE_EFFECTS.outputs, "default_changed": _DEFAULT_KEPT}),
    ),
    (
        "The means are correct: your epoch was given another loss in the place of yours.",
        "The parameters are correct: your epoch was given another loss in the place of yours.",
        "Your epoch draws fresh noise from the generator: it was given another loss in the place of yours.",
        "Your epoch trains in train mode and keeps no graph: it was given another loss in the place of yours.",
    ),
    after=("q1b", "q1c", "q3"),
    stand_ins={"vae_loss": other_loss, "kl_divergence": other_kl, "log_likelihood_bernoulli": other_bernoulli},
)  # fmt: skip
