"""Probes of losses over two views: ``function(a, b, parameter)`` with rows of ``a`` and ``b`` paired, (n, d) each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import as_value, global_state_kept, gradients, tracked
from autograder.questions.side_effects.probes import side_effects

Student = Mapping[str, Callable]
# What arrives at the loss from behind, where its gradient is taken: that of a multiple of it. A power of two is exact.
INCOMING = 8.0


def pair_loss_value(student: Student, function: str, a: Tensor, b: Tensor, parameter: float) -> dict[str, Tensor]:
    """The loss itself: ``value``, 0-d. A Python number is taken as a float32 scalar."""
    with global_state_kept():
        return {"value": _as_value(student[function](a.clone(), b.clone(), parameter), function)}


def pair_loss_gradient(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float, calls: int = 1
) -> dict[str, Tensor]:
    """Gradients of the loss to both inputs, (n, d) each: ``gradient_a``, ``gradient_b``; zeros where none arrives.

    They are taken of a multiple of the loss, so that a backward which forgets what comes in is seen. With two ``calls`` the
    loss is the mean of two, of which one is given the embeddings with their columns reversed. The order of the columns
    changes nothing in these losses, so the gradient is that of one call.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.gradients``.
    """
    answer = _value_and_gradient(student, function, a, b, parameter, calls)
    return {name: answer[name] for name in ("gradient_a", "gradient_b")}


def pair_loss_value_and_gradient(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float
) -> dict[str, Tensor]:
    """The loss and its gradients to both inputs: ``value``, ``gradient_a``, ``gradient_b``."""
    return _value_and_gradient(student, function, a, b, parameter)


def pair_loss_in_both_precisions(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float
) -> dict[str, Tensor]:
    """Value and gradients for the inputs as they are and, named ``double_…``, for float64 copies of them.

    Then float64 is the default dtype as well, so that constants which the function makes fit.
    """
    single = _value_and_gradient(student, function, a, b, parameter)
    with global_state_kept():
        torch.set_default_dtype(torch.float64)
        double = _value_and_gradient(student, function, a.double(), b.double(), parameter)
    return {**single, **{f"double_{name}": tensor for name, tensor in double.items()}}


def pair_loss_at_another_scale(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float
) -> dict[str, Tensor]:
    """Value and gradients for the inputs as they are and, named ``other_…``, with every column divided by its norm."""
    other = (x / x.norm(dim=0) for x in (a, b))
    return {
        **_value_and_gradient(student, function, a, b, parameter),
        **{f"other_{name}": t for name, t in _value_and_gradient(student, function, *other, parameter).items()},
    }


def pair_loss_side_effects(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float
) -> dict[str, Tensor]:
    """What a call does beside computing the loss: see ``side_effects``; and ``value_other``, the loss of other numbers."""

    def call(a: Tensor, b: Tensor) -> Tensor:
        return _as_value(student[function](a, b, parameter), function)

    effects = side_effects(call, {"a": a, "b": b})
    with global_state_kept():
        return {**effects, "value_other": call(a.sin(), b.cos())}


def _value_and_gradient(
    student: Student, function: str, a: Tensor, b: Tensor, parameter: float, calls: int = 1
) -> dict[str, Tensor]:
    (given_a, edge_a), (given_b, edge_b) = tracked(a), tracked(b)
    again = (given_a.flip(1), given_b.flip(1)) if calls == 2 else None  # before the first call, which may write to both
    with global_state_kept():
        loss = student[function](given_a, given_b, parameter)
        value = _as_value(loss, function)
        torch.set_grad_enabled(True)
        if again:
            other = student[function](*again, parameter)
            torch.set_grad_enabled(True)
            loss = (loss + other) / 2
        arrived = gradients(loss, function, "its inputs", (edge_a, edge_b), INCOMING)
    of_a, of_b = (torch.zeros_like(x) if g is None else g / INCOMING for x, g in zip((a, b), arrived))
    return {"value": value, "gradient_a": of_a, "gradient_b": of_b}


def _as_value(loss: object, function: str) -> Tensor:
    return as_value(loss, f"What {function} returns", torch.float32)
