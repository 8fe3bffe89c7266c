"""Finds a U-Net and its noise schedule among the tensors of a checkpoint.

Runs on the trusted side, on plain float32 tensors from the sandbox. The network is the kit's own
(``autograder.given.unet``), under any prefix. Its channels, widths and classes follow from the shapes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from autograder.errors import CheckpointError
from autograder.given.unet import UNet
from autograder.text import one_line, quoted

STEM = "stem.weight"
SCHEDULE = "alpha_bar"
LONGEST_SCHEDULE = 4000
GROUPS = 8

Tensors = Mapping[str, torch.Tensor]


def network(tensors: Tensors, channels: int) -> UNet:
    """The U-Net with the submitted weights, in eval mode. If there are several, the averaged one ("ema" in its prefix).

    Raises:
        CheckpointError: there is no U-Net, a part is missing, has another shape or holds NaN or infinity, or the network
            expects another number of image channels.
    """
    prefix = _prefix(tensors)
    state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    model = _empty(state)
    if model.channels != channels:
        raise CheckpointError(f"The network expects {model.channels} image channels; these images have {channels}.")
    for name, wanted in model.state_dict().items():
        _check(name, state.get(name), tuple(wanted.shape))
    model.load_state_dict({name: state[name] for name in model.state_dict()}, assign=True)
    return model.eval().requires_grad_(False)


def schedule(tensors: Tensors) -> torch.Tensor | None:
    """The checkpoint's own ᾱ (T,); None if it has none.

    Raises:
        CheckpointError: ᾱ is not a decreasing sequence of numbers between 1 and 0.
    """
    found = next((tensor for name, tensor in tensors.items() if name.split(".")[-1] == SCHEDULE), None)
    if found is None:
        return None
    if found.ndim != 1 or not 1 <= len(found) <= LONGEST_SCHEDULE:
        raise CheckpointError(
            f"{SCHEDULE} has shape {tuple(found.shape)}, expected one number per step, for 1 to {LONGEST_SCHEDULE:,} steps."
        )
    # Written so that NaN fails too.
    if not (bool((found > 0).all()) and bool((found < 1).all()) and bool((found.diff() < 0).all())):
        raise CheckpointError(f"{SCHEDULE} must decrease from step to step and stay between 1 and 0.")
    return found


def _prefix(tensors: Tensors) -> str:
    """The prefix of the network's names. If there are several networks, the averaged one, else the first."""
    prefixes = [name.removesuffix(STEM) for name in tensors if name == STEM or name.endswith(f".{STEM}")]
    if not prefixes:
        shown = ", ".join(f"{quoted(name, 60)} {tuple(tensor.shape)}" for name, tensor in list(tensors.items())[:3])
        raise CheckpointError(f"There is no U-Net among the {len(tensors)} tensors. The first tensors are {shown}.")
    return next((prefix for prefix in prefixes if "ema" in prefix.lower()), prefixes[0])


def _empty(state: Tensors) -> UNet:
    """A network of the size given by the tensors, on the meta device, where it needs no memory."""
    convolutions = [state[STEM]]
    while (name := f"down.{len(convolutions) - 1}.conv1.weight") in state:
        convolutions.append(state[name])
    if len(convolutions) == 1:
        raise CheckpointError("The U-Net lacks down.0.conv1.weight; save a complete network.")
    for level, convolution in enumerate(convolutions):
        # The sizes of an empty tensor have no limit.
        if convolution.ndim != 4 or not convolution.numel():
            name = STEM if level == 0 else f"down.{level - 1}.conv1.weight"
            raise CheckpointError(
                f"The U-Net's {name} has shape {_short(tuple(convolution.shape))}; a convolution has four sizes."
            )
    widths = tuple(convolution.shape[0] for convolution in convolutions[1:])
    if any(width % GROUPS for width in widths):
        raise CheckpointError(f"The U-Net's widths are {_short(widths)}; each must be a multiple of {GROUPS}.")
    labels = state.get("label.weight")
    classes = len(labels) - 1 if labels is not None and labels.ndim == 2 and labels.numel() else 0
    with torch.device("meta"):
        return UNet(state[STEM].shape[1], widths, max(0, classes))


def _check(name: str, tensor: torch.Tensor | None, shape: tuple[int, ...]) -> None:
    if tensor is None:
        raise CheckpointError(f"The U-Net lacks {name}; save a complete network.")
    if tuple(tensor.shape) != shape:
        raise CheckpointError(
            f"The U-Net's {name} has shape {_short(tuple(tensor.shape))}; the other tensors need {shape}."
        )
    if not tensor.isfinite().all():
        raise CheckpointError(f"The checkpoint's {name} holds NaN or infinity: the training diverged.")


def _short(sizes: tuple[int, ...]) -> str:
    """A tuple of sizes as text of limited length."""
    return one_line(str(sizes), 80)
