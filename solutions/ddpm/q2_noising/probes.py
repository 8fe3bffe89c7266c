"""Probes of q2: ``q_sample`` on given images, steps, noise and schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import as_tensor, global_state_kept
from autograder.questions.side_effects.probes import by_dtype, side_effects

from ..probes import given_schedule


def noised(
    student: Mapping[str, Callable], x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor
) -> dict[str, Tensor]:
    """``x_t`` in the dtype of ``x0``, under a fixed global seed: noise that the function draws itself is recognised.

    Args:
        x0, noise: (n, ...).
        t: (n,) int64.
        schedule: rows β, α, ᾱ and posterior variance, (4, T).
    """
    with global_state_kept():
        torch.manual_seed(0)
        x_t = _x_t(student, x0.clone(), t.clone(), noise.clone(), schedule.clone())
    return {"x_t": x_t.to(x0.dtype)}


def noised_side_effects(
    student: Mapping[str, Callable], x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor
) -> dict[str, Tensor]:
    """What ``q_sample`` does beside noising: see ``side_effects`` and ``by_dtype``.

    ``of_images``: the result for the same numbers as images of one channel, (n, 1, ...), in the shape of ``x0``.
    """

    def call(x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor) -> Tensor:
        return _x_t(student, x0, t, noise, schedule)

    given = {"x0": x0, "t": t, "noise": noise, "schedule": schedule}
    answer = {**side_effects(call, given), **by_dtype(call, given)}
    images = (len(x0), 1, -1, x0.shape[-1])
    with global_state_kept():
        of_images = call(x0.reshape(images).clone(), t.clone(), noise.reshape(images).clone(), schedule.clone())
    return {**answer, "of_images": of_images.reshape(x0.shape)}


def _x_t(student: Mapping[str, Callable], x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor) -> Tensor:
    return as_tensor(student["q_sample"](x0, t, noise, given_schedule(schedule, student)), "What q_sample returns")
