"""Probes of q4: ``ddpm_loss`` of a given small model on given images, steps, noise and schedule.

The global seed is fixed, so that noise or steps that the function draws itself are recognised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from autograder.questions.probing import as_value, global_state_kept, gradients
from autograder.questions.side_effects.probes import side_effects

from ..probes import GivenModel, given_schedule

Student = Mapping[str, Callable]
WHAT = "What ddpm_loss returns"


class FrozenModel(RuntimeError):
    """The parameters of the model take no gradients any more."""


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
    """The gradient to the model's parameters, (2T + 1,), zeros where none arrives.

    Returns:
        ``gradient``: of the loss; ``left``: what the function itself has left in the parameters.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.gradients``.
        FrozenModel: the loss switched off the gradients of the model.
    """
    model = GivenModel(start)
    with global_state_kept():
        torch.manual_seed(0)
        loss = _loss(student, model, x0.clone(), t.clone(), noise.clone(), schedule.clone())
        parameters = list(model.parameters())
        if not all(parameter.requires_grad for parameter in parameters):
            raise FrozenModel("ddpm_loss switches off the gradients of the model's parameters")
        left = [parameter.grad for parameter in parameters]
        arrived = gradients(loss, "ddpm_loss", "the model's parameters", parameters)

    def whole(parts: Sequence[Tensor | None]) -> Tensor:
        return parameters_to_vector([torch.zeros_like(p) if g is None else g for p, g in zip(parameters, parts)])

    return {"gradient": whole(arrived), "left": whole(left)}


def denoising_loss_side_effects(
    student: Student, start: Tensor, x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor
) -> dict[str, Tensor]:
    """What ``ddpm_loss`` does beside computing the loss, also to the model.

    Returns:
        What ``side_effects`` returns.
        ``parameters``, and their ``gradients``, which are ones before it: (2T + 1,) each, after the first call.
        ``modes``: for each call the mode of the model before it and after it, (calls, 2), bool.
        ``value_other``: the loss for other noise.
    """
    models, modes = [], []

    def call(x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor) -> Tensor:
        before = len(modes) != 1
        model = GivenModel(start).train(before)
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        value = as_value(_loss(student, model, x0, t, noise, schedule), WHAT, x0.dtype)
        models.append(model)
        modes.append([before, model.training])
        return value

    given = {"x0": x0, "t": t, "noise": noise, "schedule": schedule}
    answer = side_effects(call, given)
    with global_state_kept():
        other = call(x0.clone(), t.clone(), 2 * noise, schedule.clone())
    parameters = list(models[0].parameters())
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    return {
        **answer,
        "parameters": parameters_to_vector(parameters).detach(),
        "gradients": parameters_to_vector(gradients),
        "modes": torch.tensor(modes),
        "value_other": other,
    }


def _loss(student: Student, model: GivenModel, x0: Tensor, t: Tensor, noise: Tensor, schedule: Tensor) -> object:
    return student["ddpm_loss"](model, x0, t, noise, given_schedule(schedule, student))
