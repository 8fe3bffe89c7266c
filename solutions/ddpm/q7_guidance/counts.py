"""Counts of what the probes of q7 produced. No result is compared with the correct one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import dtype_kept, side_effects


def guidance_side_effects(produced: Mapping[str, Tensor], x_t: Tensor, **inputs: object) -> dict[str, Tensor]:
    """``dropped_…``, ``guided_…``: side effects of each function, and the dtype of ``guided_eps``;
    ``guided_moves``: 1 if the prediction has the shape of ``x_t`` and is not ``x_t`` itself."""
    given = {"x_t": x_t, **inputs}
    prediction = produced["guided_value_seed_1"]
    moves = prediction.shape == x_t.shape and not torch.equal(prediction, x_t)
    return {
        **side_effects(produced, "dropped_", **given),
        **side_effects(produced, "guided_", **given),
        **dtype_kept(produced, x_t, "guided_"),
        "guided_moves": torch.tensor(int(moves)),
    }
