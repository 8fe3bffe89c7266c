"""Probes of q7: ``drop_labels`` and ``guided_eps`` on a given model whose rows do not depend on each other."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from autograder.questions.probing import as_tensor, global_state_kept
from autograder.questions.side_effects.probes import side_effects

from ..probes import GivenModel, all_numbers, integers_of_rows


class WrongLabels(TypeError):
    """A model did not get its labels as the integer tensor (n,) that it needs."""


class GivenLabelledModel(nn.Module):
    """ε_θ(x, t, y) = ε_θ(x, t) + d_y cos(x): ``GivenModel`` of ``start`` and a term of the class ``y``, whose weights
    are ``classes``, (number of classes + 1,)."""

    def __init__(self, start: Tensor, classes: Tensor) -> None:
        super().__init__()
        self.without_label = GivenModel(start)
        self.classes = nn.Parameter(classes.clone())

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        weight = self.classes[integers_of_rows(labels, x, "labels", WrongLabels)].view(-1, *(1,) * (x.ndim - 1))
        return self.without_label(x, t) + weight * torch.cos(x)


def dropped_labels(
    student: Mapping[str, object], labels: Tensor, uniform: Tensor, p: float, null_label: int
) -> dict[str, Tensor]:
    """What ``drop_labels`` returns: ``labels``, (n,)."""
    with global_state_kept():
        answer = student["drop_labels"](labels.clone(), uniform.clone(), p, null_label)
    return {"labels": as_tensor(answer, "What drop_labels returns")}


def guided_prediction(
    student: Mapping[str, object],
    x_t: Tensor,
    t: Tensor,
    labels: Tensor,
    scale: float,
    null_label: int,
    start: Tensor,
    classes: Tensor,
) -> dict[str, Tensor]:
    """What ``guided_eps`` returns for the given model: ``eps``, of the shape of ``x_t``."""
    model = GivenLabelledModel(start, classes)
    with global_state_kept():
        answer = student["guided_eps"](model, x_t.clone(), t.clone(), labels.clone(), scale, null_label)
    return {"eps": as_tensor(answer, "What guided_eps returns").to(x_t.dtype)}


def guidance_side_effects(
    student: Mapping[str, object],
    x_t: Tensor,
    t: Tensor,
    labels: Tensor,
    uniform: Tensor,
    p: float,
    scale: float,
    null_label: int,
    start: Tensor,
    classes: Tensor,
) -> dict[str, Tensor]:
    """What both functions do beside computing their results.

    Returns:
        ``dropped_…``, ``guided_…``: what ``side_effects`` returns for each of the two functions; of ``drop_labels``, for all
            numbers that are returned, in any form.
    """

    def drop(labels: Tensor, uniform: Tensor) -> Tensor:
        answer = student["drop_labels"](labels, uniform, p, null_label)
        return all_numbers(answer, "What drop_labels returns", labels.dtype)

    def guide(x_t: Tensor, t: Tensor, labels: Tensor, start: Tensor, classes: Tensor) -> Tensor:
        answer = student["guided_eps"](GivenLabelledModel(start, classes), x_t, t, labels, scale, null_label)
        return as_tensor(answer, "What guided_eps returns")

    given = {"x_t": x_t, "t": t, "labels": labels, "start": start, "classes": classes}
    outputs = {}
    for prefix, call, inputs in (("dropped_", drop, {"labels": labels, "uniform": uniform}), ("guided_", guide, given)):
        outputs |= {prefix + name: value for name, value in side_effects(call, inputs).items()}
    return outputs
