"""Finds the encoder and the decoder of a VAE among the tensors of a checkpoint.

Runs on the trusted side, on plain float32 tensors from the sandbox. The networks are the kit's own
(``autograder.given.vae``), under any prefixes. Their widths follow from the shapes.
"""

from __future__ import annotations

import torch

from autograder.artefacts.networks import Tensors, filled, part_of, short
from autograder.errors import CheckpointError
from autograder.given.vae import Decoder, Encoder

WIDEST = 100_000  # units of a layer: its output for one image takes no memory to speak of


def networks(tensors: Tensors) -> tuple[Encoder, Decoder]:
    """Encoder and decoder with the submitted weights, in eval mode.

    Raises:
        CheckpointError: there is no encoder or no decoder, a part is missing, has another shape or holds NaN or infinity,
            or the two have latent vectors of different widths.
    """
    encoded, decoded = part_of(tensors, "logvar.weight", "encoder"), part_of(tensors, "logits.weight", "decoder")
    latent, wanted = len(_matrix(encoded, "logvar.weight", "encoder")), _matrix(decoded, "body.0.weight", "decoder")
    if wanted.shape[1] != latent:
        raise CheckpointError(
            f"The encoder's latent vectors have {latent:,} entries, but the decoder expects {wanted.shape[1]:,}."
        )
    with torch.device("meta"):
        encoder = Encoder(latent, _widths(encoded, "encoder"))
        decoder = Decoder(latent, _widths(decoded, "decoder"))
    return filled(encoder, encoded, "encoder"), filled(decoder, decoded, "decoder")


def _widths(state: Tensors, title: str) -> tuple[int, ...]:
    """The widths of the hidden layers: every second module of ``body`` is a linear layer."""
    widths = []
    while (name := f"body.{2 * len(widths)}.weight") in state or not widths:
        widths.append(len(_matrix(state, name, title)))
    return tuple(widths)


def _matrix(state: Tensors, name: str, title: str) -> torch.Tensor:
    """The weight of a linear layer."""
    if name not in state:
        raise CheckpointError(f"The {title} lacks {name}; save a complete network.")
    if state[name].ndim != 2 or not state[name].numel():  # the sizes of an empty tensor have no limit
        shape = short(tuple(state[name].shape))
        raise CheckpointError(f"The {title}'s {name} has shape {shape}; a linear layer has two sizes.")
    if max(state[name].shape) > WIDEST:
        shape = short(tuple(state[name].shape))
        raise CheckpointError(
            f"The {title}'s {name} has shape {shape}; the grader takes layers of at most {WIDEST:,} units."
        )
    return state[name]
