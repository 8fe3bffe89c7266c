"""Finds a ResNet-9 encoder (``autograder.given.resnet9``) and its head among tensors, under any prefix.

Runs on the trusted side, on plain float32 tensors from the sandbox.
"""

from __future__ import annotations

import torch
from torch import nn

from autograder.artefacts.networks import Tensors, filled, part_of, short
from autograder.errors import CheckpointError
from autograder.given.resnet9 import ResNet9

STEM = "body.layers.0.0.weight"  # a tensor of the encoder; those of the heads stand in their functions
WIDEST = {"body.layers.0.0": 64, "body.layers.1.0": 128, "body.layers.3.0": 256, "body.layers.4.0": 512}
MOST_OUTPUTS = 1024


def linear(tensors: Tensors, outputs: int, channels: int = 3) -> nn.Module:
    """An encoder and one linear layer on its embeddings, in eval mode. Raises CheckpointError."""
    encoder, z_dim = _encoder(tensors)
    known = "linear.weight"
    with torch.device("meta"):
        head = nn.ModuleDict({"linear": nn.Linear(z_dim, outputs)})
    return nn.Sequential(encoder, filled(head, part_of(tensors, known, "linear head"), "linear head").linear).eval()


def small_network(tensors: Tensors, outputs: int, channels: int = 3) -> nn.Module:
    """An encoder and a network of one hidden layer on its embeddings, in eval mode. Raises CheckpointError."""
    encoder, z_dim = _encoder(tensors)
    found = part_of(tensors, "hidden.weight", "classifier")
    hidden = _rows(found, "hidden.weight", "classifier", MOST_OUTPUTS, 2)
    with torch.device("meta"):
        head = nn.ModuleDict({"hidden": nn.Linear(z_dim, hidden), "out": nn.Linear(hidden, outputs)})
    head = filled(head, found, "classifier")
    return nn.Sequential(encoder, head.hidden, nn.ReLU(), head.out).eval()


def _encoder(tensors: Tensors) -> tuple[nn.Module, int]:
    """The encoder, and how many numbers its embeddings have."""
    found = part_of(tensors, STEM, "encoder with a ResNet-9 as its body")
    widths = tuple(_rows(found, f"{name}.weight", "encoder", most, 4) for name, most in WIDEST.items())
    z_dim = _rows(found, "head.weight", "encoder", MOST_OUTPUTS, 2)
    with torch.device("meta"):
        encoder = nn.ModuleDict({"body": ResNet9(widths), "head": nn.Linear(widths[-1], z_dim)})
    encoder = filled(encoder, found, "encoder")
    return nn.Sequential(encoder.body, encoder.head), z_dim


def _rows(state: Tensors, name: str, title: str, most: int, dims: int) -> int:
    """The first size of a weight, which must be one that the grader can afford."""
    if name not in state:
        raise CheckpointError(f"The {title} lacks {name}; save a complete network.")
    shape = tuple(state[name].shape)
    if len(shape) != dims or not 1 <= shape[0] <= most:
        raise CheckpointError(
            f"The {title}'s {name} has shape {short(shape)}; the grader takes at most {most:,} outputs of this layer."
        )
    return shape[0]
