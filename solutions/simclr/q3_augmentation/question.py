"""q3: the augmentations, the two-view data set and its loader, the optimiser with warm-up and cosine."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within, variant
from autograder.questions.views import crafted_images
from . import counts, probes
from .counts import MARKS
from .oracle import MEAN, STD

REPEATS = 160
"""Views of each crafted image, at most.

At this number a correct transform misses one of the bounds below with a chance under 1e-9 (the tests of this question
compute the tails), and the known mistakes miss them.
"""

SETTLED = {
    "different": (0.9, 1.0),
    "coloured_at_zero": (0.0, 0.0),
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
    "contrast_reach": (0.82, 1.3),
    "saturation_reach": (0.72, 1.25),
    "hue_reach": (0.72, 1.25),
    "blurred": (-0.02, 0.02),
    "blurred_on_demand": (0.15, 0.58),
}
"""Where each mark needs no more views: well within its bounds, so that fewer views than ``REPEATS`` are enough.

It decides only how early a transform passes: where a mark lies outside, all views are taken before its bounds decide.
Measured at the first look, 88 of 96 draws of six correct transforms are settled, and none of 16 of any mistake
that shows in a mark.
"""


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Crafted images for the transform, named images for the loader, random gradients for the optimiser."""
    numbered = torch.randperm(256, generator=generator)[:17].sort().values.to(torch.uint8)

    def path(lr: float, weight_decay: float, warmup_steps: int, total_steps: int, steps: int) -> dict:
        return {
            "start": torch.randn(16, generator=generator),
            "gradients": torch.randn(steps, 16, generator=generator),
            "lr": lr * (0.9 + 0.2 * torch.rand((), generator=generator).item()),
            "weight_decay": weight_decay * (0.9 + 0.2 * torch.rand((), generator=generator).item()),
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
                "labels": torch.randint(10, (5,), generator=generator),
            },
        ),
        Case(
            "seventeen images in batches of eight",
            {
                "images": numbered.view(17, 1, 1, 1).expand(17, 3, 4, 4).contiguous(),
                "labels": torch.randint(10, (17,), generator=generator),
                "batch_size": 8,
            },
        ),
        Case("three steps of warm-up, ten in all", path(0.5, 0.1, 3, 10, 10)),
        Case("twenty steps of warm-up, two hundred in all", path(0.06, 0.5, 20, 200, 5)),
        Case("no warm-up, six steps in all", path(0.2, 0.1, 0, 6, 3)),
    )


# Of each mark: bounds, how messages call it, advice. Bytes are rounded in up to five steps, so the range of the jitter
# that is seen is a little more than the one that the question gives.
_STATISTICS = {
    name: Within(low, high, what=what, advice=advice)
    for name, low, high, what, advice in (
        ("different", 0.5, 1, "the share of different views",
         "Your transform gives the same few views again and again: draw anew at each call, and set no seed"),
        ("coloured_at_zero", 0, 0.1, "the share of views with other colours at strength 0",
         "At strength 0 your transform still changes colours: scale all of the jitter with the argument strength"),
        ("grey", 0.06, 0.36, "the share of grey views",
         "The share of grey views is not a fifth: check the grayscale step"),
        ("mean_area", 0.4, 0.71, "the mean area of the crops",
         "Your crops do not have the sizes of a random resized crop from 0.2 to 1 of the area"),
        ("smallest_area", 0.17, 0.32, "the smallest area of the crops",
         "Your smallest crops do not have a fifth of the image's area"),
        ("largest_area", 0.7, 1.03, "the largest area of the crops",
         "None of your crops shows nearly the whole image"),
        ("flipped", 0.27, 0.73, "the share of views flipped left to right",
         "The share of views flipped left to right is not a half"),
        ("upside_down", 0, 0, "the share of views upside down",
         "Some views are upside down: flip left to right only"),
        ("jittered", 0.6, 0.93, "the share of views with colour jitter",
         "The share of views with colour jitter is not about 0.8"),
        ("brightness", 0.3, 0.85, "the share of views with another brightness",
         "Your colour jitter does not change the brightness as often as it should"),
        ("contrast", 0.3, 0.97, "the share of views with another contrast",
         "Your colour jitter does not change the contrast as often as it should"),
        ("saturation", 0.12, 0.85, "the share of views with another saturation",
         "Your colour jitter does not change the saturation as often as it should"),
        ("hue", 0.22, 0.95, "the share of views with another hue",
         "Your colour jitter does not change the hue as often as it should"),
        ("brightness_reach", 0.6, 1.15, "the range of the brightness jitter",
         "The range of your brightness jitter is not 0.8 times the default strength of 0.5"),
        ("brightness_reach_weak", 0.6, 1.3, "the range of the brightness jitter at strength 0.25",
         "The range of your brightness jitter does not follow the argument strength"),
        ("contrast_reach", 0.78, 1.4, "the range of the contrast jitter",
         "The range of your contrast jitter is not 0.8 times the default strength of 0.5"),
        ("saturation_reach", 0.68, 1.4, "the range of the saturation jitter",
         "The range of your saturation jitter is not 0.8 times the default strength of 0.5"),
        ("hue_reach", 0.66, 1.4, "the range of the hue jitter",
         "The range of your hue jitter is not 0.2 times the default strength of 0.5"),
        ("blurred", -0.04, 0.04, "the share of blurred views",
         "Your transform blurs views although blur is False"),
        ("blurred_on_demand", 0.04, 0.69, "the share of blurred views",
         "With blur=True about half of the views should be blurred"),
    )
}  # fmt: skip

_LOADER_OUTPUTS = {
    "batch_sizes": Exact(
        advice="Your batches are not of size batch_size with a smaller one at the end", what="the list of batch sizes"
    ),
    "first_views": Exact(
        advice="A pass does not hold every image exactly once", what="the list of the images of a pass"
    ),
    "partners": Exact(
        advice="The two views in a row of a batch show different images", what="the list of the second views of a pass"
    ),
    "labels": Exact(
        advice="The labels of a batch do not belong to its images", what="the list of the labels of a pass"
    ),
    "displaced": Within(
        0.3, 1.1, advice="A pass goes through the images in their stored order: shuffle them",
        what="the share of images in a new place",
    ),
    "orders": Exact(advice="Some passes go through the images in the same order: shuffle anew for each pass"),
    "neighbours": Within(-0.1, 0.5, advice="Images that are stored one after the other stay so: shuffle all images"),
    "mates": Within(-0.1, 0.7, advice="Images that are stored in one batch stay in one batch: shuffle all images"),
    "different_calls": Exact(advice="Some views of a batch come from one call of the transform: draw each view on its own"),
    "different_draws": Exact(advice="Views share their random numbers: do not seed, and do not put a random state back"),
}  # fmt: skip
_AT_WORK = ("transform", "optimizer")  # items and batches of given images can be made up
_LOADER = Test(
    id="loader",
    title="pretrain_loader gives every image once per pass, in a new order, with both views",
    probe=probes.loader_passes,
    count=counts.loader_passes,
    needs=_AT_WORK,
    cases=("seventeen images in batches of eight",),
    outputs=_LOADER_OUTPUTS,
)
STUBS = ("simclr_transform", "TwoViews", "pretrain_loader", "make_optimizer")
TESTS = (
    Test(
        id="transform",
        title="simclr_transform has all its parts, with their probabilities",
        probe=probes.augmentation_statistics,
        count=counts.augmentation_statistics,
        cases=("crafted images",),
        outputs={
            "black": Close(
                1e-3, advice="A black image does not become (0 - MEAN) / STD", what="the view of a black image"
            ),
            "white": Close(
                5e-2,
                advice="A white image does not become (1 - MEAN) / STD: check the scale of the bytes",
                what="the view of a white image",
            ),
            **_STATISTICS,
        },
        seconds=60,
    ),
    Test(
        id="views",
        title="TwoViews gives two draws of the same image, and its label",
        probe=probes.view_pairs,
        count=counts.view_pairs,
        needs=_AT_WORK,
        cases=("five images of 6 x 4",),
        outputs={
            "length": Exact(advice="The length of your TwoViews is not the number of images"),
            "views": Exact(
                "float32",
                advice="The views of an item are not views of its image",
                what="the stack of all views",
            ),
            "labels": Exact(advice="The label of an item is not the given one"),
            "different_in_item": Exact(advice="The two views of an item come from the same draw"),
            "different_calls": Exact(advice="You do not draw new views when an item is fetched again"),
            "different_draws": Exact(
                advice="Views share their random numbers: do not seed, and do not put a random state back"
            ),
        },
    ),
    _LOADER,
    variant(
        _LOADER,
        "loader_given",
        "Your TwoViews is wrong, but your loader is correct with another data set in its place.",
        after=("views",),
        stand_ins={"TwoViews": probes.OtherViews},
    ),
    Test(
        id="optimizer",
        title="make_optimizer gives SGD with momentum over all parameters, warm-up and cosine per step",
        probe=probes.optimizer_path,
        cases=(
            "three steps of warm-up, ten in all",
            "twenty steps of warm-up, two hundred in all",
            "no warm-up, six steps in all",
        ),
        outputs={
            "learning_rates": Close(
                1e-4,
                advice="Your learning rates are not those of the formula: write out the first few by hand",
                what="the list of learning rates",
            ),
            "parameters": Close(
                1e-4,
                advice="Your learning rates are correct, but the parameters are not: check momentum, weight decay and "
                "the parameters that you give the optimiser",
                what="the list of parameters after each step",
            ),
        },
    ),
)
