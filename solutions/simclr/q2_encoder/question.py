"""q2: the CIFAR ResNet-18 encoder and the projection head."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within
from . import counts, probes

# Widest measured differences of correct solutions, relative to the largest entry: h 3e-6 with batch statistics (which
# amplify rounding), z 4e-7. The mildest mistake changes h by 0.5 (no padding) and z by 0.06 (no biases).
H_RTOL = 1e-3
Z_RTOL = 1e-3


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Images as the normalisation leaves them: mean 0, deviation about 1."""

    def images(n: int) -> torch.Tensor:
        return torch.randn(n, 3, 32, 32, generator=generator)

    def features(n: int) -> torch.Tensor:
        return torch.rand(n, 512, generator=generator) * 2  # what average pooling after a ReLU gives: nothing negative

    return (
        Case("two images", {"x": images(2)}),
        Case("projection to 128", {"x": images(2), "features": features(2), "projection_dim": 128}),
        Case("projection to 32, a single image", {"x": images(1), "features": features(1), "projection_dim": 32}),
        # Compared with itself, so the same in every draw.
        Case("both modes", {"x": torch.linspace(-2, 2, 2 * 3 * 32 * 32).sin().mul(1.4).view(2, 3, 32, 32)}),
    )


def _none(difference: str, advice: str) -> Within:
    """A relative difference that rounding alone makes: no more than 1e-3."""
    return Within(-1e-3, 1e-3, what=difference, advice=advice)


STUBS = ("SimCLR",)
TESTS = (
    Test(
        id="encoder",
        title="The features h are those of a ResNet-18 with the CIFAR stem",
        probe=probes.simclr_features,
        cases=("two images",),
        outputs={
            "h": Close(
                H_RTOL,
                advice="Your h has the correct shape but not the values of a ResNet-18 with the CIFAR stem: compare "
                "the first convolution, the pooling and the depth of your encoder with the question",
                what="the returned h",
            ),
            "h_of_one_image": Close(
                H_RTOL,
                advice="The h of an image alone is not its h in a larger batch",
                what="the h of a batch of one image",
            ),
            "h_in_train_mode": Close(
                H_RTOL,
                advice="Your h is correct in eval mode and wrong in train mode: check what your model does with the mode",
                what="the h in train mode",
            ),
        },
        seconds=30,
    ),
    Test(
        id="projection",
        title="The projection z is the two-layer head applied to h",
        probe=probes.simclr_projection,
        cases=("projection to 128", "projection to 32, a single image"),
        outputs={
            "z": Close(
                Z_RTOL,
                advice="Your z is not the projection of h: the head has two linear layers, the hidden one as wide as h, "
                "and one non-linearity",
                what="the returned z",
            ),
            "head_input_difference": _none(
                "the difference between h and the input of the head",
                "You give the head something else than the h that forward returns",
            ),
        },
        seconds=30,
    ),
    Test(
        id="modes",
        title="Train mode, eval mode, and the gradient through both parts",
        probe=probes.simclr_modes,
        count=counts.simclr_modes,
        needs=("encoder", "projection"),
        cases=("both modes",),
        outputs={
            "repeat_difference": _none(
                "the difference of h between two calls in eval mode",
                "Two calls in eval mode on the same images give different h",
            ),
            "eval_difference": _none(
                "the difference of h between two batches in eval mode",
                "In eval mode the h of an image depends on the other images of the batch",
            ),
            "train_difference": Within(
                1e-2,
                100,
                advice="In train mode h does not use the statistics of the batch: leave the mode to the caller of "
                "forward",
                what="the difference of h between two batches in train mode",
            ),
            "idle_statistics": Exact(
                advice="A call in train mode does not update the running statistics of all batch norms"
            ),
            "idle_parameters": Exact(
                advice="Some parameters that z is computed from get no gradient: find where your code cuts the graph"
            ),
        },
        seconds=30,
    ),
)
