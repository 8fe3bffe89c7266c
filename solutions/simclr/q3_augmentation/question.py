"""q3: the augmentations, the two-view data set and its loader, the optimiser with warm-up and cosine."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within
from . import probes
from .oracle import MEAN, STD
from .probes import MARKS

REPEATS = 160
"""Views of each crafted image, at most.

At this number a right transform misses none of the bounds below but for a chance under 1e-9 (the tests of this question
compute the tails), and the mistakes of the catalogue break them.
"""

SETTLED = {
    "grey": (0.1, 0.31),
    "mean_area": (0.46, 0.65),
    "smallest_area": (0.18, 0.3),
    "largest_area": (0.75, 1.03),
    "flipped": (0.35, 0.65),
    "upside_down": (0.0, 0.0),
    "jittered": (0.66, 0.9),
    "brightness": (0.4, 0.78),
    "contrast": (0.4, 0.93),
    "saturation": (0.25, 0.75),
    "hue": (0.36, 0.85),
    "brightness_reach": (0.7, 1.06),
    "brightness_reach_weak": (0.6, 1.15),
    "blurred": (-0.02, 0.02),
    "blurred_on_demand": (0.06, 0.42),
}
"""Where each mark needs no more views: well within its bounds, so that fewer views than ``REPEATS`` are enough.

Only passing gets easier to reach by it: a mark outside has all views to it before its bounds decide. Measured on a
quarter of the views, 90 of 96 draws of six right transforms are settled, and none of 16 of any mistake that shows in a mark.
"""


def crafted_images() -> dict[str, torch.Tensor]:
    """The images that ``augmentation_statistics`` describes."""
    k = torch.arange(32)
    columns, rows = k.expand(32, 32), k.unsqueeze(1).expand(32, 32)
    colours = torch.tensor([[50, 50, 50], [110, 110, 110], [100, 60, 70]])
    return {
        "plain": torch.tensor([0, 255]).view(2, 1, 1, 1).expand(2, 3, 40, 28).to(torch.uint8),
        "ramps": torch.stack([40 + 4 * columns, 60 + 120 * (columns // 4 % 2), 40 + 4 * rows]).to(torch.uint8),
        "stripes": colours[columns // 3 % 3].permute(2, 0, 1).to(torch.uint8),
        "grey": torch.full((3, 32, 32), 128, dtype=torch.uint8),
    }


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Crafted images for the transform, named images for the loader, random gradients for the optimiser."""
    numbered = (10 * torch.arange(19) + 3).to(torch.uint8)

    def path(lr: float, weight_decay: float, warmup_steps: int, total_steps: int) -> dict:
        return {
            "start": torch.randn(16, generator=generator),
            "gradients": torch.randn(total_steps, 16, generator=generator),
            "lr": lr,
            "weight_decay": weight_decay,
            "warmup_steps": warmup_steps,
            "total_steps": total_steps,
        }

    statistics = {
        "mean": torch.tensor(MEAN),
        "std": torch.tensor(STD),
        "repeats": REPEATS,
        "settled": torch.tensor([SETTLED[mark] for mark in MARKS]),
    }
    return (
        Case("crafted images", {**crafted_images(), **statistics}),
        Case(
            "five images of 6 x 4",
            {
                "images": torch.randint(256, (5, 3, 6, 4), generator=generator).to(torch.uint8),
                "labels": torch.tensor([7, 0, 3, 3, 9]),
            },
        ),
        Case(
            "nineteen images in batches of eight",
            {
                "images": numbered.view(19, 1, 1, 1).expand(19, 3, 4, 4).contiguous(),
                "labels": (3 * torch.arange(19) + 1) % 10,
                "batch_size": 8,
            },
        ),
        Case("three steps of warm-up, ten in all", path(0.5, 0.1, 3, 10)),
        Case("two steps of warm-up, seven in all", path(0.06, 0.5, 2, 7)),
    )


_STATISTICS = {
    "grey": Within(0.06, 0.36, advice="Not a fifth of the views is turned to grey levels"),
    "mean_area": Within(
        0.4, 0.71, advice="The crops do not have the sizes of a random resized crop from 0.2 to 1 of the area"
    ),
    "smallest_area": Within(0.17, 0.32, advice="The smallest crops do not have a fifth of the image's area"),
    "largest_area": Within(0.7, 1.03, advice="No crop shows nearly the whole image"),
    "flipped": Within(0.27, 0.73, advice="Not half of the views is flipped left to right"),
    "upside_down": Within(0, 0, advice="Some views are upside down: the statement flips left to right only"),
    "jittered": Within(0.6, 0.93, advice="The colour jitter is not applied to about 0.8 of the views"),
    "brightness": Within(0.3, 0.85, advice="The colour jitter does not change the brightness as often as it should"),
    "contrast": Within(0.3, 0.97, advice="The colour jitter does not change the contrast as often as it should"),
    "saturation": Within(0.12, 0.85, advice="The colour jitter does not change the saturation as often as it should"),
    "hue": Within(0.22, 0.95, advice="The colour jitter does not change the hue as often as it should"),
    # Bytes are rounded in up to five steps, so the reach seen is a little more than the reach asked for.
    "brightness_reach": Within(
        0.6, 1.15, advice="The range of the brightness jitter is not 0.8 times the default strength of 0.5"
    ),
    "brightness_reach_weak": Within(0.6, 1.3, advice="The range of the brightness jitter does not follow strength"),
    "blurred": Within(-0.04, 0.04, advice="Views are blurred although blur is False"),
    "blurred_on_demand": Within(0.02, 0.5, advice="With blur=True about half of the views should be blurred"),
}

STUBS = ("simclr_transform", "TwoViews", "pretrain_loader", "make_optimizer")
TESTS = (
    Test(
        id="transform",
        title="simclr_transform has all its parts, with their probabilities",
        probe=probes.augmentation_statistics,
        cases=("crafted images",),
        outputs={
            "black": Close(1e-3, advice="A black image does not become (0 - MEAN) / STD"),
            "white": Close(
                5e-2, advice="A white image does not become (1 - MEAN) / STD: look at the scale of the bytes"
            ),
            **_STATISTICS,
        },
        seconds=60,
    ),
    Test(
        id="views",
        title="TwoViews gives two draws of the same image, and its label",
        probe=probes.view_pairs,
        cases=("five images of 6 x 4",),
        outputs={
            "length": Exact(advice="The length of TwoViews is not the number of images"),
            "views": Exact("float32", "The views of an item are not views of its image"),
            "labels": Exact(advice="The label of an item is not the given one"),
            "different_in_item": Exact(advice="The two views of an item come from one and the same draw"),
            "different_calls": Exact(advice="Fetching an item again does not give new views"),
        },
    ),
    Test(
        id="loader",
        title="pretrain_loader: every image once per pass, in a new order, with both views",
        probe=probes.loader_passes,
        cases=("nineteen images in batches of eight",),
        outputs={
            "batch_sizes": Exact(advice="The batches do not have the asked sizes; the last, smaller one is kept"),
            "first_views": Exact(advice="A pass does not hold every image exactly once"),
            "partners": Exact(advice="The two views in a row of a batch show different images"),
            "labels": Exact(advice="The labels of a batch do not belong to its images"),
            "displaced": Within(0.3, 1.1, advice="A pass goes through the images in their stored order: shuffle them"),
            "reshuffled": Within(0.3, 1.1, advice="Two passes go through the images in the same order"),
        },
    ),
    Test(
        id="optimizer",
        title="momentum SGD over all parameters, warm-up and cosine per step",
        probe=probes.optimizer_path,
        cases=("three steps of warm-up, ten in all", "two steps of warm-up, seven in all"),
        outputs={
            "learning_rates": Close(
                1e-4,
                advice="The learning rates of the steps are not those of the formula: write out the first few by hand",
            ),
            "parameters": Close(
                1e-4,
                advice="The learning rates are right, the parameters are not: look at momentum, weight decay "
                "and at which "
                "parameters the optimiser was given",
            ),
        },
    ),
)
