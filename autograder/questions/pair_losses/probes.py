"""Probes of losses over two views: ``function(a, b, parameter)`` with rows of ``a`` and ``b`` paired, (n, d) each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real

import torch

from autograder.questions.probing import described, global_state_kept

Student = Mapping[str, Callable]


class LostGradient(ValueError):
    """The returned loss has no graph behind it."""


class BrokenBackward(RuntimeError):
    """The loss could be computed, its gradient could not."""


def pair_loss_value(
    student: Student, function: str, a: torch.Tensor, b: torch.Tensor, parameter: float
) -> dict[str, torch.Tensor]:
    """The loss itself: ``value``, 0-d. A Python number is taken as a float32 scalar."""
    with global_state_kept():
        return {"value": _as_value(student[function](a.clone(), b.clone(), parameter), function)}


def pair_loss_gradient(
    student: Student, function: str, a: torch.Tensor, b: torch.Tensor, parameter: float
) -> dict[str, torch.Tensor]:
    """Gradients of the loss to both inputs, (n, d) each: ``gradient_a``, ``gradient_b``; zeros where none arrives.

    Raises:
        LostGradient: the loss is a number, or a tensor without a graph.
        BrokenBackward: ``backward`` raised.
    """
    answer = pair_loss_value_and_gradient(student, function, a, b, parameter)
    return {name: answer[name] for name in ("gradient_a", "gradient_b")}


def pair_loss_value_and_gradient(
    student: Student, function: str, a: torch.Tensor, b: torch.Tensor, parameter: float
) -> dict[str, torch.Tensor]:
    """The loss and its gradients to both inputs: ``value``, ``gradient_a``, ``gradient_b``."""
    leaf_a, leaf_b = a.clone().requires_grad_(), b.clone().requires_grad_()
    with global_state_kept():
        # Embeddings are never leaves in training. Handing over leaves would forbid writes that are allowed there.
        loss = student[function](leaf_a.clone(), leaf_b.clone(), parameter)
        _backward(loss, function)
    gradients = (torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in (leaf_a, leaf_b))
    return {"value": _as_value(loss, function), **dict(zip(("gradient_a", "gradient_b"), gradients))}


def pair_loss_conduct(
    student: Student, function: str, a: torch.Tensor, b: torch.Tensor, parameter: float
) -> dict[str, torch.Tensor]:
    """What a call does beside computing the loss, and whether global settings reach its value.

    Returns:
        ``input_a``, ``input_b``: the inputs after the call.
        ``rng_bytes``: how many bytes of torch's global random state the call changed.
        ``default_is_float64``: 1 if the default dtype, float32 before the call, is float64 after it.
        ``value_seed_1``, ``value_seed_2``: the loss under two global seeds.
        ``value_default_float64``: the loss of the same inputs while the default dtype is float64, in the inputs' dtype: a
            mask from ``torch.eye`` turns a right loss into float64 then, which is no mistake.
    """
    given_a, given_b = a.clone(), b.clone()
    call = student[function]
    with global_state_kept():
        torch.set_default_dtype(torch.float32)
        torch.manual_seed(1)
        state = torch.get_rng_state()
        first = _as_value(call(given_a, given_b, parameter), function)
        rng_bytes = (torch.get_rng_state() != state).sum()
        default_is_float64 = torch.tensor(int(torch.get_default_dtype() is torch.float64))
        torch.set_default_dtype(torch.float32)
        torch.manual_seed(2)
        second = _as_value(call(a.clone(), b.clone(), parameter), function)
        torch.set_default_dtype(torch.float64)
        double = _as_value(call(a.clone(), b.clone(), parameter), function)
    return {
        "input_a": given_a,
        "input_b": given_b,
        "rng_bytes": rng_bytes,
        "default_is_float64": default_is_float64,
        "value_seed_1": first,
        "value_seed_2": second,
        "value_default_float64": double.to(a.dtype),
    }


def _as_value(answer: object, function: str) -> torch.Tensor:
    if isinstance(answer, torch.Tensor):
        return answer.detach()
    if isinstance(answer, Real):  # NumPy scalars are Real too
        return torch.tensor(float(answer), dtype=torch.float32)
    raise TypeError(f"{function} returned {described(answer)}, expected the loss as a 0-d tensor")


def _backward(loss: object, function: str) -> None:
    if not isinstance(loss, torch.Tensor):
        raise LostGradient(f"{function} returned {described(loss)}: a gradient needs the loss as a tensor")
    if not loss.requires_grad:
        raise LostGradient(f"{function} returned a tensor that carries no gradient to its inputs")
    if loss.numel() != 1:
        raise ValueError(f"{function} returned shape {tuple(loss.shape)}, expected a single number")
    try:
        loss.backward()
    except Exception as error:
        raise BrokenBackward(f"backward() of {function} raised {type(error).__name__}: {error}") from error
