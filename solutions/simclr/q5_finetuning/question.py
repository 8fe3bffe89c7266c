"""q5: fine-tuning the encoder with labels, and evaluating it."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within, variant
from autograder.questions.training.question import OPTIMIZER_STEPS, PARAMETERS, SCHEDULER_STEPS, side_effects_test

from ..q3_augmentation.oracle import MEAN, STD
from . import counts, probes

WEIGHTS = 194  # parameters of ``probes.given_classifier``
REPEATS = 200
"""Views of the training transform: a correct one misses a bound with a chance below 1e-9, see this question's tests."""
_SIZES = "do not have the given batch size; keep the last, smaller one"
_TOP_1 = "The second number that you return is not the share of images whose label has the largest logit"


def ramps() -> torch.Tensor:
    """Red rises by 7 a column, blue by 7 a row."""
    k = 4 + 7 * torch.arange(32)
    return torch.stack([k.expand(32, 32), torch.full((32, 32), 128), k.unsqueeze(1).expand(32, 32)]).to(torch.uint8)


def graded_images(n: int) -> torch.Tensor:
    """``n`` images, (n, 3, 32, 32) uint8: green rises by 12 from one to the next, red and blue are those of ``ramps``."""
    images = ramps().repeat(n, 1, 1, 1)
    images[:, 1] = 12 * torch.arange(n).view(n, 1, 1)
    return images


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Crafted images for transforms and loaders; random images and labels for the small given models."""
    plain = torch.tensor([0, 255]).view(2, 1, 1, 1).expand(2, 3, 32, 32).to(torch.uint8)

    def images(n: int, side: int = 2) -> torch.Tensor:
        return torch.randn(n, 3, side, side, generator=generator)

    def labelled(n: int, batch_size: int) -> dict:
        labels = torch.randint(10, (n,), generator=generator)
        start = torch.randn(WEIGHTS, generator=generator)
        return {"x": images(n), "y": labels, "start": start, "batch_size": batch_size}

    def rising(n: int) -> torch.Tensor:
        return torch.randint(1, 4, (n,), generator=generator).cumsum(0)

    return (
        Case(
            "crafted images",
            {
                "plain": plain,
                "ramps": ramps(),
                "mean": torch.tensor(MEAN),
                "std": torch.tensor(STD),
                "repeats": REPEATS,
            },
        ),
        Case(
            "nineteen train and eleven test images",
            {
                "train_images": graded_images(19),
                "train_labels": rising(19),
                "test_images": graded_images(11).flip(0).contiguous(),
                "test_labels": rising(11).flip(0),
                "batch_size": 8,
            },
        ),
        Case("three images, ten classes", {"x": images(3, 4), "num_classes": 10}),
        Case("one image, seven classes", {"x": images(1, 4), "num_classes": 7}),
        Case("four batches", {**labelled(60, 16), "lr": 0.3, "factors": torch.tensor([1.0, 0.3, 2.0, 0.5, 1.5])}),
        Case("two batches", {**labelled(9, 5), "lr": 0.3, "factors": torch.tensor([0.2, 1.0, 0.4])}),
        Case("eight batches", labelled(16, 2)),
        Case("thirty images in batches of eight", labelled(30, 8)),
        Case("seventeen images in batches of sixteen", labelled(17, 16)),
    )


_LOADERS_OUTPUTS = {
    "image_shape": Exact(
        advice="Your training loader does not yield images of shape (3, 32, 32)", what="the shape of a training image"
    ),
    "train_batch_sizes": Exact(advice=f"Your training batches {_SIZES}", what="the list of training batch sizes"),
    "test_batch_sizes": Exact(advice=f"Your test batches {_SIZES}", what="the list of test batch sizes"),
    "train_labels": Exact(
        advice="A pass over your training loader does not hold every image exactly once",
        what="the tensor of training labels",
    ),
    "test_labels": Exact(
        advice="Your test loader does not yield the test labels in their stored order", what="the tensor of test labels"
    ),
    "train_ranks": Exact(
        advice="The labels of your training loader do not belong to its images", what="the list of training images"
    ),
    "test_ranks": Exact(
        advice="The labels of your test loader do not belong to its images", what="the list of test images"
    ),
    "displaced": Within(0.3, 1.1, advice="Your training loader keeps the stored order: shuffle it"),
    "orders": Exact(advice="Some passes over your training loader have the same order: shuffle anew for each pass"),
    "neighbours": Within(-0.1, 0.5, advice="Images that are stored one after the other stay so: shuffle all images"),
    "mates": Within(-0.1, 0.7, advice="Images that are stored in one batch stay in one batch: shuffle all images"),
    "augmented": Within(0.5, 1.1, advice="Your training loader yields the images as they are: apply the training transform"),
    "train_change": Within(
        1e-3, 1e4, advice="Your training loader yields the same images in every pass: augment them when they are fetched"
    ),
    "test_change": Within(-1e-6, 1e-6, advice="Your test loader yields other images in a second pass"),
    # Of 19 images and 162 augmentations: 18 on average.
    "draws": Within(10, 19, dtype="int64", advice="Several training images share one draw of the transform: give it one image "
                    "at a time"),
}  # fmt: skip
_AT_WORK = ("classifier", "finetune", "evaluate")  # shifted images and their batches can be made up
_LOADERS = Test(
    id="loaders",
    title="training images shuffled and augmented, test images in order, nothing dropped",
    probe=probes.finetune_loader_passes,
    count=counts.finetune_loader_passes,
    needs=_AT_WORK,
    cases=("nineteen train and eleven test images",),
    outputs=_LOADERS_OUTPUTS,
    seconds=30,
)
STUBS = ("finetune_transforms", "finetune_loaders", "Classifier", "finetune_one_epoch", "evaluate")
TESTS = (
    Test(
        id="transforms",
        title="training images shifted and flipped, test images only normalised",
        probe=probes.finetune_statistics,
        count=counts.finetune_statistics,
        needs=_AT_WORK,
        kept=("mean", "std"),
        cases=("crafted images",),
        outputs={
            "test_views": Close(
                1e-3,
                advice="Your test transform does more or less than (bytes / 255 - MEAN) / STD",
                what="a test image",
            ),
            "train_black": Close(
                1e-3,
                advice="Your training transform does not turn black into (0 - MEAN) / STD",
                what="a training image",
            ),
            "train_white": Close(
                1e-3,
                advice="Your training transform does not turn white into (1 - MEAN) / STD",
                what="a training image",
            ),
            "different": Within(
                2, 1e4, advice="Your training transform gives the same view again and again: draw anew at each call"
            ),
            "recoloured": Within(-1, 1, advice="Your training transform changes colours; only crop and flip"),
            "resized": Within(
                -0.02, 0.02, advice="Your training transform changes the scale of the image or rotates it"
            ),
            "left": Within(-4.05, -3.95, advice="Shift training images by up to 4 pixels to either side"),
            "right": Within(3.95, 4.05, advice="Shift training images by up to 4 pixels to either side"),
            "up": Within(-4.05, -3.95, advice="Shift training images by up to 4 pixels up and down"),
            "down": Within(3.95, 4.05, advice="Shift training images by up to 4 pixels up and down"),
            # Of 81: 74 on average, 63 or more with a chance of 1 - 1e-9.
            "places": Within(
                60,
                81,
                advice="Your training transform shows few of the 9 × 9 places that a crop can take: draw both shifts "
                "anew for each image",
            ),
            "flipped": Within(0.28, 0.72, advice="Flip training images left to right with probability 0.5"),
            "upside_down": Within(0, 0, advice="Your training transform turns some images upside down"),
            "padding": Within(
                -0.1, 2, advice="Pad training images with zeros, not with parts of the image or a colour"
            ),
        },
        seconds=30,
    ),
    _LOADERS,
    variant(
        _LOADERS,
        "loaders_given",
        "Your finetune_transforms is wrong, but your loaders are correct with another one in its place.",
        after=("transforms",),
        stand_ins={"finetune_transforms": probes.other_transforms},
    ),
    Test(
        id="classifier",
        title="one linear layer on h, with a gradient into the encoder",
        probe=probes.classifier_logits,
        cases=("three images, ten classes", "one image, seven classes"),
        outputs={
            "unregistered": Exact(
                advice="The parameters of your classifier do not include all that it computes with: a plain list or dict "
                "hides layers from an optimiser"
            ),
            "encoder_weights": Close(
                1e-4,
                advice="Your classifier does not compute h with the weights of the given encoder: keep what was pre-trained",
                what="the weights of the encoder",
            ),
            "logits_in_eval_mode": Close(
                1e-4, advice="Your logits are not a linear layer of h", what="the tensor of logits"
            ),
            "logits": Close(
                1e-4,
                advice="Your logits are correct in eval mode and wrong in train mode: use h as it is, and leave the mode of "
                "each part to the caller",
                what="the tensor of logits in train mode",
            ),
            "encoder_gradients": Close(
                1e-4,
                advice="The gradient of your logits does not reach all parameters of the encoder as it should",
                what="the gradient to the encoder",
            ),
        },
    ),
    Test(
        id="finetune",
        title="one epoch of fine-tuning updates the parameters once per batch",
        probe=probes.finetune_epoch,
        cases=("four batches", "two batches"),
        outputs={
            "optimizer_steps": OPTIMIZER_STEPS,
            "scheduler_steps": SCHEDULER_STEPS,
            "parameters": PARAMETERS,
        },
    ),
    Test(
        id="finetune_means",
        title="one epoch of fine-tuning returns mean loss and top-1 of any iterable of batches",
        probe=probes.finetune_means,
        count=counts.finetune_means,
        cases=("four batches", "two batches"),
        outputs={
            "mean_loss": Close(
                1e-3,
                advice="The first number that you return is not the mean cross-entropy per image, as seen in training",
                what="the mean loss",
            ),
            "top_1": Close(1e-3, advice=_TOP_1, what="the top-1 accuracy"),
            "loss_beside_training": Within(
                -1e-3, 1e-3, advice="The loss that you return is not that of the batches before their steps"
            ),
            "top_1_beside_training": Within(
                -1e-3, 1e-3, advice="The accuracy that you return is not that of the logits that you train with"
            ),
        },
    ),
    side_effects_test(
        probes.finetune_side_effects,
        counts.finetune_side_effects,
        ("eight batches",),
        id="finetune_mode",
        needs=("finetune", "finetune_means"),
        random_state=False,
    ),
    Test(
        id="evaluate",
        title="mean loss, top-1 and top-5",
        probe=probes.evaluation,
        cases=("thirty images in batches of eight", "seventeen images in batches of sixteen"),
        outputs={
            "mean_loss": Close(
                1e-4,
                advice="The first number that you return is not the mean cross-entropy per image",
                what="the mean loss",
            ),
            "top_1": Close(1e-4, advice=_TOP_1, what="the top-1 accuracy"),
            "top_5": Close(
                1e-4,
                advice="The third number that you return is not the share of images whose label has one of the five largest logits",
                what="the top-5 accuracy",
            ),
        },
    ),
    Test(
        id="evaluate_mode",
        title="evaluation in eval mode, without gradients",
        probe=probes.evaluation_side_effects,
        count=counts.evaluation_side_effects,
        needs=("evaluate", "finetune", "finetune_means", "classifier"),
        cases=("thirty images in batches of eight",),
        outputs={
            "seen": Within(
                0.5, 50, advice="Only a few of the images of the loader, or none, go through the given model"
            ),
            "train_forwards": Exact(advice="The model is not in eval mode while you evaluate it"),
            "mixed_forwards": Exact(advice="A part of the model is not in eval mode while you evaluate it"),
            "gradient_forwards": Exact(advice="Your evaluation records gradients"),
            "parameters": Exact(
                "float32", "Your evaluation changes the parameters of the model", "the vector of parameters"
            ),
            "moved_statistics": Exact(advice="Your evaluation moves the running statistics of the batch norm"),
            "gradients_off": Exact(advice="Gradients are still switched off when your evaluation has returned"),
            "frozen": Exact(advice="When your evaluation has returned, some parameters no longer require gradients"),
        },
    ),
)
