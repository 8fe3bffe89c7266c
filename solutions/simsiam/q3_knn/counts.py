"""Counts of what the probes of q3 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import side_effects


def above(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """``beside``: how far the accuracies for k above the number of rows lie from that for k equal to it, at most."""
    first, *others = (produced[name] for name in sorted(produced))
    return {"beside": (torch.stack(others) - first).abs().max().float()}


def chunks(produced: Mapping[str, Tensor], **inputs: object) -> dict[str, Tensor]:
    """``beside``: how far the accuracy of all queries lies from the mean of those of its two parts, relative to that."""
    parts, sizes = torch.stack([produced["first"], produced["last"]]).double(), produced["sizes"].double()
    mean = (parts * sizes).sum() / sizes.sum()
    return {"beside": ((produced["all"] - mean) / mean.abs().clamp(min=1e-9)).float()}


def conduct(produced: Mapping[str, Tensor], ks: Tensor, temperatures: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """Side effects; ``constant``, ``constant_train_h``, ``constant_test_h``: 1 if the accuracy is the same for other labels of
    the bank, for other features of it, and for other features of the queries."""
    own = produced["value_seed_1"]
    others = {"": "value_other", "_train_h": "other_train_h", "_test_h": "other_test_h"}
    constant = {f"constant{name}": torch.tensor(int((produced[other] == own).all())) for name, other in others.items()}
    return {**side_effects(produced, **inputs), **constant}
