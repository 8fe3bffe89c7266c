"""Counts of what the probes of q3 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import dtype_kept, own_part, side_effects

LAYERS = {"encoder_": ("body", "head"), "classifier_": ("hidden", "out")}


def conduct(produced: Mapping[str, Tensor], x: Tensor, **weights: Tensor) -> dict[str, Tensor]:
    """Of each model its side effects and dtype; ``keys``: 1 if it has other parameters or buffers than its layers; ``idle``: how
    many parameters get no gradient; ``cut``: 1 if the input gets none; ``modes``: how many calls change a mode."""
    found = {}
    for prefix, given in (("encoder_", x), ("classifier_", produced["z"])):
        own = own_part(produced, prefix)
        # By name: of each layer its bias and then its weight.
        wanted = [weights[f"{layer}_{part}"].numel() for layer in LAYERS[prefix] for part in ("bias", "weight")]
        found |= {
            **side_effects(produced, prefix, x=given),
            **dtype_kept(produced, x, prefix),
            f"{prefix}keys": torch.tensor(int(own["sizes"].tolist() != wanted)),
            f"{prefix}idle": (own["gradients"][1:] == 0).sum(),
            f"{prefix}cut": (own["gradients"][:1] == 0).sum(),
            f"{prefix}modes": (~own["modes"].bool()).sum(),
        }
    return found
