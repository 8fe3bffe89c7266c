"""Counts that the questions of the assignment share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def gradients_off(produced: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """``gradients_off``: after how many calls gradients were switched off, see ``Watched``; ``prefix`` is before its name."""
    return {f"{prefix}gradients_off": (~produced[f"{prefix}gradients_on"].bool()).sum()}


def dtype_kept(produced: Mapping[str, Tensor], like: Tensor, prefix: str = "") -> dict[str, Tensor]:
    """``dtype_kept``: 1 if the result of a probe of side effects has the dtype of the input ``like``."""
    return {f"{prefix}dtype_kept": torch.tensor(int(produced[f"{prefix}value_seed_1"].dtype is like.dtype))}
