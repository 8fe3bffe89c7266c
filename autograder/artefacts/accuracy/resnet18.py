"""Finds the ResNet-18 and the linear layer among the tensors of a checkpoint, and loads them into the kit's classifier.

Runs on the trusted side, on plain float32 tensors from the sandbox. Students choose the names, so the encoder is found
under any prefix or, if its names differ (``nn.Sequential``), by the order of its shapes.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from functools import cache

import torch
from torch import nn

from autograder.artefacts.networks import COUNTER, Tensors
from autograder.errors import CheckpointError
from autograder.text import quoted

WIDTH = 512
STEM = "conv1.weight"


def empty_classifier(classes: int, channels: int = 3) -> nn.Module:
    """torchvision's ResNet-18 with the CIFAR stem (3×3 convolution, stride 1, no max-pool) and ``Linear(512, classes)``.

    Its parameters are on the meta device; load a state dict with ``assign=True``.
    SimCLR (Chen et al., 2020), appendix B.9.
    """
    from torchvision.models import resnet18  # takes seconds, and only a checkpoint needs it

    with torch.device("meta"):
        model = resnet18(weights=None, num_classes=classes)
        model.conv1 = nn.Conv2d(channels, 64, kernel_size=3, stride=1, padding=1, bias=False)
        model.maxpool = nn.Identity()
    return model


def classifier(tensors: Tensors, classes: int, channels: int = 3) -> nn.Module:
    """The kit's classifier with the submitted weights, in eval mode.

    Raises:
        CheckpointError: see ``match``.
    """
    model = empty_classifier(classes, channels)
    model.load_state_dict(match(tensors, classes, channels), assign=True)
    return model.eval().requires_grad_(False)


def match(tensors: Tensors, classes: int, channels: int = 3) -> dict[str, torch.Tensor]:
    """A state dict for ``empty_classifier`` from the tensors of a checkpoint. Other tensors are ignored.

    Raises:
        CheckpointError: a part is missing, has another shape, or holds NaN or infinity.
    """
    shapes = _encoder_shapes(channels)
    head_name = _head_name(tensors, classes)
    encoder = _encoder_by_name(tensors, shapes, near=head_name or "") or _encoder_by_order(tensors, shapes)
    if encoder is None:
        raise CheckpointError(_no_encoder(tensors, shapes))
    for name, shape in shapes.items():
        _check_shape(name, tensors[encoder[name]], shape)
    if head_name is None:
        raise CheckpointError(_no_head(tensors, classes))
    state = {name: tensors[source] for name, source in encoder.items()}
    state["fc.weight"] = tensors[head_name]
    state["fc.bias"] = _head_bias(tensors, head_name, classes)
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise CheckpointError(f"The checkpoint's {name} holds NaN or infinity: the training diverged.")
    counters = {name: torch.tensor(0) for name in empty_classifier(classes).state_dict() if name.endswith(COUNTER)}
    return state | counters


@cache
def _encoder_shapes(channels: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the encoder's tensors in torchvision's order, without counters."""
    state = empty_classifier(1, channels).state_dict()
    return {
        name: tuple(value.shape)
        for name, value in state.items()
        if not name.startswith("fc.") and not name.endswith(COUNTER)
    }


def _encoder_by_name(tensors: Tensors, shapes: Mapping[str, tuple], near: str) -> dict[str, str] | None:
    """The encoder whose names share one prefix. If there are several, the one with correct shapes nearest to ``near``."""
    prefixes = [name.removesuffix(STEM) for name in tensors if name.endswith(STEM)]
    whole = [prefix for prefix in prefixes if all(prefix + name in tensors for name in shapes)]
    if not whole:
        return None

    def merit(prefix: str) -> tuple[bool, int]:
        fits = all(tuple(tensors[prefix + name].shape) == shape for name, shape in shapes.items())
        return fits, len(os.path.commonprefix([prefix, near]))

    best = max(whole, key=merit)
    return {name: best + name for name in shapes}


def _encoder_by_order(tensors: Tensors, shapes: Mapping[str, tuple]) -> dict[str, str] | None:
    """The encoder as consecutive tensors with the correct shapes, regardless of their names."""
    names = list(tensors)
    found = [tuple(tensors[name].shape) for name in names]
    wanted = list(shapes.values())
    for start in range(len(found) - len(wanted) + 1):
        if found[start : start + len(wanted)] == wanted:
            return dict(zip(shapes, names[start:], strict=False))
    return None


def _head_name(tensors: Tensors, classes: int) -> str | None:
    """The last tensor of shape (classes, 512). A checkpoint of a whole training may also hold an earlier classifier."""
    return next((name for name in reversed(list(tensors)) if tuple(tensors[name].shape) == (classes, WIDTH)), None)


def _head_bias(tensors: Tensors, head_name: str, classes: int) -> torch.Tensor:
    """The bias next to the weight; zeros if there is none."""
    bias = tensors.get(head_name.removesuffix("weight") + "bias")
    return bias if bias is not None and tuple(bias.shape) == (classes,) else torch.zeros(classes)


def _check_shape(name: str, tensor: torch.Tensor, shape: tuple[int, ...]) -> None:
    found = tuple(tensor.shape)
    if found == shape:
        return
    if name == STEM:
        raise CheckpointError(f"The first convolution has shape {found}; the CIFAR stem has {shape}.")
    raise CheckpointError(f"The encoder's {name} has shape {found}; ResNet-18 has {shape}.")


def _no_encoder(tensors: Tensors, shapes: Mapping[str, tuple]) -> str:
    """Why no encoder was found: it is incomplete, or the checkpoint holds other tensors."""
    for name in tensors:
        prefix = name.removesuffix(STEM)
        if name.endswith(STEM) and f"{prefix}bn1.weight" in tensors:
            missing = [wanted for wanted in shapes if prefix + wanted not in tensors]
            if len(missing) < len(shapes) // 2:
                return f"The encoder lacks {missing[0]}; save a complete ResNet-18."
    shown = ", ".join(f"{quoted(name, 60)} {tuple(tensor.shape)}" for name, tensor in list(tensors.items())[:3])
    return f"There is no ResNet-18 with the CIFAR stem among the {len(tensors)} tensors. The first tensors are {shown}."


def _no_head(tensors: Tensors, classes: int) -> str:
    flat = [(name, tuple(t.shape)) for name, t in tensors.items() if t.dim() == 2 and t.shape[1] == WIDTH]
    found = "; ".join(f"{quoted(name, 60)} is {shape}" for name, shape in flat[-3:]) or "there is no linear layer"
    return f"The linear layer of shape ({classes}, {WIDTH}) is missing ({found}): save the fine-tuned classifier."
