"""Counts of what the probes of q4 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.training import counts

from .probes import given_encoder


def losses(produced: Mapping[str, Tensor], **inputs: Tensor | float) -> dict[str, Tensor]:
    """``losses`` as produced; ``beside_training``: how far those that are returned while the encoder learns lie, at most, from
    those that a backward went through, relative to the largest; 1 if there are more or fewer."""
    returned, (values, _, reached) = produced["losses_in_training"].double(), produced["calls"].view(-1, 3).unbind(1)
    learnt = values[reached > 0]
    if returned.shape != learnt.shape:
        return {"losses": produced["losses"], "beside_training": torch.ones(())}
    beside = (returned - learnt).abs().max() / learnt.abs().max().clamp(min=1e-9) if len(learnt) else torch.zeros(())
    return {"losses": produced["losses"], "beside_training": beside.float()}


def conduct(
    produced: Mapping[str, Tensor], start: Tensor, images: Tensor, **inputs: Tensor | float
) -> dict[str, Tensor]:
    """See ``counts.side_effects`` of the family."""
    return counts.side_effects(produced, given_encoder, start, images)
