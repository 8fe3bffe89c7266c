"""Draws noise by a student's function under several generators and global seeds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.questions.probing import global_state_kept


def drawn_rows(draw: Callable[[torch.Generator], Tensor], seed: int) -> dict[str, Tensor]:
    """What ``draw(generator)`` draws, (rows, d), in calls of its own.

    Returns:
        ``first``, ``following``: of two calls with one generator. ``again``: of a call with an equal generator, under another
            global seed.
        ``rng_before``, ``rng_after``: torch's global random state around the first two.
    """
    with global_state_kept():
        torch.manual_seed(7919)  # no seed that students use: their own would leave the state as it is
        before = torch.get_rng_state()
        generator = torch.Generator().manual_seed(seed)
        rows = {"first": draw(generator), "following": draw(generator)}
        after = torch.get_rng_state()
        torch.manual_seed(7920)
        rows["again"] = draw(torch.Generator().manual_seed(seed))
    return {**rows, "rng_before": before, "rng_after": after}
