"""Probes of losses over two views: ``function(a, b, parameter)`` with rows of ``a`` and ``b`` paired, (n, d) each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import as_value, global_state_kept, gradients, tracked
from autograder.questions.side_effects.probes import side_effects

Student = Mapping[str, Callable]


def pair_loss_value(student: Student, function: str, a: Tensor, b: Tensor, parameter: float) -> dict[str, Tensor]:
    """The loss itself: ``value``, 0-d. A Python number is taken as a float32 scalar."""
    with global_state_kept():
        return {"value": _as_value(student[function](a.clone(), b.clone(), parameter), function)}


def pair_loss_gradient(student: Student, function: str, a: Tensor, b: Tensor, parameter: float) -> dict[str, Tensor]:
    """Gradients of the loss to both inputs, (n, d) each: ``gradient_a``, ``gradient_b``; zeros where none arrives.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.gradients``.
    """
    answer = pair_loss_value_and_gradient(student, function, a, b, parameter)
    return {name: answer[name] for name in ("gradient_a", "gradient_b")}


def pair_loss_value_and_gradient(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float
) -> dict[str, Tensor]:
    """The loss and its gradients to both inputs: ``value``, ``gradient_a``, ``gradient_b``."""
    (given_a, edge_a), (given_b, edge_b) = tracked(a), tracked(b)
    with global_state_kept():
        loss = student[function](given_a, given_b, parameter)
        arrived = gradients(loss, function, "its inputs", (edge_a, edge_b))
    gradient_a, gradient_b = (torch.zeros_like(x) if g is None else g for x, g in zip((a, b), arrived))
    return {"value": _as_value(loss, function), "gradient_a": gradient_a, "gradient_b": gradient_b}


def pair_loss_side_effects(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float
) -> dict[str, Tensor]:
    """What a call does beside computing the loss, and whether global settings reach its value: see ``side_effects``."""

    def call(a: Tensor, b: Tensor) -> Tensor:
        return _as_value(student[function](a, b, parameter), function)

    return side_effects(call, {"a": a, "b": b})


def _as_value(loss: object, function: str) -> Tensor:
    return as_value(loss, f"What {function} returns", torch.float32)
