"""Counts of what the probes of losses over two views produced. They run in the engine."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from autograder.questions.model import Inputs
from autograder.questions.side_effects import counts


def pair_loss_side_effects(produced: Mapping[str, Tensor], **inputs: Inputs) -> dict[str, Tensor]:
    """See ``side_effects``."""
    return counts.side_effects(produced, inputs)
