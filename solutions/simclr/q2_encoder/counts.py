"""Measures of what the probes of q2 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable


def simclr_modes(produced: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """How ``SimCLR`` starts and how it behaves in the two modes.

    Returns:
        ``unregistered``, ``frozen``: how many parameters in use are none of the model's, or require no gradients.
        ``flat_weights``: how many weights in use start with equal entries.
        ``start_difference``: how far the z of two images differ at the start, relative to the larger of them.
        ``repeated_layers``: how many layers are used more than once in a forward.
        ``repeat_difference``: change of the first row of h, relative to h, when the eval call is repeated.
        ``moved_in_eval``, ``idle_statistics``: how many running means of batch norms in use a forward in eval mode moved,
            and one in train mode did not; ``norms_without_statistics`` as produced.
        ``idle_parameters``: how many parameters in use that require gradients get none from z.
        ``h_without_graph``: 1 if h carries no gradient, else 0.

    Raises:
        Unreadable: there is no parameter in use.
    """
    sizes, trainable = produced["gradient_sizes"], produced["trainable"].bool()
    if not sizes.numel():
        raise Unreadable("z is computed without any parameter: give SimCLR an encoder and a projection head")
    before, between, after = (
        produced[name].split(produced["means_sizes"].tolist())
        for name in ("means_before", "means_between", "means_after")
    )
    return {
        "unregistered": (~produced["registered"].bool()).sum(),
        "frozen": (~trainable).sum(),
        "flat_weights": (produced["spread_at_start"] == 0).sum(),
        "start_difference": torch.nan_to_num(_difference(*produced["z_at_start"][:2])),
        "repeated_layers": (produced["uses"] > 1).sum(),
        "repeat_difference": _difference(produced["h_eval"], produced["h_eval_again"]),
        "moved_in_eval": torch.tensor(sum(not torch.equal(*pair) for pair in zip(before, between))),
        "norms_without_statistics": produced["norms_without_statistics"],
        "idle_statistics": torch.tensor(sum(torch.equal(*pair) for pair in zip(between, after))),
        "idle_parameters": (torch.nan_to_num(sizes) == 0)[trainable].sum(),
        "h_without_graph": (~produced["h_has_graph"].bool()).long(),
    }


def _difference(first: Tensor, second: Tensor) -> Tensor:
    """The largest difference of two tensors of one shape, relative to the largest entry of the first."""
    return (first - second).abs().max() / first.abs().max()
