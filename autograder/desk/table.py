"""Tests with their numbers as bytes, small enough for a cell of a notebook. The same tests give the same bytes."""

from __future__ import annotations

import json
import lzma
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from autograder.arrays import BFLOAT16, as_numpy, double, dtype_of, is_tensor, native
from autograder.engine.judge import KeyTest
from autograder.engine.packing import pack_test, unpack_test
from autograder.frameworks import NUMPY, TORCH

if TYPE_CHECKING:
    from autograder.arrays import Array

STEPS = 2**14  # of a coarse tensor, from 0 to its largest number


def coarse(tensor: Array) -> Array:
    """A float tensor as float32 with multiples of a power of two, which take half the room; no number changes by more
    than 2⁻¹⁴ of the largest. What is not finite, or no float32 at all, stays as it is."""
    step = _step(array := as_numpy(tensor))
    if step is None:
        return tensor
    return native((np.round(double(array) / step) * step).astype(array.dtype), TORCH if is_tensor(tensor) else NUMPY)


def _step(array: np.ndarray) -> float | None:
    """The power of two that ``coarse`` counts a tensor in; None if it does not."""
    if array.dtype not in (np.float32, np.float64) or array.size == 0:
        return None
    largest = float(np.abs(array).max())
    if not math.isfinite(largest) or not 1e-30 < largest < 1e30:
        return None
    return 2.0 ** (math.frexp(largest)[1] - 15)


def dumped(tests: Iterable[KeyTest]) -> bytes:
    """Tests as compressed bytes."""
    tensors: dict[str, Array] = {}
    packed = [pack_test(test, tensors) for test in tests]
    numbers = {name: number for number, name in enumerate(tensors)}
    stored = [_stored(as_numpy(tensor)) for tensor in tensors.values()]
    index = {"tests": _renamed(packed, numbers), "tensors": [layout for layout, _ in stored]}
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode()
    # All first bytes, then all second bytes, of numbers of one width: similar bytes lie together.
    planes = {width: _planes([raw for (_, raw) in stored if raw.shape[1] == width]) for width in (1, 2, 4, 8)}
    return lzma.compress(len(text).to_bytes(4) + text + b"".join(planes.values()), preset=9)


def loaded(content: bytes) -> tuple[KeyTest, ...]:
    """The tests that ``dumped`` made these bytes of."""
    content = lzma.decompress(content)
    end = 4 + int.from_bytes(content[:4])
    index = json.loads(content[4:end])
    layouts = index["tensors"]
    rows: dict[int, np.ndarray] = {}
    for width in (1, 2, 4, 8):
        count = sum(math.prod(layout[1]) for layout in layouts if _dtype(layout).itemsize == width)
        plane = np.frombuffer(content[end : end + width * count], np.uint8)
        rows[width] = np.ascontiguousarray(plane.reshape(width, count).T)
        end += width * count
    tensors, used = {}, dict.fromkeys(rows, 0)
    for number, layout in enumerate(layouts):
        width, count = _dtype(layout).itemsize, math.prod(layout[1])
        tensors[number] = _restored(layout, rows[width][used[width] : used[width] + count])
        used[width] += count
    return tuple(unpack_test(entry, tensors) for entry in index["tests"])


def _renamed(value: object, numbers: Mapping[str, int]) -> object:
    """JSON in which the names of tensors are their numbers."""
    if isinstance(value, dict):
        return {key: _renamed(part, numbers) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(part, numbers) for part in value]
    return numbers.get(value, value) if isinstance(value, str) else value


def _stored(array: np.ndarray) -> tuple[list, np.ndarray]:
    """How an array is stored, ``[dtype, shape, step or null]``, and its numbers as rows of bytes."""
    kind, shape, step = "bfloat16" if array.dtype == BFLOAT16 else dtype_of(array), list(array.shape), _step(array)
    if step is not None:
        counted = double(array) / step
        if bool((counted == np.round(counted)).all()):
            return [kind, shape, step], _bytes(counted.astype(np.int16))
    return [kind, shape, None], _bytes(array)


def _bytes(array: np.ndarray) -> np.ndarray:
    return np.frombuffer(array.tobytes(), np.uint8).reshape(array.size, array.itemsize)


def _planes(parts: list[np.ndarray]) -> bytes:
    return np.concatenate(parts).T.tobytes() if parts else b""


def _dtype(layout: list) -> np.dtype:
    """The dtype in which an array is stored."""
    return np.dtype(np.int16) if layout[2] is not None else BFLOAT16 if layout[0] == "bfloat16" else np.dtype(layout[0])


def _restored(layout: list, rows: np.ndarray) -> np.ndarray:
    flat = np.frombuffer(bytearray(rows.tobytes()), _dtype(layout))
    kind, shape, step = layout
    return (flat if step is None else (double(flat) * step).astype(kind)).reshape(shape)
