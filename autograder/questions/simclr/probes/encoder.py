"""Probes of q2: the encoder and projection head of ``SimCLR``.

A reference needs the same weights in every solution, but names and order of construction are the student's own, and
eleven million stored weights would be too many. So every convolution, batch norm and linear layer is found *where it is
used* (``LayerTrace``) and filled from a closed form of what it is (``fill_layers``). No seed is involved.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["simclr_features", "simclr_modes", "simclr_projection"]

_PERIOD = 65537  # prime: rows of a weight never line up with the repetition

_ARGUMENTS = {
    F.conv2d: ("input", "weight", "bias"),
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


class LayerTrace(TorchFunctionMode):
    """Notes every convolution, batch norm and linear layer at its first use, module or functional alike."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        self._count: Counter = Counter()
        self._convolution: dict[int, tuple] = {}
        self._latest: tuple = ()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _ARGUMENTS:
            self._note(func, dict(zip(_ARGUMENTS[func], args, strict=False)) | kwargs)
        return func(*args, **kwargs)

    def _note(self, func, given: Mapping[str, object]) -> None:
        tensors = {role: t for role, t in given.items() if role != "input" and isinstance(t, Tensor)}
        weight = tensors.get("weight")
        if weight is None:
            return
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


def pattern(shape: Sequence[int], key: tuple, role: str) -> Tensor:
    """Numbers in [-1, 1), float64, that look random: an integer hash of element index, layer and role."""
    mask, count = 0xFFFFFFFF, prod(shape)
    bits = torch.arange(min(count, _PERIOD)) * 0x9E3779B1 + zlib.crc32(repr((key, role)).encode()) & mask
    for _ in range(2):
        bits = (bits ^ (bits >> 16)) * 0x45D9F3B & mask
    values = (bits ^ (bits >> 16)).double() / 2**31 - 1
    return values.repeat(-(-count // _PERIOD))[:count].reshape(tuple(shape))


def fill_layers(layers: Sequence[Layer]) -> None:
    """Give every layer its closed-form weights: He-scaled weights, batch norms with statistics of their own.

    The bias of a convolution is 0: the contract has none, and before a batch norm it changes nothing that matters.
    """
    for layer in layers:
        for role, tensor in layer.tensors.items():
            values = pattern(tensor.shape, layer.key, role)
            if layer.key[0] == "batch_norm":
                scale, shift = {"weight": (0.3, 1.0), "running_var": (0.5, 1.0)}.get(role, (0.2, 0.0))
            elif role == "weight":
                scale, shift = (6 / prod(tensor.shape[1:])) ** 0.5, 0.0
            else:
                scale, shift = (0.1, 0.0) if layer.key[0] == "linear" else (0.0, 0.0)
            with torch.no_grad():
                tensor.copy_(values.mul_(scale).add_(shift))


class NotAPair(TypeError):
    """Something else than two things was returned where two are asked for."""


class _ZeroInitialisation(TorchFunctionMode):
    """Zeros where a model would draw eleven million random weights: all that count are filled afterwards."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (Tensor.uniform_, Tensor.normal_) or func is nn.init.kaiming_uniform_:
            with torch.no_grad():
                return (args[0] if args else kwargs["tensor"]).zero_()
        return func(*args, **kwargs)


def _filled_model(student: Mapping[str, object], x: Tensor, **options) -> tuple[nn.Module, list[Layer]]:
    with _ZeroInitialisation():
        model = student["SimCLR"](**options).to(x.dtype)
    layers = trace_layers(model, x)
    fill_layers(layers)
    return model, layers


def _pair(output: object) -> tuple[Tensor, Tensor]:
    """``output`` as (h, z). A batch of two must not be taken for a pair, hence the test of the type."""
    if not isinstance(output, tuple | list) or len(output) != 2:
        found = f"a tensor of shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
        raise NotAPair(f"SimCLR.forward must return the pair (h, z); it returned {found}")
    return output[0], output[1]


def simclr_features(student: Mapping[str, object], x: Tensor) -> dict[str, Tensor]:
    """h of ``x`` (n, 3, 32, 32) with the running statistics of batch norm, and with those of ``x`` and its mirror."""
    model, _ = _filled_model(student, x)
    with torch.no_grad():
        h, _ = _pair(model.eval()(x))
        h_train, _ = _pair(model.train()(torch.cat([x, x.flip(3)])))
    return {"h": h.detach(), "h_in_train_mode": h_train.detach()}


class _FedHead(TorchFunctionMode):
    """Hands ``features`` to the first linear layer that takes their shape, and keeps what it would have been given."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features
        self.own: Tensor | None = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is F.linear and self.own is None and args and args[0].shape == self.features.shape:
            self.own = args[0]
            args = (self.features, *args[1:])
        return func(*args, **(kwargs or {}))


def simclr_projection(
    student: Mapping[str, object], x: Tensor, features: Tensor, projection_dim: int
) -> dict[str, Tensor]:
    """z of given ``features`` (n, 512), so that a wrong encoder does not spoil the head.

    ``head_input_difference`` is how far what the head was given lies from the h that forward returned, relative to h; 0
    where they differ in shape, which is then the fault of h.
    """
    model, _ = _filled_model(student, x, projection_dim=projection_dim)
    head = _FedHead(features)
    with torch.no_grad(), head:
        h, z = _pair(model(x))
    difference = x.new_tensor(0.0)
    if head.own is not None and head.own.numel() == h.numel():
        difference = (head.own.flatten() - h.flatten()).abs().max() / h.abs().max()
    return {"z": z.detach(), "head_input_difference": difference.detach()}


def simclr_modes(student: Mapping[str, object], x: Tensor) -> dict[str, Tensor]:
    """How ``SimCLR`` behaves in the two modes, measured without regard to what its numbers are.

    - ``repeat_difference``, ``eval_difference``, ``train_difference``: change of the first row of h, relative to h,
      when the eval call is repeated, and when all rows become copies of the first in eval mode and in train mode;
    - ``idle_statistics``: running statistics of batch norms in use that a forward in train mode did not move;
    - ``idle_parameters``: parameters in use to which z carries no gradient.
    """
    model, layers = _filled_model(student, x)
    statistics = [layer.tensors["running_mean"] for layer in layers if "running_mean" in layer.tensors]
    parameters = [t for layer in layers for role, t in layer.tensors.items() if not role.startswith("running")]

    def difference(first: Tensor, second: Tensor) -> Tensor:
        return ((first - second).abs().max() / first.abs().max()).detach()

    copies = x[:1].repeat(len(x), 1, 1, 1)
    with torch.no_grad():
        model.eval()
        together, again, among_copies = (_pair(model(rows))[0][:1] for rows in (x, x, copies))
        model.train()
        before = [mean.clone() for mean in statistics]
        batch = _pair(model(x))[0][:1]
        idle = sum(torch.equal(old, new) for old, new in zip(before, statistics, strict=True))
        batch_of_copies = _pair(model(copies))[0][:1]
    model.train()
    _, z = _pair(model(x))
    if z.requires_grad:
        weights = pattern(z.shape, ("modes",), "z").to(z.dtype)
        (z * weights).sum().backward()
    without = sum(p.grad is None or not p.grad.any() for p in parameters)
    return {
        "repeat_difference": difference(together, again),
        "eval_difference": difference(together, among_copies),
        "train_difference": difference(batch, batch_of_copies),
        "idle_statistics": torch.tensor(idle),
        "idle_parameters": torch.tensor(int(without)),
    }
