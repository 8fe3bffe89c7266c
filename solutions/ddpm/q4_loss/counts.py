"""Counts of what the probes of q4 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.side_effects.counts import dtype_kept, side_effects


def denoising_loss_side_effects(produced: Mapping[str, Tensor], x0: Tensor, **inputs: object) -> dict[str, Tensor]:
    """Side effects and dtype; ``parameters`` as produced.

    ``gradients_cleared``: 1 if the first call left no gradient in the model; ``modes_switched``: how many calls left the model in another mode than before; ``moves``: 1 if the loss depends on the
    noise.
    """
    before, after = produced["modes"].bool().view(-1, 2).T
    return {
        **side_effects(produced, x0=x0, **inputs),
        **dtype_kept(produced, x0),
        "parameters": produced["parameters"],
        "gradients_cleared": torch.tensor(int(not produced["gradients"].any())),
        "modes_switched": (before != after).sum(),
        "moves": torch.tensor(int(not torch.equal(produced["value_seed_1"], produced["value_other"]))),
    }
