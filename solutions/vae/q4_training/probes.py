"""Probes of q4: ``train_one_epoch`` of a small given VAE, whose results do not depend on the noise that it gets."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from autograder.questions.noise.probes import drawn_rows
from autograder.questions.probing import as_number, described
from autograder.questions.training.probes import GivenModel, Loop

from ..probes import Student, three

IMAGE = (1, 2, 3)
PIXELS = 6
OTHER_LATENT = 24  # in one case: the width of eps is the model's


def weights(d: int) -> int:
    """How many parameters ``GivenVAE`` has for eps of width d."""
    return 2 * d * (PIXELS + 1) + PIXELS * (d + 1)


class WrongNoise(TypeError):
    """The model did not get a row of noise for each image."""


class GivenVAE(GivenModel):
    """(x, eps) -> logits (n, 1, 2, 3), mu, logvar (n, d). It notes its noise, and decodes mu: the noise changes nothing.

    ``start``: its ``weights(d)`` parameters, which tell d.

    It does not note the noise of a second call for the same images.

    ``encode`` and ``decode`` do the same in two calls; there the noise is what z shows.
    """

    def __init__(self, start: Tensor) -> None:
        d = (len(start) - weights(0)) // (weights(1) - weights(0))
        super().__init__(start, encoder=nn.Linear(PIXELS, 2 * d), decoder=nn.Linear(d, PIXELS))
        self.latent = d
        self.noise: list[Tensor] = []
        self.latest: tuple[Tensor, Tensor, Tensor] | None = None

    def forward(self, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        try:
            rows = torch.as_tensor(eps).detach().expand(len(x), self.latent)
        except (RuntimeError, TypeError) as error:
            needed = f"a tensor of shape ({len(x)}, {self.latent})"
            raise WrongNoise(f"the model gets {described(eps)} as eps; it needs {needed}") from error
        if not (self.noise and torch.equal(rows, self.noise[-1]) and torch.equal(x, self.images)):
            self.noise.append(rows.clone())
        self.images = x.detach().clone()
        return super().forward(x)

    def answer(self, flat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = torch.tanh(self.encoder(flat)).chunk(2, dim=1)
        return self.decoder(mu).view(-1, *IMAGE), mu, logvar

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.latest = super().forward(x)
        return self.latest[1:]

    def decode(self, z: Tensor) -> Tensor:
        logits, mu, logvar = self.latest
        self.noise.append(((z - mu) / (logvar / 2).exp()).detach())
        return logits


LOOP = Loop("train_one_epoch", GivenVAE, lambda images, labels: TensorDataset(images, labels), scheduled=False)
"""Cases hold images (n, 1, 2, 3), labels (n,) int64, the model's parameters as ``start``, a ``batch_size`` and beta."""


def _further(beta: float) -> tuple[torch.Generator, float]:
    return torch.Generator().manual_seed(1), beta


def epoch_means(student: Student, beta: float, **inputs: Tensor | float) -> dict[str, Tensor]:
    """``loss``, ``reconstruction``, ``kl``: the three numbers that the epoch returns, 0-d.

    Raises:
        NotThree, NotANumber: it returns something else.
    """
    returned, _ = LOOP.run(student, **inputs, further=_further(beta))
    parts = three(returned, "What train_one_epoch returns", "(loss, reconstruction, kl)")
    return {
        name: as_number(part, inputs["start"].dtype, f"The {name} of train_one_epoch")
        for name, part in zip(("loss", "reconstruction", "kl"), parts, strict=True)
    }


def epoch_parameters(student: Student, beta: float, **inputs: Tensor | float) -> dict[str, Tensor]:
    """The outputs of ``Loop.run``. The model is handed over in train mode, with a device that is no string."""
    return LOOP.parameters(student, **inputs, further=_further(beta))


def epoch_side_effects(student: Student, beta: float, **inputs: Tensor | float) -> dict[str, Tensor]:
    """The outputs of ``Loop.side_effects``; ``new_number``: a number made after the epoch, in the default dtype, (1,)."""
    numbers: list[Tensor] = []

    def epoch(*given: object, **named: object) -> object:
        returned = student["train_one_epoch"](*given, **named)
        numbers.append(torch.tensor([0.5]))
        return returned

    produced = LOOP.side_effects({**student, "train_one_epoch": epoch}, **inputs, further=_further(beta))
    return {**produced, "new_number": numbers[0]}


def epoch_noise(student: Student, beta: float, seed: int, **inputs: Tensor | float) -> dict[str, Tensor]:
    """What ``drawn_rows`` returns, of the noise that the model gets in an epoch."""

    def draw(generator: torch.Generator) -> Tensor:
        models: list[GivenVAE] = []

        def model(start: Tensor) -> GivenVAE:
            models.append(GivenVAE(start))
            return models[0]

        replace(LOOP, model=model).run(student, **inputs, further=(generator, beta))
        return torch.cat(models[0].noise) if models[0].noise else torch.empty(0, OTHER_LATENT)

    return drawn_rows(draw, seed)
