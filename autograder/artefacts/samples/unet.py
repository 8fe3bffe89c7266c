"""Finds a submission's U-Net and its noise schedule among the tensors of a checkpoint.

Runs on the trusted side, on plain float32 tensors that crossed the boundary. The network is the kit's own
(``autograder.given.unet``) under any prefix; its channels, widths and classes are read off the shapes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from autograder.artefacts.reading import CheckpointError
from autograder.engine.text import one_line
from autograder.given.unet import UNet

STEM = "stem.weight"
SCHEDULE = "alpha_bar"
LONGEST_SCHEDULE = 4000
GROUPS = 8

Tensors = Mapping[str, torch.Tensor]


def network(tensors: Tensors, channels: int) -> UNet:
    """The U-Net with the submitted weights, in eval mode; of several the averaged one ("ema" in its prefix).

    Raises:
        CheckpointError: there is none, a part is missing or of another shape, holds NaN or infinity, or it is made for
            pictures of another number of channels.
    """
    prefix = _prefix(tensors)
    state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    model = _empty(state)
    if model.channels != channels:
        raise CheckpointError(f"The network is made for {model.channels} image channels; these images have {channels}.")
    for name, wanted in model.state_dict().items():
        _check(name, state.get(name), tuple(wanted.shape))
    model.load_state_dict({name: state[name] for name in model.state_dict()}, assign=True)
    return model.eval().requires_grad_(False)


def schedule(tensors: Tensors) -> torch.Tensor | None:
    """The checkpoint's own ᾱ (T,), None if it has none.

    Raises:
        CheckpointError: it is no list of numbers that fall from below 1 to above 0.
    """
    found = next((tensor for name, tensor in tensors.items() if name.split(".")[-1] == SCHEDULE), None)
    if found is None:
        return None
    if found.ndim != 1 or not 1 <= len(found) <= LONGEST_SCHEDULE:
        raise CheckpointError(
            f"{SCHEDULE} is {tuple(found.shape)}; wanted is one number for each of 1 to {LONGEST_SCHEDULE:,} steps."
        )
    # Written so that NaN fails too.
    if not (bool((found > 0).all()) and bool((found < 1).all()) and bool((found.diff() < 0).all())):
        raise CheckpointError(f"{SCHEDULE} must fall from step to step, between 1 and 0.")
    return found


def _prefix(tensors: Tensors) -> str:
    """What stands before the network's names: of several networks that of the averaged weights, else the first."""
    prefixes = [name.removesuffix(STEM) for name in tensors if name == STEM or name.endswith(f".{STEM}")]
    if not prefixes:
        shown = ", ".join(f"{one_line(name, 60)} {tuple(tensor.shape)}" for name, tensor in list(tensors.items())[:3])
        raise CheckpointError(f"There is no U-Net among the {len(tensors)} tensors, which begin with {shown}.")
    return next((prefix for prefix in prefixes if "ema" in prefix.lower()), prefixes[0])


def _empty(state: Tensors) -> UNet:
    """A network of the size that the tensors say, on the meta device, where the largest takes no memory."""
    convolutions = [state[STEM]]
    while (name := f"down.{len(convolutions) - 1}.conv1.weight") in state:
        convolutions.append(state[name])
    if len(convolutions) == 1:
        raise CheckpointError("The U-Net lacks down.0.conv1.weight; the file must hold a whole network.")
    for level, convolution in enumerate(convolutions):
        # With no number at all in them, sizes would be bounded by nothing.
        if convolution.ndim != 4 or not convolution.numel():
            name = STEM if level == 0 else f"down.{level - 1}.conv1.weight"
            raise CheckpointError(
                f"The U-Net's {name} is {_short(tuple(convolution.shape))}; a convolution has four sizes."
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
        raise CheckpointError(f"The U-Net lacks {name}; the file must hold a whole network.")
    if tuple(tensor.shape) != shape:
        raise CheckpointError(f"The U-Net's {name} is {_short(tuple(tensor.shape))}; beside the others it has {shape}.")
    if not tensor.isfinite().all():
        raise CheckpointError(f"The checkpoint's {name} holds NaN or infinity: the training diverged.")


def _short(sizes: tuple[int, ...]) -> str:
    """A tuple of sizes that may have very many."""
    return one_line(str(sizes), 80)
