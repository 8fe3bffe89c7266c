"""The evidence lower bound of images, image by image: Kingma and Welling (2013), eq. 10.

The seed of the noise is made of the weights.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from autograder.artefacts.accuracy.count import threads
from autograder.artefacts.container import processors
from autograder.given.vae import Decoder, Encoder

BATCH_SIZE = 250
MOST_NUMBERS = 5_000_000  # in a layer's output for one batch: some of them are in memory at the same time


@dataclass(frozen=True)
class Bound:
    """Sums over the ``evaluated`` images, in nats; the data set has ``dataset_size`` of them.

    ``reconstruction`` sums the negative log-likelihood of the pixels, ``kl`` the KL divergence of the latent vectors.
    """

    reconstruction: float
    kl: float
    evaluated: int
    dataset_size: int

    @property
    def finished(self) -> bool:
        """Whether all images were evaluated."""
        return self.evaluated == self.dataset_size

    @property
    def elbo(self) -> float:
        """The mean of the bound over the evaluated images."""
        return -(self.reconstruction + self.kl) / self.evaluated


def seed_of(*networks: torch.nn.Module) -> int:
    """A seed that depends on every weight: no decoder can be fitted to the noise that it will get."""
    digest = hashlib.sha256()
    for network in networks:
        for tensor in network.state_dict().values():
            digest.update(tensor.contiguous().numpy())
    return int.from_bytes(digest.digest()[:7], "big")


def bound_of(
    encoder: Encoder,
    decoder: Decoder,
    images: np.ndarray,
    *,
    deadline: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
    progress: Callable[[int], None] = lambda done: None,
) -> Bound:
    """The bound of ``images``, (n, 1, 28, 28) uint8, with one draw of the latent vector for each.

    The pixels are grey values in [0, 1], not binarised. Sums are taken in float64, so that machines agree to a few
    thousandths of a nat. ``deadline`` is a time of ``clock`` after which no further batch is started; the bound is not
    finite if the networks return NaN or infinity.
    """
    generator, sums, done = (
        torch.Generator().manual_seed(seed_of(encoder, decoder)),
        torch.zeros(2, dtype=torch.float64),
        0,
    )
    size = max(1, min(BATCH_SIZE, MOST_NUMBERS // max(encoder.latent, *encoder.hidden, *decoder.hidden)))
    with threads(processors()), torch.inference_mode():
        while done < len(images) and clock() < deadline:
            x = torch.from_numpy(np.array(images[done : done + size])).float() / 255
            mu, logvar = encoder(x)
            z = mu + (logvar / 2).exp() * torch.randn(mu.shape, generator=generator)
            pixels = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="none")
            kl = (logvar.double().exp() + mu.double() ** 2 - 1 - logvar.double()).sum() / 2
            sums += torch.stack([pixels.double().sum(), kl])
            done += len(x)
            progress(done)
    return Bound(*sums.tolist(), done, len(images))
