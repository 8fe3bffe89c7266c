"""Probes of q4: ``fit_contrastive_model`` of a small given encoder and a given loss of embeddings and labels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from autograder.questions.training.probes import GivenModel, Loop, Student

from ..probes import endless, losses_of

WEIGHTS = 83  # parameters of ``given_encoder``
FUNCTION = "fit_contrastive_model"


def given_encoder(start: Tensor) -> GivenModel:
    """(n, 3, 2, 2) -> (n, 3)."""
    return GivenModel(start, body=nn.Linear(12, 5), head=nn.Linear(5, 3))


def given_loss(z: Tensor, labels: Tensor) -> Tensor:
    """Some loss of embeddings (n, 3) and labels (n,)."""
    return ((z - 0.3 * labels[:, None]).square().sum(1) + 0.2 * z.prod(1)).mean()


LOOP = Loop(FUNCTION, given_encoder, lambda images, labels: TensorDataset(images, labels), given_loss)
"""Cases hold images (n, 3, 2, 2), labels (n,), the encoder's parameters as ``start``, a ``batch_size`` and ``num_iters``."""


def _in_order(student: Student) -> dict[str, Callable]:
    """The student's function with the arguments in the order of a ``Loop``."""

    def fit(encoder, batches, optimizer, scheduler, loss_fn, num_iters, **device):
        return student[FUNCTION](encoder, batches, loss_fn, optimizer, scheduler, num_iters, **device)

    return {FUNCTION: fit}


def _run(probe: Callable, student: Student, num_iters: int, **inputs: Tensor | float) -> object:
    return probe(_in_order(student), **inputs, batches=endless(num_iters), further=(num_iters,))


def losses(student: Student, lr: float, factors: Tensor, **inputs: Tensor | float) -> dict[str, Tensor]:
    """``losses``: what is returned at learning rate 0, where it does not depend on the steps; ``losses_in_training``: at another;
    (num_iters,) each. ``calls``: of the given loss in training, see ``Loop.run``."""
    still, _ = _run(LOOP.run, student, **inputs, lr=0.0)
    moving, outputs = _run(LOOP.run, student, **inputs, lr=lr, factors=factors)
    found = (losses_of(one, FUNCTION, inputs["start"].dtype) for one in (still, moving))
    return {**dict(zip(("losses", "losses_in_training"), found)), "calls": outputs["losses"]}


def parameters(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return _run(LOOP.parameters, student, **inputs)


def side_effects(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return _run(LOOP.side_effects, student, **inputs)
