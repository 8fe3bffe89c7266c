"""Counts of what the probes of q2 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.side_effects.counts import side_effects

from .probes import RESULTS

FEWEST = 5  # linear layers of encoder, projector and predictor, also where the projector lacks one


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
    """Side effects; ``modes_switched``: how many modules a call left in another mode; ``idle``: how many matrices get no
    gradient; ``hidden``: how many more linear layers there are than matrices; ``<result>_cut``: 1 if no gradient of this
    result reaches the encoder.

    Raises:
        Unreadable: there is no gradient of each result.
    """
    gradients = produced["gradients"]
    if gradients.ndim != 2 or len(gradients) != len(RESULTS) or not gradients.shape[1]:
        raise Unreadable("the test did not get the gradients of p1, p2, z1 and z2")
    to_encoder, to_matrices = gradients[:, 0], gradients[:, 1:].sum(0)
    return {
        **side_effects(produced, x1=x1, x2=x2),
        "modes_switched": (~produced["modes"].bool()).sum(),
        "idle": (to_matrices == 0).sum(),
        "hidden": (produced["layers"].long().clamp(min=FEWEST) - len(to_matrices)).clamp(min=0),
        **{f"{name}_cut": (to_encoder[number] == 0).long() for number, name in enumerate(RESULTS)},
    }
