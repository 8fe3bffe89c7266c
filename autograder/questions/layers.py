"""The layers of a student's model: found where they are used, filled from a closed form, and run at little cost.

A reference needs the same weights in every solution, but names and order of construction are the student's own, and
the weights of a ResNet-18 (eleven million numbers) would be too many to store. So every convolution, batch norm and
linear layer is found *where it is used* (``trace_layers``) and filled from a closed form of what it is
(``fill_layers``). No seed is involved.

Almost all of the time of a ResNet goes into its convolutions. Where only the way of the tensors counts and not their
values, run the model inside ``ThinConvolutions``: see ``thin_convolution``.
"""

from __future__ import annotations

import mmap
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_PERIOD = 16411  # prime: rows of a weight never line up with the repetition
THIN = 4  # channels that a thin convolution computes
_LARGE = 1 << 16  # numbers in a tensor that is worth the trouble of untouched zeros

_ARGUMENTS = {
    F.conv2d: ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    F.linear: ("input", "weight", "bias"),
    F.batch_norm: ("input", "running_mean", "running_var", "weight", "bias"),
    torch.batch_norm: ("input", "weight", "bias", "running_mean", "running_var"),
}


@dataclass(frozen=True)
class Layer:
    """A layer as it was used: what it is, and its tensors by role (``weight``, ``bias``, ``running_mean``, …).

    ``key`` is (kind, shape of the weight, how many of these came before). A batch norm carries the key of the
    convolution that it follows, so a residual block may compute its shortcut first or last.
    """

    key: tuple
    tensors: Mapping[str, Tensor]


def thin_convolution(func, args: Sequence[object], kwargs: Mapping[str, object]) -> Tensor:
    """A convolution of which only the first output channels are computed; the others repeat them.

    Shape, errors and graph are those of the convolution: input and weight get a gradient, the weight in its first rows.
    """
    given = dict(zip(_ARGUMENTS[func], args, strict=False)) | kwargs
    channels = given["weight"].shape[0]
    if channels <= THIN or given.get("groups", 1) != 1:
        return func(*args, **kwargs)
    first = {role: given[role][:THIN] for role in ("weight", "bias") if given.get(role) is not None}
    few = func(**given | first)
    return torch.cat([few] * -(-channels // THIN), dim=-3).narrow(-3, 0, channels).contiguous()


class ThinConvolutions(TorchFunctionMode):
    """Makes every convolution a thin one."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        run = thin_convolution if func is F.conv2d else _in_full
        return run(func, args, kwargs or {})


def _in_full(func, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    return func(*args, **kwargs)


class LayerTrace(ThinConvolutions):
    """Notes every convolution, batch norm and linear layer at its first use, module or functional alike."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        self.uses: Counter = Counter()  # by the id of a weight
        self._count: Counter = Counter()
        self._convolution: dict[int, tuple] = {}
        self._latest: tuple = ()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _ARGUMENTS:
            self._note(func, dict(zip(_ARGUMENTS[func], args, strict=False)) | kwargs)
        return super().__torch_function__(func, types, args, kwargs)

    def _note(self, func, given: Mapping[str, object]) -> None:
        tensors = {role: t for role, t in given.items() if role != "input" and isinstance(t, Tensor)}
        weight = tensors.get("weight")
        if weight is None:
            return
        self.uses[id(weight)] += 1
        if func is F.conv2d and id(weight) in self._convolution:
            self._latest = self._convolution[id(weight)]
        if any(weight is layer.tensors["weight"] for layer in self.layers):
            return
        if func is F.conv2d or func is F.linear:
            kind = ("convolution" if func is F.conv2d else "linear", *weight.shape)
        else:
            kind = ("batch_norm", *weight.shape, *self._latest)
        key = (*kind, self._count[kind])
        self._count[kind] += 1
        if func is F.conv2d:
            self._convolution[id(weight)] = self._latest = key
        self.layers.append(Layer(key, tensors))


def trace_layers(model: nn.Module, x: Tensor) -> list[Layer]:
    """The layers of ``model`` in the order of use, found by one forward of ``x`` in eval mode."""
    trace = LayerTrace()
    model.eval()
    with torch.no_grad(), trace:
        model(x)
    return trace.layers


@lru_cache(maxsize=256)  # several probes fill the same layers; never changed in place
def _hashed(count: int, key: tuple, role: str) -> Tensor:
    """``count`` numbers in [-1, 1), float64, that look random: an integer hash of index, layer and role."""
    mask = 0xFFFFFFFF
    bits = torch.arange(count) * 0x9E3779B1 + zlib.crc32(repr((key, role)).encode()) & mask
    for _ in range(2):
        bits = (bits ^ (bits >> 16)) * 0x45D9F3B & mask
    return (bits ^ (bits >> 16)).double() / 2**31 - 1


def fill_with_pattern(tensor: Tensor, key: tuple, role: str, scale: float = 1.0, shift: float = 0.0) -> None:
    """Write hashed numbers, times ``scale`` plus ``shift``, into a tensor; after ``_PERIOD`` of them they repeat."""
    _repeat(_hashed(min(tensor.numel(), _PERIOD), key, role).mul(scale).add_(shift).to(tensor.dtype), tensor)


def _repeat(values: Tensor, tensor: Tensor) -> None:
    """Write ``values`` (k,) into a tensor, again and again until it is full."""
    if not tensor.numel():
        return
    row = tensor.view(-1) if tensor.is_contiguous() else torch.empty(tensor.numel(), dtype=tensor.dtype)
    rest = len(row) % len(values)
    row[: len(row) - rest].view(-1, len(values)).copy_(values)
    row[len(row) - rest :].copy_(values[:rest])
    if not tensor.is_contiguous():
        tensor.copy_(row.view(tensor.shape))


def pattern(shape: Sequence[int], key: tuple, role: str, dtype: torch.dtype = torch.float64) -> Tensor:
    """A new tensor of hashed numbers in [-1, 1)."""
    made = torch.empty(tuple(shape), dtype=dtype)
    fill_with_pattern(made, key, role)
    return made


def fill_layers(layers: Sequence[Layer], thin: bool = False) -> None:
    """Give every layer its closed-form weights: He-scaled weights, batch norms with statistics of their own.

    The bias of a convolution is 0: the contract has none, and before a batch norm it changes nothing that matters.
    ``thin``: fill only those rows of a convolution's weight that a thin convolution reads.
    """
    for layer in layers:
        for role, tensor in layer.tensors.items():
            rows = slice(THIN) if thin and (layer.key[0], role) == ("convolution", "weight") else slice(None)
            with torch.no_grad():
                fill_with_pattern(tensor[rows], layer.key, role, *_range(layer.key, role, tensor.shape))


def _range(key: tuple, role: str, shape: Sequence[int]) -> tuple[float, float]:
    """Scale and shift of the numbers of a layer's tensor."""
    if key[0] == "batch_norm":
        return {"weight": (0.3, 1.0), "running_var": (0.5, 1.0)}.get(role, (0.2, 0.0))
    if role == "weight":
        return (6 / prod(shape[1:])) ** 0.5, 0.0
    return (0.1, 0.0) if key[0] == "linear" else (0.0, 0.0)


def layer_pattern(key: tuple, role: str, shape: Sequence[int]) -> Tensor:
    """What ``fill_layers`` writes into a tensor of this shape and role of the layer ``key``, float64."""
    made = torch.empty(tuple(shape), dtype=torch.float64)
    fill_with_pattern(made, key, role, *_range(key, role, shape))
    return made


_DRAWS = (
    *(Tensor.uniform_, Tensor.normal_),
    *(nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_),
)


class ZeroInitialisation(TorchFunctionMode):
    """Zeros where a new model would draw random weights: ``fill_layers`` writes all that count.

    ``thin``: fixed numbers instead, of a convolution only in the rows that a thin one reads, so that the model computes.
    """

    def __init__(self, thin: bool = False) -> None:
        super().__init__()
        self.thin = thin

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func not in _DRAWS:
            return func(*args, **kwargs)
        tensor = _zeroed(args[0] if args else kwargs["tensor"])
        if self.thin and tensor.ndim:
            with torch.no_grad():
                rows = tensor[:THIN] if tensor.ndim == 4 else tensor
                values = _some_numbers()[: rows.numel()] * (6 / prod(tensor.shape[1:])) ** 0.5
                _repeat(values.to(tensor.dtype), rows)
        return tensor


@cache
def _some_numbers() -> Tensor:
    return _hashed(_PERIOD, ("start",), "weight")


def _zeroed(tensor: Tensor) -> Tensor:
    """``tensor`` with zeros in it. A large parameter gets new memory that costs nothing before it is written to."""
    alone = isinstance(tensor, nn.Parameter) and tensor.untyped_storage().nbytes() == tensor.nbytes
    if alone and tensor.dtype == torch.float32 and tensor.numel() >= _LARGE and tensor.is_contiguous():
        tensor.data = _untouched_zeros(tensor.numel()).view(tensor.shape)
        return tensor
    with torch.no_grad():
        return tensor.zero_()


def _untouched_zeros(count: int) -> Tensor:
    """(count,) zeros, float32. An allocator would write them wherever it has memory to use again; on Linux they are new
    pages, large ones where there are any."""
    if sys.platform != "linux":
        return torch.zeros(count)
    pages = mmap.mmap(-1, 4 * count, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without large pages
        pages.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(pages, dtype=torch.float32)


def filled_model(make: Callable[[], nn.Module], x: Tensor, thin: bool = False) -> tuple[nn.Module, list[Layer]]:
    """The model that ``make`` builds, in the dtype of ``x``, filled by ``fill_layers``; and its layers in order of use.

    One image of ``x`` (n, …) goes through it. The model is in eval mode.
    """
    with ZeroInitialisation():
        model = make().to(x.dtype)
    layers = trace_layers(model, x[:1])
    fill_layers(layers, thin)
    return model, layers
