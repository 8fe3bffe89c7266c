"""Measures of what the probes of q2 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable


def simclr_modes(produced: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """How ``SimCLR`` behaves in the two modes.

    Returns:
        ``repeat_difference``, ``eval_difference``, ``train_difference``: change of the first row of h, relative to h,
            when the eval call is repeated, and when all rows become copies of the first in eval and in train mode.
        ``idle_statistics``: how many running means of batch norms in use a forward in train mode did not move.
        ``idle_parameters``: how many parameters in use get no gradient from z.

    Raises:
        Unreadable: there is no parameter in use.
    """
    sizes = produced["gradient_sizes"]
    if not sizes.numel():
        raise Unreadable("z is computed without any parameter: give SimCLR an encoder and a projection head")
    means = zip(*(produced[name].split(produced["means_sizes"].tolist()) for name in ("means_before", "means_after")))
    return {
        "repeat_difference": _difference(produced["h_eval"], produced["h_eval_again"]),
        "eval_difference": _difference(produced["h_eval"], produced["h_eval_of_copies"]),
        "train_difference": _difference(produced["h_train"], produced["h_train_of_copies"]),
        "idle_statistics": torch.tensor(sum(torch.equal(old, new) for old, new in means)),
        "idle_parameters": torch.tensor(int((torch.nan_to_num(sizes) == 0).sum())),
    }


def _difference(first: Tensor, second: Tensor) -> Tensor:
    """The largest difference of two tensors of one shape, relative to the largest entry of the first."""
    return (first - second).abs().max() / first.abs().max()
