"""Counts of what the probes of q4 produced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.probing import global_state_kept
from autograder.questions.training import counts
from autograder.questions.training.counts import MOST_ROUNDS
from autograder.questions.training.probes import GivenModel

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
    """See ``counts.side_effects`` of the family; ``other_passes``: see there."""
    found = counts.side_effects(produced, given_encoder, start, images)
    return {**found, "other_passes": other_passes(produced, [given_encoder(start)], images, int(inputs["batch_size"]))}


def other_passes(
    produced: Mapping[str, Tensor], models: Sequence[GivenModel], images: Tensor, batch_size: int
) -> Tensor:
    """How far the running means of models, each of which gets the answer of the one before, lie from those after one forward
    pass in train mode for each batch that was learnt from: the most; 0-d. The images are full batches in order."""
    batches, passes = images.split(batch_size), int(produced["rows_learnt_from"].sum()) // batch_size
    with global_state_kept(), torch.no_grad():
        for number in range(min(passes, MOST_ROUNDS * len(batches))):
            answer = batches[number % len(batches)]
            for model in models:
                answer = model(answer)
    expected = torch.cat([model.norm.running_mean for model in models])
    if produced["statistics"].shape != expected.shape:
        raise Unreadable("the running statistics of the given models are missing")
    return (produced["statistics"] - expected).abs().max()
