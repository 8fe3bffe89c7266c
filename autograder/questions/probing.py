"""What probes of several assignments share: global state, answers that are no tensors, graphs in memory."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Real

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge
from torch.autograd.graph import get_gradient_edge as _gradient_edge

from autograder.arrays import described
from autograder.questions.array_probing import NotAPair as NotAPair
from autograder.questions.array_probing import holding
from autograder.questions.array_probing import pair as pair

# As they are before student code runs, which may replace what torch's own functions look up.
_run_backward, _full_like = torch.autograd.Variable._execution_engine.run_backward, torch.full_like


class NoTensor(TypeError):
    """The student's function returned something else than a tensor."""


@contextmanager
def global_state_kept() -> Iterator[None]:
    """Undo what a call does to random state, default dtype and gradient mode, so that later questions do not suffer."""
    state, dtype, grad = torch.get_rng_state(), torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        yield
    finally:
        torch.set_rng_state(state)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)


def as_tensor(answer: object, what: str) -> torch.Tensor:
    """A tensor without its graph; ``what`` names it in the error.

    Raises:
        NoTensor: it is something else.
    """
    if not isinstance(answer, torch.Tensor):
        raise NoTensor(f"{what} is {described(answer)}, expected a tensor{holding(answer)}")
    return answer.detach()


def as_value(answer: object, what: str, dtype: torch.dtype) -> torch.Tensor:
    """A tensor without its graph, or a Python or NumPy number as a 0-d tensor of ``dtype``.

    Raises:
        NoTensor: it is something else.
    """
    if isinstance(answer, Real) or (isinstance(answer, np.ndarray) and answer.ndim == 0):
        return torch.tensor(float(answer), dtype=dtype)
    return as_tensor(answer, what)


class NotANumber(TypeError):
    """The student's function returned something else than a number."""


def as_number(value: object, dtype: torch.dtype, what: str) -> Tensor:
    """A Python or NumPy number or a tensor of one element as a 0-d tensor; ``what`` names it in errors."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.detach().reshape(()).to(dtype)
    if isinstance(value, Real) or isinstance(value, np.ndarray) and value.size == 1:
        return torch.tensor(float(value), dtype=dtype)
    found = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise NotANumber(f"{what} should be a number, found {'None' if value is None else found}")


class _Marker:
    """Something that a graph node can hold and a weak reference can point to. ``reached`` notes each backward."""

    def __init__(self, reached: list[bool]) -> None:
        self.reached = reached


class _Marked(torch.autograd.Function):
    """The identity; its graph node keeps ``marker`` alive as long as itself."""

    @staticmethod
    def forward(ctx, value: Tensor, marker: _Marker) -> Tensor:
        ctx.marker = marker
        return value.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        ctx.marker.reached.append(True)
        return gradient, None


class Graphs:
    """Counts how many of the graphs that it has marked are still in memory, and notes which a backward has reached."""

    def __init__(self) -> None:
        self._markers: list[weakref.ref] = []
        self._reached: list[list[bool]] = []

    def mark(self, value: Tensor) -> Tensor:
        """The same value, whose graph is counted from now on; without gradients there is no graph to count."""
        self._reached.append([])
        marker = _Marker(self._reached[-1])
        self._markers.append(weakref.ref(marker))
        return _Marked.apply(value, marker)

    def alive(self) -> int:
        return sum(self.here())

    def here(self) -> list[bool]:
        """For each graph, in order, whether it is still in memory."""
        return [marker() is not None for marker in self._markers]

    def reached(self) -> list[bool]:
        """For each graph, in order, whether a backward has gone through it."""
        return [bool(times) for times in self._reached]


class LostGradient(ValueError):
    """The returned loss has no graph behind it."""


class BrokenBackward(RuntimeError):
    """The loss could be computed, its gradient could not."""


def tracked(tensor: Tensor) -> tuple[Tensor, GradientEdge]:
    """A copy to hand to student code, as no leaf of the graph, and where its gradient arrives.

    Embeddings are never leaves in training, and a leaf would forbid writes that are allowed there.
    """
    given = tensor.clone().requires_grad_().clone()
    return given, _gradient_edge(given)


def gradients(
    loss: object, function: str, to: str, sources: Sequence[Tensor | GradientEdge], incoming: float = 1.0
) -> tuple[Tensor | None, ...]:
    """The gradients of the loss that ``function`` returned to ``sources``, None where none arrives.

    They are taken by the engine of autograd itself: neither a replaced ``backward`` nor what is written into ``.grad``
    counts. ``to`` says in a sentence what the gradient is to; ``incoming`` see ``gradients_of``.

    Raises:
        NoTensor: the loss is neither a tensor nor a number.
        LostGradient: it is a number, or a tensor without a graph.
        ValueError: it has more than one element.
        BrokenBackward: ``backward`` would raise.
    """
    as_value(loss, f"What {function} returns", torch.float32)
    if not isinstance(loss, Tensor):
        raise LostGradient(f"{function} returns {described(loss)}; return the loss as a tensor: a gradient needs it")
    if not loss.requires_grad:
        raise LostGradient(f"{function} returns a tensor that carries no gradient to {to}")
    if loss.numel() != 1:
        raise ValueError(f"{function} returns shape {tuple(loss.shape)}; return a single number")
    try:
        return gradients_of(loss, sources, incoming)
    except Exception as error:
        raise BrokenBackward(f"backward() of {function} raised {type(error).__name__}: {error}") from error


def gradients_of(
    value: Tensor, sources: Sequence[Tensor | GradientEdge], incoming: float = 1.0
) -> tuple[Tensor | None, ...]:
    """The gradients of ``incoming`` times a tensor of one element with a graph to ``sources``, None where none arrives."""
    given = (_full_like(value, incoming),)
    return _run_backward((value,), given, False, False, tuple(sources), allow_unreachable=True, accumulate_grad=False)
