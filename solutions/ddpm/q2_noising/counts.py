"""Counts of what the probes of q2 produced. No result is compared with the correct one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import SEED_ROUNDING, differing, side_effects_and_dtypes

from ..counts import gradients_off


def noised_side_effects(produced: Mapping[str, Tensor], x0: Tensor, **inputs: object) -> dict[str, Tensor]:
    """Side effects and dtypes, ``gradients_off``; ``moved``: 1 if the result has the shape of ``x0`` and is another tensor;
    ``differs_by_shape``: in how many entries it differs from that for the same numbers as images."""
    x_t = produced["value_seed_1"]
    return {
        **side_effects_and_dtypes(produced, x0=x0, **inputs),
        **gradients_off(produced),
        "moved": torch.tensor(int(x_t.shape == x0.shape and not torch.equal(x_t, x0))),
        "differs_by_shape": differing(x_t, produced["of_images"], SEED_ROUNDING),
    }
