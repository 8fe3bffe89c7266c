"""Probes of losses over two views: ``function(a, b, parameter)`` with rows of ``a`` and ``b`` paired, (n, d) each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import as_value, backward, global_state_kept
from autograder.questions.side_effects.probes import side_effects

Student = Mapping[str, Callable]


def pair_loss_value(student: Student, function: str, a: Tensor, b: Tensor, parameter: float) -> dict[str, Tensor]:
    """The loss itself: ``value``, 0-d. A Python number is taken as a float32 scalar."""
    with global_state_kept():
        return {"value": _as_value(student[function](a.clone(), b.clone(), parameter), function)}


def pair_loss_gradient(student: Student, function: str, a: Tensor, b: Tensor, parameter: float) -> dict[str, Tensor]:
    """Gradients of the loss to both inputs, (n, d) each: ``gradient_a``, ``gradient_b``; zeros where none arrives.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.backward``.
    """
    answer = pair_loss_value_and_gradient(student, function, a, b, parameter)
    return {name: answer[name] for name in ("gradient_a", "gradient_b")}


def pair_loss_value_and_gradient(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float
) -> dict[str, Tensor]:
    """The loss and its gradients to both inputs: ``value``, ``gradient_a``, ``gradient_b``."""
    leaf_a, leaf_b = a.clone().requires_grad_(), b.clone().requires_grad_()
    with global_state_kept():
        # Embeddings are never leaves in training. Handing over leaves would forbid writes that are allowed there.
        loss = student[function](leaf_a.clone(), leaf_b.clone(), parameter)
        backward(loss, function, "its inputs")
    gradients = (torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in (leaf_a, leaf_b))
    return {"value": _as_value(loss, function), **dict(zip(("gradient_a", "gradient_b"), gradients))}


def pair_loss_side_effects(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float
) -> dict[str, Tensor]:
    """What a call does beside computing the loss, and whether global settings reach its value: see ``side_effects``."""

    def call(a: Tensor, b: Tensor) -> Tensor:
        return _as_value(student[function](a, b, parameter), function)

    return side_effects(call, {"a": a, "b": b})


def _as_value(loss: object, function: str) -> Tensor:
    return as_value(loss, f"What {function} returns", torch.float32)
