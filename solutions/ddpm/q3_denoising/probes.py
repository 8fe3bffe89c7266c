"""Probes of q3: ``p_mean_variance`` and ``p_sample`` on a given model of the noise.

What the last step adds is measured as a difference of two calls, so that neither a wrong mean nor a wrong deviation costs
its points as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from autograder.questions.probing import as_tensor, as_value, global_state_kept, pair
from autograder.questions.side_effects.probes import side_effects

from ..probes import GivenModel, all_numbers, given_schedule

Student = Mapping[str, Callable]
Model = Callable[[Tensor, Tensor], Tensor]


class Timeless(nn.Module):
    """A model of the noise that does not look at t: a test that uses it costs nothing for a wrong t."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(start[:1].clone())

    def forward(self, x: Tensor, t: object) -> Tensor:
        return torch.tanh(x) + self.weight * x.flip(-1)


class WrongShape(ValueError):
    """A result does not broadcast to the images that it belongs to, or does not have their shape."""


def reverse_mean(student: Student, x_t: Tensor, t: Tensor, schedule: Tensor, start: Tensor) -> dict[str, Tensor]:
    """The mean that ``p_mean_variance`` returns, expanded to ``x_t``'s shape.

    Args:
        x_t: (n, ...).
        t: (n,) int64.
        schedule: β, α, ᾱ and posterior variance, (4, T).
        start: parameters of ``GivenModel`` for one step more than there are, (2T + 3,).
    """
    with global_state_kept():
        mean, _ = _pair(student, GivenModel(start), x_t.clone(), t.clone(), schedule.clone())
    return {"mean": _expanded(as_tensor(mean, "The mean"), x_t, "mean").to(x_t.dtype)}


def reverse_variance(student: Student, x_t: Tensor, t: Tensor, schedule: Tensor, start: Tensor) -> dict[str, Tensor]:
    """The variance that ``p_mean_variance`` returns, expanded to ``x_t``'s shape; a number is taken as a variance."""
    with global_state_kept():
        _, variance = _pair(student, Timeless(start), x_t.clone(), t.clone(), schedule.clone())
    return {"variance": _expanded(as_value(variance, "The variance", x_t.dtype), x_t, "variance").to(x_t.dtype)}


def reverse_step(
    student: Student, x_t: Tensor, t: Tensor, schedule: Tensor, noise: Tensor, start: Tensor
) -> dict[str, Tensor]:
    """What ``p_sample`` returns: ``x``, of the shape of ``x_t``."""
    with global_state_kept():
        x = _sample(student, GivenModel(start), x_t.clone(), t.clone(), schedule.clone(), noise.clone())
    return {"x": x.to(x_t.dtype)}


def last_step(
    student: Student, x_t: Tensor, t: Tensor, schedule: Tensor, noise: Tensor, start: Tensor
) -> dict[str, Tensor]:
    """What ``p_sample`` returns with the noise, ``noisy``, and with zeros, ``plain``."""
    with global_state_kept():
        noisy, plain = (
            _sample(student, Timeless(start), x_t.clone(), t.clone(), schedule.clone(), given).to(x_t.dtype)
            for given in (noise.clone(), torch.zeros_like(noise))
        )
    return {"noisy": noisy, "plain": plain}


def reverse_side_effects(
    student: Student, x_t: Tensor, t: Tensor, schedule: Tensor, noise: Tensor, start: Tensor
) -> dict[str, Tensor]:
    """What both functions do beside computing their results.

    Returns:
        ``mean_…``, ``sample_…``: what ``side_effects`` returns for each of the two functions; of ``p_mean_variance``, for
            all numbers that are returned, in any form.
        ``mean_frozen``, ``sample_frozen``: whether it has switched off the gradients of a parameter of the model, 0-d bool.
    """
    models = []

    def given_model(start: Tensor) -> Timeless:
        models.append(Timeless(start))
        return models[-1]

    def moments(x_t: Tensor, t: Tensor, schedule: Tensor, start: Tensor) -> Tensor:
        answer = student["p_mean_variance"](given_model(start), x_t, t, given_schedule(schedule, student))
        return all_numbers(answer, "What p_mean_variance returns", x_t.dtype)

    def sample(x_t: Tensor, t: Tensor, schedule: Tensor, noise: Tensor, start: Tensor) -> Tensor:
        return _sample(student, given_model(start), x_t, t, schedule, noise)

    given = {"x_t": x_t, "t": t, "schedule": schedule, "start": start}
    outputs = {}
    for prefix, call, inputs in (("mean_", moments, given), ("sample_", sample, {**given, "noise": noise})):
        outputs |= {prefix + key: value for key, value in side_effects(call, inputs).items()}
        outputs[f"{prefix}frozen"] = torch.tensor(not all(model.weight.requires_grad for model in models))
        models.clear()
    return outputs


def _pair(student: Student, model: Model, x_t: Tensor, t: Tensor, schedule: Tensor) -> tuple[object, object]:
    """The two things that ``p_mean_variance`` returns."""
    answer = student["p_mean_variance"](model, x_t, t, given_schedule(schedule, student))
    return pair(answer, "What p_mean_variance returns", "(mean, variance)")


def _expanded(found: Tensor, x_t: Tensor, what: str) -> Tensor:
    try:
        return found.expand(x_t.shape)
    except RuntimeError:
        raise WrongShape(
            f"the {what} has shape {tuple(found.shape)}, which does not broadcast to {tuple(x_t.shape)}, that of x_t"
        ) from None


def _sample(student: Student, model: Model, x_t: Tensor, t: Tensor, schedule: Tensor, noise: Tensor) -> Tensor:
    """What ``p_sample`` returns, of the shape of ``x_t``."""
    answer = student["p_sample"](model, x_t, t, given_schedule(schedule, student), noise)
    found = as_tensor(answer, "What p_sample returns")
    if found.shape != x_t.shape:
        raise WrongShape(f"p_sample returns shape {tuple(found.shape)}; return {tuple(x_t.shape)}, that of x_t")
    return found
