"""Finds one of the kit's encoders (``autograder.given.encoders``) among the tensors of a checkpoint, under any prefix.

Runs on the trusted side, on plain float32 tensors from the sandbox.
"""

from __future__ import annotations

import torch
from torch import nn

from autograder.artefacts.networks import Tensors, filled, part_of, short
from autograder.errors import CheckpointError
from autograder.given.encoders import SmallEncoder, resnet18_encoder

RESNET, SMALL = "layer1.0.conv1.weight", "body.0.0.0.weight"  # a tensor that each has
STAGES, WIDEST = 4, 512


def encoder(tensors: Tensors) -> nn.Module:
    """The encoder with the submitted weights, in eval mode: a ResNet-18, or a small one of any widths.

    Raises:
        CheckpointError: there is none, or a tensor of it is missing, has another shape or holds NaN or infinity.
    """
    with torch.device("meta"):
        if any(name == RESNET or name.endswith(f".{RESNET}") for name in tensors):
            return filled(resnet18_encoder(), part_of(tensors, RESNET, "ResNet-18"), "ResNet-18")
        found = part_of(tensors, SMALL, "encoder")
        return filled(SmallEncoder(tuple(_width(found, stage) for stage in range(STAGES))), found, "encoder")


def _width(state: Tensors, stage: int) -> int:
    name = f"body.{stage}.1.0.weight"
    if name not in state:
        raise CheckpointError(f"The encoder lacks {name}; save a complete network.")
    shape = tuple(state[name].shape)
    if len(shape) != 4 or not 1 <= shape[0] <= WIDEST:
        raise CheckpointError(
            f"The encoder's {name} has shape {short(shape)}; the grader takes convolutions of at most {WIDEST:,} channels."
        )
    return shape[0]
