"""Probes of q4: ``train_one_epoch`` on a given small SimCLR model and a given loss of two projections."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.questions.training.probes import GivenModel, Loop, Student


class GivenSimCLR(GivenModel):
    """(n, 3, 2, 2) -> h (n, 5), z (n, 4). 89 parameters."""

    def __init__(self, start: Tensor) -> None:
        super().__init__(start, encoder=nn.Linear(12, 5), projector=nn.Linear(5, 4))

    def answer(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(self.encoder(flat))
        return h, self.projector(h)


def given_loss(z_i: Tensor, z_j: Tensor) -> Tensor:
    """A loss of pairs, (n, d) each; the same for exchanged arguments."""
    distance = (z_i - z_j).square().sum(1).mean()
    spread = (z_i.square().sum(1) * z_j.square().sum(1)).mean()
    return distance + 0.1 * spread


def pairs(views_i: Tensor, views_j: Tensor) -> list[tuple[tuple[Tensor, Tensor], int]]:
    """Items ((x_i, x_j), label) from two views, (n, 3, 2, 2) each."""
    return [((x_i, x_j), k % 10) for k, (x_i, x_j) in enumerate(zip(views_i, views_j, strict=True))]


LOOP = Loop("train_one_epoch", GivenSimCLR, pairs, given_loss)
"""Cases hold two views (n, 3, 2, 2), the model's 89 parameters as ``start``, and a ``batch_size``."""


def train_mean_loss(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.mean_loss(student, **inputs)


def train_parameters(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.parameters(student, **inputs)


def train_any_iterable(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.any_iterable(student, **inputs)


def train_side_effects(student: Student, views_i: Tensor, views_j: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """Both views are the same, so that a loop that takes one of them twice forwards what it should."""
    return LOOP.side_effects(student, views_i=views_i, views_j=views_i, **inputs)
