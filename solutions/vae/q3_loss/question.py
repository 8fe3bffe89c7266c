"""Question 3: the negative evidence lower bound with a weight of the KL divergence."""

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import comparisons, gradients_left_off

from ..functions import with_variants
from ..probes import other_bernoulli, other_kl
from . import counts, probes

# Number of images, their shape, the width of z, and β; None leaves it to the default. The KL divergence of the first is small.
_SIZES = {
    "three images (2, 2, 3), d = 5, beta 0.25": (3, (2, 2, 3), 5, 0.25),
    "four images (1, 2, 5), d = 3, no beta given": (4, (1, 2, 5), 3, None),
    "four rows of six, d = 4, beta 10": (4, (6,), 4, 10.0),
    "one image (1, 3, 3), d = 1, beta 2": (1, (1, 3, 3), 1, 2.0),
    "two images (1, 2, 2), d = 6, beta 0": (2, (1, 2, 2), 6, 0.0),
}
_NAMES = {"logits": "the logits", "x": "x", "mu": "mu", "logvar": "logvar"}


def draw(generator):
    """Logits, grey images, means and log variances of their own."""

    def inputs(n, image, d, beta):
        logits = 2 * torch.randn(n, *image, generator=generator) - 0.5
        x = (1.6 * torch.rand(n, *image, generator=generator) - 0.3).clamp(0, 1)
        mu, logvar = (torch.randn(n, d, generator=generator) for _ in range(2))
        scale = 0.2 if beta == 0.25 else 1.5
        given = {"logits": logits, "x": x, "mu": scale * mu, "logvar": scale * (logvar - 0.3)}
        return given if beta is None else {**given, "beta": beta}

    return tuple(Case(name, inputs(*sizes)) for name, sizes in _SIZES.items())


STUBS = ("vae_loss",)
_VALUES = {
    "reconstruction": Close(1e-4, what="the reconstruction, the second result,"),
    "kl": Close(1e-4, what="the KL divergence, the third result,"),
    "loss": Close(1e-4, what="the loss"),
}
_GRADIENTS = {f"gradient_{name}": Close(1e-4, what=f"the gradient to {_NAMES[name]}") for name in probes.GRADIENT_TO}
_CONDUCT = {
    **comparisons("vae_loss", _NAMES),
    **gradients_left_off("vae_loss"),
    "not_float32": Exact(advice="Return float32 from vae_loss for float32 inputs"),
    "moves": Exact(advice="What vae_loss returns does not depend on its inputs"),
}
TESTS = with_variants(
    (
        Test("value", "the loss and its two parts", probes.values, tuple(_SIZES), _VALUES),
        Test("gradient", "gradient of the loss to logits, mu and logvar", probes.gradient, tuple(_SIZES)[:3], _GRADIENTS),
        Test("conduct", "three float32 tensors; inputs and global state stay as they are", probes.conduct,
             tuple(_SIZES)[:1], _CONDUCT, count=counts.conduct, needs=("value", "gradient")),
    ),
    (
        "The loss is correct: it was given other densities in the place of yours.",
        "The gradient is correct: vae_loss was given other densities in the place of yours.",
        "vae_loss leaves everything as it is: it was given other densities in the place of yours.",
    ),
    after=("q1b", "q1c"),
    stand_ins={"kl_divergence": other_kl, "log_likelihood_bernoulli": other_bernoulli},
)  # fmt: skip
