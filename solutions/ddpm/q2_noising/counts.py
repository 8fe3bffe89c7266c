"""Counts of what the probes of q2 produced."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from autograder.questions.side_effects.counts import side_effects_and_dtypes


def noised_side_effects(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """See ``side_effects`` and ``dtypes_kept``."""
    return side_effects_and_dtypes(produced, inputs)
