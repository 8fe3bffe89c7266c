"""Probes of q7: ``importance_weighted_bound`` of a given small VAE for images of 28 by 28 pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from autograder.questions.probing import as_tensor, global_state_kept
from autograder.questions.side_effects.probes import side_effects, without_gradients

from ..probes import Student, latent_rows

SIDE = 28


class GivenVAE(nn.Module):
    """mu and logvar are linear in the columns' means of an image; the logits are sums of a row and a column, linear in z.

    ``start``: its ``parameters_of(d)`` parameters; the last 56 are the biases of the rows and of the columns.
    """

    def __init__(self, start: Tensor, d: int) -> None:
        super().__init__()
        self.latent = d
        self.moments, self.weight = nn.Linear(SIDE, 2 * d), nn.Linear(d, 2 * SIDE, bias=False)
        self.bias = nn.Parameter(torch.zeros(2 * SIDE))
        self.to(start.dtype)
        vector_to_parameters(start.clone(), self.ordered())

    def ordered(self) -> list[nn.Parameter]:
        """All parameters, in the order of ``start``."""
        return [self.moments.weight, self.moments.bias, self.weight.weight, self.bias]

    @property
    def encoder(self) -> object:
        """What a VAE that joins two networks has."""
        return self.encode

    @property
    def decoder(self) -> object:
        """What a VAE that joins two networks has."""
        return self.decode

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.moments(x.mean((1, 2))).chunk(2, dim=1)
        return mu, torch.tanh(logvar)

    def decode(self, z: Tensor) -> Tensor:
        rows, columns = (self.weight(latent_rows(z, self.latent)) + self.bias).chunk(2, dim=1)
        return rows[:, None, :, None] + columns[:, None, None, :]

    def forward(self, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.encode(x)
        return self.decode(mu + (logvar / 2).exp() * eps), mu, logvar


def parameters_of(d: int) -> int:
    """How many numbers ``GivenVAE`` takes."""
    return 2 * d * (SIDE + 1) + 2 * SIDE * (d + 1)


def _bound(student: Student, model: GivenVAE, x: Tensor, eps: Tensor) -> Tensor:
    returned = student["importance_weighted_bound"](model, x, eps)
    return as_tensor(returned, "What importance_weighted_bound returns")


def bound(student: Student, start: Tensor, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    """``bound``: what ``importance_weighted_bound`` returns, in the dtype of ``x``. The global seed is fixed.

    Args:
        start: the parameters of ``GivenVAE``. x: (n, 1, 28, 28). eps: (k, n, d).
    """
    model = GivenVAE(start, eps.shape[-1])
    with global_state_kept():
        torch.manual_seed(0)
        return {"bound": _bound(student, model, x.clone(), eps.clone()).to(x.dtype)}


def conduct(student: Student, start: Tensor, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    """What ``side_effects`` and ``without_gradients`` return; ``start``: the model's parameters afterwards; ``trainable``: which of them still require
    gradients, (3,) bool; ``value_other``: the bound for other noise."""
    model = GivenVAE(start, eps.shape[-1])

    def call(x: Tensor, eps: Tensor) -> Tensor:
        return _bound(student, model, x, eps)

    effects = {**side_effects(call, given := {"x": x, "eps": eps}), **without_gradients(call, given)}
    with global_state_kept():
        other = call(x.clone(), 2 * eps)
    return {
        **effects,
        "start": parameters_to_vector(model.ordered()).detach(),
        "trainable": torch.tensor([parameter.requires_grad for parameter in model.parameters()]),
        "value_other": other,
    }
