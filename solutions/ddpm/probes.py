"""What the probes of the assignment share: what they hand to a student, and what they put in place of a student's function.

The stand-ins are no answers: each is some other function of all arguments of the name that it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from autograder.questions.probing import as_value


class Schedule(NamedTuple):
    """The notebook's schedule: (T,) each; index t holds step t + 1."""

    beta: Tensor
    alpha: Tensor
    alpha_bar: Tensor
    posterior_variance: Tensor

    def to(self, device: torch.device | str) -> Schedule:
        """The same schedule on another device."""
        return Schedule(*(tensor.to(device) for tensor in self))


class WrongSteps(TypeError):
    """A model did not get its steps as the integer tensor (n,) that it needs."""


def given_schedule(rows: Tensor, student: Mapping[str, object] = MappingProxyType({})) -> Schedule:
    """A schedule from stored rows β, α, ᾱ and posterior variance, (4, T), which it does not copy.

    It is one of the class ``Schedule`` in the student's notebook, as in training, where that is a tuple of the same parts.
    """
    own = student.get("Schedule")
    of_these = isinstance(own, type) and issubclass(own, tuple) and getattr(own, "_fields", None) == Schedule._fields
    return (own if of_these else Schedule)(*rows.unbind())


def integers_of_rows(values: object, x: Tensor, name: str, error: type[TypeError]) -> Tensor:
    """``values`` itself, as int64, if it is an integer tensor with one entry for each row of ``x``, else the ``error``."""
    wanted = f"it needs an integer tensor of shape ({len(x)},)"
    if not isinstance(values, Tensor):
        raise error(f"the model gets {name} of type {type(values).__name__}; {wanted}")
    if values.is_floating_point() or values.dtype is torch.bool or values.shape != x.shape[:1]:
        dtype = str(values.dtype).removeprefix("torch.")
        raise error(f"the model gets {name} as {dtype} {tuple(values.shape)}; {wanted}")
    return values.long()


def per_row(values: Tensor, x: Tensor) -> Tensor:
    """``values``, (n,), in a shape that broadcasts against the rows of ``x``, (n, ...)."""
    return values.view(-1, *(1,) * (x.ndim - 1))


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
        return per_row(self.a[t], x) * torch.tanh(x) + per_row(self.b[t], x) + self.c * x.flip(-1)


def all_numbers(answer: object, what: str, dtype: torch.dtype) -> Tensor:
    """The numbers of a tensor, or of all parts of a tuple or list, one after the other: side effects have no form.

    Raises:
        NoTensor: a part is neither a tensor nor a number.
    """
    parts = answer if isinstance(answer, tuple | list) else (answer,)
    return torch.cat([as_value(part, what, dtype).flatten() for part in parts])


def other_noising(x0: Tensor, t: Tensor, noise: Tensor, schedule: Schedule) -> Tensor:
    """A stand-in for ``q_sample``: (n, ...)."""
    return 0.8 * x0 - 0.3 * noise + _share_of_steps(x0, t, schedule) + 0.5 * per_row(schedule.alpha_bar[t], x0)


def other_moments(eps_model: Callable, x_t: Tensor, t: Tensor, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """A stand-in for ``p_mean_variance``: mean (n, ...) and variance (n, 1, ..., 1)."""
    mean = x_t + eps_model(x_t, t) + other_shift(x_t, t, schedule)
    return mean, 0.25 + per_row(schedule.beta[t], x_t)


def other_step(eps_model: Callable, x_t: Tensor, t: Tensor, schedule: Schedule, noise: Tensor) -> Tensor:
    """A stand-in for ``p_sample``: a draw with the mean and the variance of ``other_moments``."""
    mean, variance = other_moments(eps_model, x_t, t, schedule)
    return mean + variance.sqrt() * torch.where(per_row(t, x_t) > 0, noise, 0.0)


def other_shift(x: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """What ``other_moments`` adds to the image and to the predicted noise, (n, 1, ..., 1)."""
    return _share_of_steps(x, t, schedule) + per_row(schedule.alpha_bar[t], x)


def _share_of_steps(x: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """The step as a share of all steps, (n, 1, ..., 1)."""
    return per_row((t + 1).to(x.dtype) / len(schedule.beta), x)
