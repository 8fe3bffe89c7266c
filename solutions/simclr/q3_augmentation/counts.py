"""Marks and counts of what the probes of q3 produced: views of the transform, items, batches."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.views import (
    all_settled,
    as_bytes,
    blurred_part,
    colour_marks,
    colour_reaches,
    coloured_part,
    geometry_marks,
    order_marks,
    told_apart,
)

MARKS = (
    *("different", "coloured_at_zero"),
    *("grey", "mean_area", "smallest_area", "largest_area", "flipped", "upside_down"),
    *("jittered", "brightness", "contrast", "saturation", "hue"),
    *("brightness_reach", "brightness_reach_weak", "contrast_reach", "saturation_reach", "hue_reach"),
    *("blurred", "blurred_on_demand"),
)
SHARES = {  # of the repeats: how many views there are at each look at the marks
    "sharp": (1 / 16, 1 / 8, 1 / 4),
    "soft": (
        1,
        2,
        4,
    ),  # at most four times those of the first look: the engine reads no more than that, see ``counting``
    "colour": (1 / 4, 1 / 2, 1),
    "levels": (1 / 2, 1, 2),
    "weak": (1 / 8, 1 / 4, 1 / 2),
}
LOOKS = 3


def augmentation_statistics(
    produced: Mapping[str, Tensor],
    grey: Tensor,
    mean: Tensor,
    std: Tensor,
    repeats: int,
    settled: Tensor,
    **inputs: Tensor,
) -> dict[str, Tensor]:
    """``black``, ``white`` as produced, and each of ``MARKS``, 0-d, of the views.

    Raises:
        Unreadable: there are fewer views than were asked for.
    """
    seen = {name: produced[name] for name in SHARES}
    if not any(_complete(seen, repeats, look) for look in range(LOOKS)):
        raise Unreadable("the test did not get as many views as it asked your transform for")
    marks = view_marks(seen, grey, mean, std)
    if not (_complete(seen, repeats, LOOKS - 1) or all_settled(marks, settled)):
        raise Unreadable("the test did not get as many views as it asked your transform for")
    return {"black": produced["black"], "white": produced["white"], **{name: m.float() for name, m in marks.items()}}


def _complete(seen: Mapping[str, Tensor], repeats: int, look: int) -> bool:
    return all(seen[name].shape == (int(shares[look] * repeats), 3, 32, 32) for name, shares in SHARES.items())


def view_marks(seen: Mapping[str, Tensor], grey: Tensor, mean: Tensor, std: Tensor) -> dict[str, Tensor]:
    """``MARKS`` in their order, from normalised views of ``ramps`` (sharp, soft), ``stripes`` (colour), ``grey`` (levels,
    weak)."""
    sharp, soft, colour, levels, weak = (as_bytes(seen[name], mean, std) for name in SHARES)
    reaches = colour_reaches(colour)
    marks = {
        "different": torch.tensor(seen["soft"].flatten(1).unique(dim=0).shape[0] / len(soft)),
        "coloured_at_zero": coloured_part(torch.cat([sharp, soft])),
        **geometry_marks(torch.cat([sharp, soft])),
        **colour_marks(colour),
        # A level or one and a half may be lost in rounding, by the grayscale step too.
        "jittered": ((levels - grey).abs().amax((1, 2, 3)) > 1.5).double().mean(),
        "brightness_reach": (levels / grey - 1).abs().max() / (0.8 * 0.5),
        "brightness_reach_weak": (weak / grey - 1).abs().max() / (0.8 * 0.25),
        "contrast_reach": reaches["contrast"] / (0.8 * 0.5),
        "saturation_reach": reaches["saturation"] / (0.8 * 0.5),
        "hue_reach": reaches["hue"] / (0.2 * 0.5),
        "blurred": blurred_part(sharp),
        "blurred_on_demand": blurred_part(soft),
    }
    return {name: marks[name] for name in MARKS}


def view_pairs(produced: Mapping[str, Tensor], images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Images and labels of the items of ``TwoViews``, and the calls of the transform that they show.

    Returns:
        ``length`` and ``labels`` as produced; ``views`` (2n, 2, 3, H, W), without what the transform wrote.
        ``different_in_item``: in how many items the two views come from two calls; ``different_calls``: how many calls
        are seen in all; ``different_draws``: how many views differ in what they drew, from the generator where they are
        fewest.
    """
    views, calls, draws = told_apart(produced["numbered_views"])
    return {
        "length": produced["length"],
        "views": views,
        "labels": produced["labels"],
        "different_in_item": (calls[:, 0] != calls[:, 1]).sum(),
        "different_calls": torch.tensor(calls.unique().numel()),
        "different_draws": _fewest(draws),
    }


def _fewest(draws: Tensor) -> Tensor:
    """How many different numbers draws (…, generators) hold, of the generator where they are fewest."""
    return torch.tensor(min(of_one.unique().numel() for of_one in draws.flatten(0, -2).unbind(1)))


def loader_passes(produced: Mapping[str, Tensor], images: Tensor, labels: Tensor, batch_size: int) -> dict[str, Tensor]:
    """Passes over ``pretrain_loader``, each image named by its byte.

    Returns:
        ``batch_sizes``: (passes, batches), as produced.
        ``first_views``: (passes, n), sorted; ``partners`` and ``labels``, (passes, n), are those found beside them.
        ``displaced``, ``orders``, ``neighbours``, ``mates``: see ``views.order_marks``.
        ``different_calls``, ``different_draws``: how many calls of the transform, and how many draws, are seen in the views
            of all passes, see ``view_pairs``.
    """
    (first, calls_i, draws_i), (second, calls_j, draws_j) = (
        told_apart(produced[name]) for name in ("views_i", "views_j")
    )
    first, second = first[:, :, 0, 0, 0].long(), second[:, :, 0, 0, 0].long()
    order = first.argsort(dim=1)
    return {
        "batch_sizes": produced["batch_sizes"],
        "first_views": first.gather(1, order),
        "partners": second.gather(1, order),
        "labels": produced["labels"].gather(1, order),
        **order_marks(order.argsort(dim=1), produced["batch_sizes"][0]),
        "different_calls": torch.tensor(torch.stack([calls_i, calls_j]).unique().numel()),
        "different_draws": _fewest(torch.stack([draws_i, draws_j])),
    }
