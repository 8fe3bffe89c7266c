"""What the probes of the assignment hand to a student: a schedule, and a small model of the noise."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Schedule(NamedTuple):
    """The notebook's schedule: (T,) each; index t holds step t + 1."""

    beta: Tensor
    alpha: Tensor
    alpha_bar: Tensor
    posterior_variance: Tensor


class WrongSteps(TypeError):
    """A model did not get its steps as the integer tensor (n,) that it needs."""


def given_schedule(rows: Tensor) -> Schedule:
    """A schedule from stored rows β, α, ᾱ and posterior variance, (4, T), which it does not copy."""
    return Schedule(*rows.unbind())


def integers_of_rows(values: object, x: Tensor, name: str, error: type[TypeError]) -> Tensor:
    """``values`` itself, as int64, if it is an integer tensor with one entry for each row of ``x``, else the ``error``."""
    wanted = f"it needs an integer tensor of shape ({len(x)},)"
    if not isinstance(values, Tensor):
        raise error(f"the model gets {name} of type {type(values).__name__}; {wanted}")
    if values.is_floating_point() or values.dtype is torch.bool or values.shape != x.shape[:1]:
        dtype = str(values.dtype).removeprefix("torch.")
        raise error(f"the model gets {name} as {dtype} {tuple(values.shape)}; {wanted}")
    return values.long()


class GivenModel(nn.Module):
    """ε_θ(x, t) = a_t tanh(x) + b_t + c · x mirrored in its last axis, for x of any shape (n, ...).

    ``start`` holds a, b and c: (2T + 1,). Rows do not depend on each other, and the mode changes nothing.
    """

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        a, b = start[:-1].clone().chunk(2)
        self.a, self.b, self.c = nn.Parameter(a), nn.Parameter(b), nn.Parameter(start[-1:].clone())

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        t = integers_of_rows(t, x, "t", WrongSteps)
        per_row = (-1, *(1,) * (x.ndim - 1))
        return self.a[t].view(per_row) * torch.tanh(x) + self.b[t].view(per_row) + self.c * x.flip(-1)
