"""Question 3: the negative evidence lower bound with a weight of the KL divergence."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons

from ..probes import other_bernoulli, other_kl
from . import counts, probes

# Number of images, their shape, the width of z, and β; None leaves it to the default.
_SIZES = {
    "four images (1, 2, 5), d = 3, no beta given": (4, (1, 2, 5), 3, None),
    "three images (2, 2, 3), d = 5, beta 0.25": (3, (2, 2, 3), 5, 0.25),
    "four rows of six, d = 4, beta 10": (4, (6,), 4, 10.0),
    "one image (1, 3, 3), d = 1, beta 2": (1, (1, 3, 3), 1, 2.0),
    "two images (1, 2, 2), d = 6, beta 0": (2, (1, 2, 2), 6, 0.0),
}
_CONDUCT = "three images (1, 2, 4), d = 5, beta 3"
NAMES = {"logits": "the logits", "x": "x", "mu": "mu", "logvar": "logvar"}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Logits, grey images, means and log variances of their own."""

    def case(name: str, n: int, image: tuple[int, ...], d: int, beta: float | None) -> Case:
        logits = 2 * torch.randn(n, *image, generator=generator) - 0.5
        x = (1.6 * torch.rand(n, *image, generator=generator) - 0.3).clamp(0, 1)
        mu, logvar = (torch.randn(n, d, generator=generator) for _ in range(2))
        inputs = {"logits": logits, "x": x, "mu": 1.5 * mu, "logvar": logvar - 0.5}
        return Case(name, inputs if beta is None else {**inputs, "beta": beta})

    return (*(case(name, *sizes) for name, sizes in _SIZES.items()), case(_CONDUCT, 3, (1, 2, 4), 5, 3.0))


STUBS = ("vae_loss",)
_TESTS = (
    Test(
        "value",
        "the loss and its two parts",
        probes.values,
        tuple(_SIZES),
        {
            "reconstruction": Close(1e-4, what="the reconstruction, the second result,"),
            "kl": Close(1e-4, what="the KL divergence, the third result,"),
            "loss": Close(1e-4, what="the loss"),
        },
    ),
    Test(
        "gradient",
        "gradient of the loss to logits, mu and logvar",
        probes.gradient,
        tuple(_SIZES),
        {f"gradient_{name}": Close(1e-4, what=f"the gradient to {NAMES[name]}") for name in ("logits", "mu", "logvar")},
    ),
    Test(
        "conduct",
        "three float32 tensors; inputs and global state stay as they are",
        probes.conduct,
        (_CONDUCT,),
        {
            **comparisons("vae_loss", NAMES),
            "not_float32": Exact(advice="Return float32 from vae_loss for float32 inputs"),
            "moves": Exact(advice="What vae_loss returns does not depend on its inputs"),
        },
        count=counts.conduct,
        needs=("value", "gradient"),
    ),
)
_GIVEN = (
    "The loss is correct: it was given other densities in the place of yours.",
    "The gradient is correct: vae_loss was given other densities in the place of yours.",
    "vae_loss leaves everything as it is: it was given other densities in the place of yours.",
)
_OTHER_DENSITIES = {"kl_divergence": other_kl, "log_likelihood_bernoulli": other_bernoulli}
TESTS = (
    *_TESTS,
    *(
        variant(test, f"{test.id}_given", title, after=("q1b", "q1c"), stand_ins=_OTHER_DENSITIES)
        for test, title in zip(_TESTS, _GIVEN, strict=True)
    ),
)
