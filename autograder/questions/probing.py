"""What probes of several assignments share: the process's global state, and answers that are no tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real

import numpy as np
import torch


class NoTensor(TypeError):
    """A tensor is asked for and something else was returned."""


@contextmanager
def global_state_kept() -> Iterator[None]:
    """Undo what a call does to random state, default dtype and gradient mode: later questions are judged alone."""
    state, dtype, grad = torch.get_rng_state(), torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        yield
    finally:
        torch.set_rng_state(state)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)


def described(answer: object) -> str:
    """What was returned, as words of a sentence."""
    return "None" if answer is None else f"a {type(answer).__name__}"


def as_tensor(answer: object, what: str) -> torch.Tensor:
    """A tensor without its graph; ``what`` names it in the error.

    Raises:
        NoTensor: it is something else.
    """
    if not isinstance(answer, torch.Tensor):
        raise NoTensor(f"{what} is {described(answer)}, expected a tensor")
    return answer.detach()


def as_value(answer: object, what: str, dtype: torch.dtype) -> torch.Tensor:
    """A tensor without its graph, or a Python or NumPy number as a 0-d tensor of ``dtype``.

    Raises:
        NoTensor: it is something else.
    """
    if isinstance(answer, Real) or (isinstance(answer, np.ndarray) and answer.ndim == 0):
        return torch.tensor(float(answer), dtype=dtype)
    return as_tensor(answer, what)
