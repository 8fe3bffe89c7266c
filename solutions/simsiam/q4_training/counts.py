"""Counts of what the probes of q4 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from autograder.questions.side_effects.counts import side_effects
from autograder.questions.training import counts

from .probes import GivenSimSiam


def train_side_effects(
    produced: Mapping[str, Tensor], start: Tensor, views_1: Tensor, **inputs: Tensor | float
) -> dict[str, Tensor]:
    """See ``counts.side_effects`` of the family; both views were the same."""

    def predictions(start: Tensor) -> nn.Module:
        model = GivenSimSiam(start)
        return lambda x: model(x, x)[0]

    return counts.side_effects(produced, predictions, start, torch.cat([views_1, views_1]))


def collapsed(produced: Mapping[str, Tensor], z_2: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
    """``deviation_<number>`` for each z, and the side effects of ``feature_std`` on ``z_2``."""
    deviations = {name: tensor for name, tensor in produced.items() if name.startswith("deviation")}
    return {**side_effects(produced, z=z_2), **deviations, "deviation_2": produced["value_seed_1"]}
