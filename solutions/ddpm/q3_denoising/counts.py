"""Counts of what the probes of q3 produced. No result is compared with the correct one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import dtype_kept, side_effects


def last_step(produced: Mapping[str, Tensor], t: Tensor, **inputs: object) -> dict[str, Tensor]:
    """Where ``p_sample`` uses the noise: the difference of the results with it and with zeros.

    Returns:
        ``noise_added_last``: the difference in the rows with t = 0, (rows, ...).
        ``noisy_rows``: for every row, 1 if the noise changes it, (n,).
    """
    difference = produced["noisy"] - produced["plain"]
    return {
        "noise_added_last": difference[t == 0],
        "noisy_rows": (difference != 0).flatten(1).any(1).long(),
    }


def reverse_side_effects(produced: Mapping[str, Tensor], x_t: Tensor, **inputs: object) -> dict[str, Tensor]:
    """``mean_…``, ``sample_…``: side effects and dtype of each function, and whether it froze the model; ``sample_moves``: 1 if the result of ``p_sample``
    is not ``x_t`` itself."""
    given = {"x_t": x_t, **inputs}
    counts = {}
    for prefix in ("mean_", "sample_"):
        counts |= side_effects(produced, prefix, **given)
        counts |= dtype_kept(produced, x_t, prefix)
        counts[f"{prefix}frozen"] = produced[f"{prefix}frozen"].long()
    moved = produced["sample_value_seed_1"]
    return {**counts, "sample_moves": torch.tensor(int(moved.shape == x_t.shape and not torch.equal(moved, x_t)))}
