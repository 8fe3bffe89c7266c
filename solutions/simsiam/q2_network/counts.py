"""Counts of what the probes of q2 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.side_effects.counts import side_effects

from .probes import RESULTS


def forward(produced: Mapping[str, Tensor], **inputs: Tensor | int) -> dict[str, Tensor]:
    """How far each result of ``forward`` lies from what the model's own parts make of its view, relative to that.

    Raises:
        Unreadable: they differ in shape.
    """
    found = {}
    for name in RESULTS:
        differences = []
        for number in range(3):
            got, own = produced[f"{name}_{number}"], produced[f"own_{name}_{number}"]
            if got.shape != own.shape:
                raise Unreadable(
                    f"the {name} of forward does not have the shape of what your model's parts make of the views"
                )
            differences.append((got - own).abs().max() / own.abs().max().clamp(min=1e-12))
        found[name] = torch.stack(differences).max().float()
    return found


def conduct(produced: Mapping[str, Tensor], x1: Tensor, x2: Tensor, **inputs: Tensor | int) -> dict[str, Tensor]:
    """Side effects; ``modes_switched``: how many modules a call left in another mode; ``idle``, ``learning``: how many matrices
    get no gradient, and how many do; ``z_without_graph``: 1 if no gradient of z reaches the encoder."""
    return {
        **side_effects(produced, x1=x1, x2=x2),
        "modes_switched": (~produced["modes"].bool()).sum(),
        "idle": (produced["gradients"] == 0).sum(),
        "learning": (produced["gradients"] != 0).sum(),
        "z_without_graph": (produced["from_z"] == 0).sum(),
    }
