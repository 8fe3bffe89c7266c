"""Counts of what the probes of q4 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.noise.counts import standard_normal_rows
from autograder.questions.training import counts

from .probes import GivenVAE


def epoch_side_effects(
    produced: Mapping[str, Tensor], start: Tensor, images: Tensor, **inputs: Tensor | float
) -> dict[str, Tensor]:
    """See ``counts.side_effects`` of the family; ``default_changed``: 1 if the default dtype is not float32 afterwards."""
    return {
        **counts.side_effects(produced, lambda start: GivenVAE(start).encode, start, images),
        "default_changed": torch.tensor(int(produced["new_number"].dtype is not torch.float32)),
    }


def epoch_noise(produced: Mapping[str, Tensor], **inputs: Tensor | float) -> dict[str, Tensor]:
    """See ``standard_normal_rows``."""
    return standard_normal_rows(produced)
