"""A count that the questions of the assignment share."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def dtype_kept(produced: Mapping[str, Tensor], like: Tensor, prefix: str = "") -> dict[str, Tensor]:
    """``dtype_kept``: 1 if the result of a probe of side effects has the dtype of the input ``like``.

    ``prefix`` is before its name, and before the names of what was produced.
    """
    return {f"{prefix}dtype_kept": torch.tensor(int(produced[f"{prefix}value_seed_1"].dtype is like.dtype))}
