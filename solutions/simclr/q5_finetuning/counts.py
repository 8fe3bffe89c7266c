"""Marks and counts of what the probes of q5 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.views import as_bytes

MIDDLE = slice(8, 24)  # of a training view: no padding comes there


def finetune_statistics(
    produced: Mapping[str, Tensor], mean: Tensor, std: Tensor, repeats: int, **inputs: Tensor
) -> dict[str, Tensor]:
    """What the two transforms of ``finetune_transforms`` do to crafted images.

    Returns:
        ``test_views``: as produced.
        ``train_black``, ``train_white``: the middle of what the training transform makes of black and white, (3, 16, 16).
        ``flipped``, ``upside_down``: the share of its views of the ramps that are.
        ``resized``, ``recoloured``: the largest change of scale, as a share of 1, and of green, in bytes.
        ``left``, ``right``, ``up``, ``down``: the outermost shifts, in pixels.

    Raises:
        Unreadable: there are fewer views than were asked for.
    """
    if produced["train_views"].shape[:2] != (repeats, 3):
        raise Unreadable("the test did not get as many views as it asked your transform for")
    middle = as_bytes(produced["train_views"][:, :, MIDDLE, MIDDLE], mean, std)
    red, blue = middle[:, 0].mean(1), middle[:, 2].mean(2)
    across, down = ((line.mean(1) - 4) / 7 - 15.5 for line in (red, blue))
    slopes = torch.stack([(line[:, -1] - line[:, 0]) / 15 / 7 for line in (red, blue)])
    numbers = {
        "flipped": (slopes[0] < 0).double().mean(),
        "upside_down": (slopes[1] < 0).double().mean(),
        "resized": (slopes.abs() - 1).abs().max(),
        "recoloured": (middle[:, 1] - 128).abs().max(),
        "left": across.min(),
        "right": across.max(),
        "up": down.min(),
        "down": down.max(),
    }
    return {
        "test_views": produced["test_views"],
        "train_black": produced["train_black"][:, MIDDLE, MIDDLE],
        "train_white": produced["train_white"][:, MIDDLE, MIDDLE],
        **{name: number.float() for name, number in numbers.items()},
    }


def finetune_loader_passes(produced: Mapping[str, Tensor], **inputs: Tensor | int) -> dict[str, Tensor]:
    """Two passes over each loader. Labels are all different and rise with the brightness of their images.

    Returns:
        ``image_shape``: of a training image.
        ``train_batch_sizes``, ``test_batch_sizes``: (2, batches).
        ``train_labels``, ``test_labels``: sorted (train) or as they come (test), (2, n).
        ``train_ranks``, ``test_ranks``: places of the images by brightness, in the order of their labels (train) or as
            they come (test), (2, n).
        ``displaced``: share of the training images that a first pass does not yield in their stored place.
        ``reshuffled``: share of the training images that two passes do not yield in the same place.
        ``train_change``, ``test_change``: mean change of an image from the first pass to the second.
    """
    train_x, train_y, test_x, test_y = (produced[name] for name in ("train_x", "train_y", "test_x", "test_y"))
    order = train_y.argsort(dim=1)
    sorted_x = torch.stack([x[places] for x, places in zip(train_x, order, strict=True)])
    return {
        "image_shape": torch.tensor(train_x.shape[2:]),
        "train_batch_sizes": produced["train_batch_sizes"],
        "test_batch_sizes": produced["test_batch_sizes"],
        "train_labels": train_y.gather(1, order),
        "test_labels": test_y,
        "train_ranks": _ranks(sorted_x),
        "test_ranks": _ranks(test_x),
        "displaced": (order != torch.arange(order.shape[1])).float().mean(),
        "reshuffled": (order[0] != order[1]).float().mean(),
        "train_change": (sorted_x[0] - sorted_x[1]).abs().mean().float(),
        "test_change": (test_x[0] - test_x[1]).abs().mean().float(),
    }


def _ranks(x: Tensor) -> Tensor:
    """Places by the brightness of the middle: (2, n, 3, H, W) -> (2, n)."""
    return x[..., MIDDLE, MIDDLE].double().mean((2, 3, 4)).argsort(dim=1).argsort(dim=1)
