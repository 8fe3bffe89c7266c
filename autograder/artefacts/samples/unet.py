"""Finds a U-Net and its noise schedule among the tensors of a checkpoint.

Runs on the trusted side, on plain float32 tensors from the sandbox. The network is the kit's own
(``autograder.given.unet``), under any prefix. Its channels, widths and classes follow from the shapes.
"""

from __future__ import annotations

import torch

from autograder.artefacts.networks import Tensors, filled, part_of, short
from autograder.errors import CheckpointError
from autograder.given.unet import UNet

STEM = "stem.weight"
SCHEDULE = "alpha_bar"
LONGEST_SCHEDULE = 4000
GROUPS = 8


def network(tensors: Tensors, channels: int) -> UNet:
    """The U-Net with the submitted weights, in eval mode. If there are several, the averaged one ("ema" in its prefix).

    Raises:
        CheckpointError: there is no U-Net, a part is missing, has another shape or holds NaN or infinity, or the network
            expects another number of image channels.
    """
    state = part_of(tensors, STEM, "U-Net")
    model = _empty(state)
    if model.channels != channels:
        raise CheckpointError(f"The network expects {model.channels} image channels; these images have {channels}.")
    return filled(model, state, "U-Net")


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
                f"The U-Net's {name} has shape {short(tuple(convolution.shape))}; a convolution has four sizes."
            )
    widths = tuple(convolution.shape[0] for convolution in convolutions[1:])
    if any(width % GROUPS for width in widths):
        raise CheckpointError(f"The U-Net's widths are {short(widths)}; each must be a multiple of {GROUPS}.")
    labels = state.get("label.weight")
    classes = len(labels) - 1 if labels is not None and labels.ndim == 2 and labels.numel() else 0
    with torch.device("meta"):
        return UNet(state[STEM].shape[1], widths, max(0, classes))
