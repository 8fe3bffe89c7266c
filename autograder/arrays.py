"""NumPy's arrays and torch's tensors by one name each: what the judge, the answer key and the protocol need of both.

Only ``native`` imports torch, and only for an assignment of that framework. Elsewhere a tensor can only be met where torch
has been imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from autograder.frameworks import NUMPY

if TYPE_CHECKING:
    import torch

    Array = np.ndarray | torch.Tensor

BFLOAT16 = np.dtype([("bfloat16", "<u2")])  # NumPy has no such numbers; their bytes are carried
# What ``torch.as_tensor`` makes of a number.
_OF_NUMBERS = {np.dtype(np.float64): np.float32}


def is_tensor(value: object) -> bool:
    """Whether this is a tensor of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: object) -> bool:
    """Whether this is an array or a tensor, and no number, text or flag."""
    return isinstance(value, np.ndarray) or is_tensor(value)


def as_numpy(value: Array) -> np.ndarray:
    """An array, or the memory of a dense tensor on the CPU as an array."""
    if isinstance(value, np.ndarray):
        return value
    if str(value.dtype) == "torch.bfloat16":
        return value.contiguous().view(sys.modules["torch"].int16).numpy().view(BFLOAT16)
    return value.numpy()


def native(array: np.ndarray, framework: str) -> Array:
    """An array that the process owns, or a number of NumPy's, as the framework has it, in the same memory."""
    array = np.asarray(array)
    if framework == NUMPY:
        return array
    import torch

    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def generator(framework: str, seed: int) -> np.random.Generator | torch.Generator:
    """A source of random numbers of the framework."""
    if framework == NUMPY:
        return np.random.default_rng(seed)
    import torch

    return torch.Generator().manual_seed(seed)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch, where it is used at all, compute on one thread: its numbers then do not depend on the machine's cores."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)


def double(value: Array) -> np.ndarray:
    """The numbers in float64. The result may be ``value`` itself."""
    return np.asarray(value, np.float64) if isinstance(value, np.ndarray) else value.double().numpy()


def dtype_of(value: Array) -> str:
    """``"float32"``."""
    return _name_of(value.dtype)


@lru_cache(maxsize=64)
def _name_of(dtype: np.dtype | torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def is_floating(value: Array) -> bool:
    """Whether the numbers are real and not whole."""
    return "float" in dtype_of(value)


def copied(value: object, to_double: bool = False) -> object:
    """A copy of an array, in float64 if it is floating and that is asked for; anything else as it is."""
    if not is_array(value):
        return value
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if to_double and is_floating(value) else value.copy()
    return value.double() if to_double and is_floating(value) else value.clone()


def plain(value: object) -> Array:
    """A copy of an array without its graph; of a number, an array of float32, int64 or bool."""
    if is_tensor(value):
        return value.detach().clone()
    array = np.array(value)
    return (
        array if isinstance(value, np.ndarray | np.generic) else array.astype(_OF_NUMBERS.get(array.dtype, array.dtype))
    )


def equal(one: object, other: object) -> bool:
    """Whether two arrays have the same dtype, shape and entries."""
    return (
        is_array(one) and is_array(other) and dtype_of(one) == dtype_of(other)
        and np.array_equal(as_numpy(one), as_numpy(other))
    )  # fmt: skip


def described(answer: object) -> str:
    """What was returned, as words of a sentence."""
    if answer is None:
        return "None"
    if is_tensor(answer):
        return f"a tensor of shape {tuple(answer.shape)}"
    if isinstance(answer, np.ndarray):
        return f"a NumPy array of shape {answer.shape}"
    kind = type(answer).__name__
    return f"{'an' if kind[:1].lower() in tuple('aeiou') else 'a'} {kind}"
