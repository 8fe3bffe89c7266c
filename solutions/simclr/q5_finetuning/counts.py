"""Marks and counts of what the probes of q5 produced."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.training import counts
from autograder.questions.views import as_bytes, order_marks

from .probes import given_classifier

CLASSES = 10
MIDDLE = slice(8, 24)  # of a training view: no padding comes there


def finetune_statistics(
    produced: Mapping[str, Tensor], ramps: Tensor, mean: Tensor, std: Tensor, repeats: int, **inputs: Tensor
) -> dict[str, Tensor]:
    """What the two transforms of ``finetune_transforms`` do to crafted images.

    Returns:
        ``test_views``: as produced.
        ``train_black``, ``train_white``: the middle of what the training transform makes of black and white, (3, 16, 16).
        ``different``: in how many ways it shifts and flips the ramps.
        ``recoloured``, ``resized``: the largest change of green, in bytes, and of the scale, as a share of 1.
        ``left``, ``right``, ``up``, ``down``: the outermost shifts, in pixels.
        ``places``: how many different places the image takes.
        ``flipped``, ``upside_down``: the share of its views of the ramps that are.
        ``padding``: how far, in bytes, pixels beyond the image lie from black, or all of them from the mean colour, which
            is 0 after the normalisation.

    Raises:
        Unreadable: there are fewer views than were asked for.
    """
    if produced["train_views"].shape != (repeats, *ramps.shape):
        raise Unreadable("the test did not get as many views as it asked your transform for")
    seen = as_bytes(produced["train_views"], mean, std)
    middle = seen[:, :, MIDDLE, MIDDLE]
    red, blue = middle[:, 0].mean(1), middle[:, 2].mean(2)
    across, down = ((line.mean(1) - 4) / 7 - 15.5 for line in (red, blue))
    slopes = torch.stack([(line[:, -1] - line[:, 0]) / 15 / 7 for line in (red, blue)])
    numbers = {
        "different": torch.cat([torch.stack([across, down]), slopes]).round().unique(dim=1).shape[1],
        "recoloured": (middle[:, 1] - 128).abs().max(),
        "resized": (slopes.abs() - 1).abs().max(),
        "left": across.min(),
        "right": across.max(),
        "up": down.min(),
        "down": down.max(),
        "places": torch.stack([across, down], 1).round().unique(dim=0).shape[0],
        "flipped": (slopes[0] < 0).double().mean(),
        "upside_down": (slopes[1] < 0).double().mean(),
        "padding": _padding(seen, across, down, slopes.sign(), 255 * mean.double()),
    }
    return {
        "test_views": produced["test_views"],
        "train_black": produced["train_black"][:, MIDDLE, MIDDLE],
        "train_white": produced["train_white"][:, MIDDLE, MIDDLE],
        **{name: torch.as_tensor(number).float() for name, number in numbers.items()},
    }


def _padding(seen: Tensor, across: Tensor, down: Tensor, signs: Tensor, mean: Tensor) -> Tensor:
    """The largest distance of a pixel beyond the image from black, or from ``mean`` (3,) if that is less.

    Args:
        seen: views (n, 3, 32, 32) in bytes.
        across, down: the shift of each image, (n,); ``signs``: whether it runs forwards along each axis, (2, n).
    """
    side = torch.arange(seen.shape[-1]).double() - (seen.shape[-1] - 1) / 2
    columns, rows = (
        (sign[:, None] * side + shift.round()[:, None]).abs() > side.max() + 0.25
        for sign, shift in zip(signs, (across, down), strict=True)
    )
    beyond = seen.permute(0, 2, 3, 1)[columns[:, None, :] | rows[:, :, None]]  # (pixels, 3)
    if not len(beyond):
        return seen.new_zeros(())
    return torch.minimum(beyond.abs().max(), (beyond - mean).abs().max())


def finetune_loader_passes(produced: Mapping[str, Tensor], **inputs: Tensor | int) -> dict[str, Tensor]:
    """Passes over each loader. Labels are all different and rise with the green of their images; red and blue are the
    same in all images.

    Returns:
        ``image_shape``: of a training image.
        ``train_batch_sizes``, ``test_batch_sizes``: (2, batches).
        ``train_labels``, ``test_labels``: sorted (train) or as they come (test), (2, n).
        ``train_ranks``, ``test_ranks``: places of the images by green, in the order of their labels (train) or as they
            come (test), (2, n).
        ``displaced``: share of the training images that a first pass does not yield in their stored place.
        ``orders``: in how many different orders the passes yield the training images.
        ``neighbours``, ``mates``: see ``views.order_marks``.
        ``augmented``: share of the training images that differ from the test images in red or blue.
        ``train_change``, ``test_change``: mean change of an image from the first pass to the second.
        ``draws``: how many different augmentations the training images of the first pass show.
    """
    train_x, train_y, test_x, test_y = (produced[name] for name in ("train_x", "train_y", "test_x", "test_y"))
    order = train_y.argsort(dim=1)
    sorted_x = torch.stack([x[places] for x, places in zip(train_x, order, strict=True)])
    marks = order_marks(produced["train_orders"].argsort(dim=1).argsort(dim=1), produced["train_batch_sizes"][0])
    ramps, plain = ((1000 * x[0][:, ::2].flatten(1)).round() for x in (train_x, test_x))
    differ = (ramps != plain[:1]).any(1) if ramps.shape[1:] == plain.shape[1:] else torch.ones(len(ramps))
    return {
        "image_shape": torch.tensor(train_x.shape[2:]),
        "train_batch_sizes": produced["train_batch_sizes"],
        "test_batch_sizes": produced["test_batch_sizes"],
        "train_labels": train_y.gather(1, order),
        "test_labels": test_y,
        "train_ranks": _ranks(sorted_x),
        "test_ranks": _ranks(test_x),
        "displaced": (order != torch.arange(order.shape[1])).float().mean(),
        **{name: marks[name] for name in ("orders", "neighbours", "mates")},
        "augmented": differ.float().mean(),
        "train_change": (sorted_x[0] - sorted_x[1]).abs().mean().float(),
        "test_change": (test_x[0] - test_x[1]).abs().mean().float(),
        "draws": torch.tensor(ramps.unique(dim=0).shape[0]),
    }


def _ranks(x: Tensor) -> Tensor:
    """Places by the green of the middle: (2, n, 3, H, W) -> (2, n)."""
    return x[:, :, 1, MIDDLE, MIDDLE].double().mean((2, 3)).argsort(dim=1).argsort(dim=1)


def finetune_means(
    produced: Mapping[str, Tensor], start: Tensor, x: Tensor, y: Tensor, **inputs: Tensor | float
) -> dict[str, Tensor]:
    """What ``finetune_one_epoch`` returns, and whether it is that of the batches before their steps.

    Returns:
        ``mean_loss``, ``top_1``: at learning rate 0, as produced.
        ``loss_beside_training``, ``top_1_beside_training``: how far those of an epoch that learns lie from what the
            answers say that a backward went through; 0 where these are not one for each image. 0-d.
    """
    rows = produced["rows"][produced["rows_learnt_from"]].double()
    beside = {"loss_beside_training": torch.zeros(()), "top_1_beside_training": torch.zeros(())}
    if rows.shape == (len(y), CLASSES):
        loss, top_1 = F.cross_entropy(rows, y), (rows.argmax(1) == y).double().mean()
        beside = {
            "loss_beside_training": ((produced["mean_loss_in_training"] - loss) / loss).float(),
            "top_1_beside_training": (produced["top_1_in_training"] - top_1).float(),
        }
    return {"mean_loss": produced["mean_loss"], "top_1": produced["top_1"], **beside}


def finetune_side_effects(
    produced: Mapping[str, Tensor], start: Tensor, x: Tensor, **inputs: Tensor | float
) -> dict[str, Tensor]:
    """See ``counts.side_effects`` of the family."""
    return counts.side_effects(produced, given_classifier, start, x)


def evaluation_side_effects(produced: Mapping[str, Tensor], x: Tensor, **inputs: Tensor | float) -> dict[str, Tensor]:
    """What ``evaluate`` does to the model and leaves behind.

    Returns:
        ``seen``: how many images went through the model, as a share of all; ``train_forwards``, ``mixed_forwards``,
        ``gradient_forwards`` and ``parameters`` as produced; ``moved_statistics``: 1 if the running statistics of the batch norm moved, else 0;
        ``gradients_off``: 1 if gradients are switched off afterwards; ``frozen``: how many parameters no longer require them.
    """
    return {
        "seen": produced["images"] / len(x),
        **{name: produced[name] for name in ("train_forwards", "mixed_forwards", "gradient_forwards", "parameters")},
        "moved_statistics": (produced["statistics"] != 0).sum(),
        "gradients_off": (~produced["gradients_on"].bool()).long(),
        "frozen": (~produced["trainable"].bool()).sum(),
    }
