"""Counts of what the probes of q2 produced. No result is compared with the correct one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import SEED_ROUNDING, differing, side_effects_and_dtypes


def noised_side_effects(
    produced: Mapping[str, Tensor], x0: Tensor, noise: Tensor, **inputs: object
) -> dict[str, Tensor]:
    """Side effects and dtypes; ``moved``: see ``moved``;
    ``differs_by_shape``: in how many entries it differs from that for the same numbers as images."""
    x_t = produced["value_seed_1"]
    return {
        **side_effects_and_dtypes(produced, x0=x0, noise=noise, **inputs),
        "moved": moved(x_t, x0, noise),
        "differs_by_shape": differing(x_t, produced["of_images"], SEED_ROUNDING),
    }


def moved(x_t: Tensor, x0: Tensor, noise: Tensor) -> Tensor:
    """1 if a result is none of the inputs, 0 if it has another shape than they, −1 if it is ``x0`` and −2 if it is ``noise``."""
    if x_t.shape != x0.shape:
        return torch.tensor(0)
    return torch.tensor(-1 if torch.equal(x_t, x0) else -2 if torch.equal(x_t, noise) else 1)
