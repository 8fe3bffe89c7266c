"""Probes of q4: ``train_one_epoch`` of a small given SimSiam and a given loss, and ``feature_std``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.questions.losses.probes import Student
from autograder.questions.probing import as_number, global_state_kept
from autograder.questions.side_effects.probes import side_effects
from autograder.questions.training.probes import GivenModel, Loop


WEIGHTS = 89  # parameters of ``GivenSimSiam``


class GivenSimSiam(GivenModel):
    """Two views (n, 3, 2, 2) -> p1, p2, z1, z2, (n, 4) each."""

    def __init__(self, start: Tensor) -> None:
        super().__init__(start, projector=nn.Linear(12, 5), predictor=nn.Linear(5, 4))

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        z, p = super().forward(torch.cat([x1, x2]))
        return (*p.split([len(x1), len(x2)]), *z.split([len(x1), len(x2)]))

    def answer(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.tanh(self.projector(flat))
        return z[:, :4], self.predictor(z)


def given_loss(p1: Tensor, p2: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
    """A loss of (n, d) each, with a gradient to all; the same if the two views are exchanged."""
    distance = ((p1 - z2).square() + (p2 - z1).square()).sum(1).mean()
    return distance + 0.1 * (z1.square().sum(1) * z2.square().sum(1)).mean()


def pairs(views_1: Tensor, views_2: Tensor) -> list[tuple[tuple[Tensor, Tensor], int]]:
    """Items ((x1, x2), label) from two views, (n, 3, 2, 2) each."""
    return [((x1, x2), k % 10) for k, (x1, x2) in enumerate(zip(views_1, views_2, strict=True))]


LOOP = Loop("train_one_epoch", GivenSimSiam, pairs, given_loss)
"""Cases hold two views (n, 3, 2, 2), the model's parameters as ``start``, and a ``batch_size``."""


def train_mean_loss(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.mean_loss(student, **inputs)


def train_parameters(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.parameters(student, **inputs)


def train_side_effects(student: Student, views_1: Tensor, views_2: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """Both views are the same, so that a loop that takes one of them twice forwards what it should."""
    return LOOP.side_effects(student, views_1=views_1, views_2=views_1, **inputs)


def deviations(student: Student, **given: Tensor) -> dict[str, Tensor]:
    """``deviation_<number>``: what ``feature_std`` returns for each of ``z_<number>``, 0-d."""
    with global_state_kept():
        return {name.replace("z", "deviation"): _deviation(student, z.clone()) for name, z in given.items()}


def collapsed(student: Student, z_2: Tensor, **given: Tensor) -> dict[str, Tensor]:
    """``deviations`` of all but ``z_2``, and what ``side_effects`` returns for that."""
    return {**deviations(student, **given), **side_effects(lambda z: _deviation(student, z), {"z": z_2})}


def _deviation(student: Student, z: Tensor) -> Tensor:
    return as_number(student["feature_std"](z), z.dtype, "What feature_std returns")
