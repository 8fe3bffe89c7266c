"""Probes of q4: ``ddpm_loss`` of a given small model on given images, steps, noise and schedule.

The global seed is fixed, so that noise or steps that the function draws itself are recognised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from autograder.questions.side_effects.probes import conduct
from ..probes import GivenModel, given_schedule
from autograder.questions.probing import as_value, described, global_state_kept

Student = Mapping[str, Callable]
WHAT = "what ddpm_loss returns"


class LostGradient(ValueError):
    """The returned loss has no graph behind it."""


class BrokenBackward(RuntimeError):
    """The loss could be computed, its gradient could not."""


def denoising_loss_value(
    student: Student, start: Tensor, x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor
) -> dict[str, Tensor]:
    """The loss itself: ``value``, 0-d, in the dtype of ``x0``. A number is taken as a 0-d tensor.

    Args:
        start: parameters of ``GivenModel``, (2T + 1,).
        x0, noise: (n, ...).
        t: (n,) int64.
        schedule: rows β, α, ᾱ and posterior variance, (4, T).
    """
    with global_state_kept():
        torch.manual_seed(0)
        loss = _loss(student, GivenModel(start), x0.clone(), t.clone(), noise.clone(), schedule.clone())
    return {"value": as_value(loss, WHAT, x0.dtype).to(x0.dtype)}


def denoising_loss_gradient(
    student: Student, start: Tensor, x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor
) -> dict[str, Tensor]:
    """``gradient`` that one backward leaves in the model's parameters, (2T + 1,), zeros where none arrives.

    Raises:
        NoTensor: the loss is neither a tensor nor a number.
        LostGradient: it is a number, or a tensor without a graph.
        BrokenBackward: ``backward`` raised.
    """
    model = GivenModel(start)
    with global_state_kept():
        torch.manual_seed(0)
        loss = _loss(student, model, x0.clone(), t.clone(), noise.clone(), schedule.clone())
        _backward(loss)
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters()]
    return {"gradient": parameters_to_vector(gradients)}


def denoising_loss_conduct(
    student: Student, start: Tensor, x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor
) -> dict[str, Tensor]:
    """What ``ddpm_loss`` does beside computing the loss, see ``conduct``, and to the model's parameters and mode.

    Returns:
        What ``conduct`` returns; ``parameters``: (2T + 1,), after the calls; ``eval_modes``: how many calls left the model,
        which is in train mode before each, in eval mode.
    """
    changed, eval_modes = [], []

    def call(x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor) -> Tensor:
        model = GivenModel(start.to(x0.dtype))
        value = as_value(_loss(student, model, x0, t, noise, schedule), WHAT, x0.dtype)
        changed.append(parameters_to_vector(model.parameters()).detach())
        eval_modes.append(not model.training)
        return value

    answer = conduct(call, {"x0": x0, "t": t, "noise": noise, "schedule": schedule})
    return {**answer, "parameters": changed[0], "eval_modes": torch.tensor(sum(eval_modes))}


def _loss(student: Student, model: GivenModel, x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor) -> object:
    return student["ddpm_loss"](model, x0, t, noise, given_schedule(schedule))


def _backward(loss: object) -> None:
    as_value(loss, WHAT, torch.float32)
    if not isinstance(loss, Tensor):
        raise LostGradient(f"ddpm_loss returned {described(loss)}: a gradient needs the loss as a tensor")
    if not loss.requires_grad:
        raise LostGradient("ddpm_loss returned a tensor that carries no gradient to the model's parameters")
    if loss.numel() != 1:
        raise ValueError(f"ddpm_loss returned shape {tuple(loss.shape)}, expected a single number")
    try:
        loss.backward()
    except Exception as error:
        raise BrokenBackward(f"backward() of ddpm_loss raised {type(error).__name__}: {error}") from error
