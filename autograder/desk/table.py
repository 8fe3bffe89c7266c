"""Tests with their numbers as bytes, small enough for a cell of a notebook. Needs torch alone; the same tests give the
same bytes."""

from __future__ import annotations

import json
import lzma
import math
from collections.abc import Iterable, Mapping

import torch

from autograder.engine.judge import KeyTest
from autograder.engine.packing import pack_test, unpack_test

STEPS = 2**14  # of a coarse tensor, from 0 to its largest number


def coarse(tensor: torch.Tensor) -> torch.Tensor:
    """A float tensor as float32 with multiples of a power of two, which take half the room; no number changes by more
    than 2⁻¹⁴ of the largest. What is not finite, or no float32 at all, stays as it is."""
    step = _step(tensor)
    return tensor if step is None else ((tensor.double() / step).round() * step).to(tensor.dtype)


def _step(tensor: torch.Tensor) -> float | None:
    """The power of two that ``coarse`` counts a tensor in; None if it does not."""
    if tensor.dtype not in (torch.float32, torch.float64) or tensor.numel() == 0:
        return None
    largest = float(tensor.abs().max())
    if not math.isfinite(largest) or not 1e-30 < largest < 1e30:
        return None
    return 2.0 ** (math.frexp(largest)[1] - 15)


def dumped(tests: Iterable[KeyTest]) -> bytes:
    """Tests as compressed bytes."""
    tensors: dict[str, torch.Tensor] = {}
    packed = [pack_test(test, tensors) for test in tests]
    numbers = {name: number for number, name in enumerate(tensors)}
    stored = [_stored(tensor) for tensor in tensors.values()]
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
    rows: dict[int, torch.Tensor] = {}
    for width in (1, 2, 4, 8):
        count = sum(math.prod(layout[1]) for layout in layouts if _width(layout) == width)
        plane = torch.frombuffer(bytearray(content[end : end + width * count] or b"\0"), dtype=torch.uint8)
        rows[width] = plane[: width * count].view(width, count).T.contiguous()
        end += width * count
    tensors, used = {}, dict.fromkeys(rows, 0)
    for number, layout in enumerate(layouts):
        width, count = _width(layout), math.prod(layout[1])
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


def _stored(tensor: torch.Tensor) -> tuple[list, torch.Tensor]:
    """How a tensor is stored, ``[dtype, shape, step or null]``, and its numbers as rows of bytes."""
    kind, shape, step = str(tensor.dtype).removeprefix("torch."), list(tensor.shape), _step(tensor)
    if step is not None:
        counted = tensor.double() / step
        if bool((counted == counted.round()).all()):
            return [kind, shape, step], _bytes(counted.to(torch.int16))
    return [kind, shape, None], _bytes(tensor)


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    flat = tensor.detach().contiguous().flatten()
    return flat.view(torch.uint8).view(len(flat), flat.element_size()) if len(flat) else flat.new_empty(0, 1).byte()


def _planes(parts: list[torch.Tensor]) -> bytes:
    return torch.cat(parts).T.contiguous().numpy().tobytes() if parts else b""


def _width(layout: list) -> int:
    return 2 if layout[2] is not None else getattr(torch, layout[0]).itemsize


def _restored(layout: list, rows: torch.Tensor) -> torch.Tensor:
    kind, shape, step = layout
    dtype = getattr(torch, kind)
    if not len(rows):
        return torch.empty(shape, dtype=dtype)
    flat = rows.contiguous().flatten().view(dtype if step is None else torch.int16)
    return (flat if step is None else (flat.double() * step).to(dtype)).view(shape)
