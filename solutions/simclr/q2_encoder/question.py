"""q2: the CIFAR ResNet-18 encoder and the projection head."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within, variant
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


_IN_EVAL_MODE = {
    "h": Close(
        H_RTOL,
        advice="Your h has the correct shape but not the values of a ResNet-18 with the CIFAR stem: compare the first "
        "convolution, the pooling and the depth of your encoder with the question",
        what="the returned h",
    ),
    "h_of_one_image": Close(
        H_RTOL,
        advice="The h of an image alone is not its h in a larger batch",
        what="the h of a batch of one image",
    ),
}
_IN_TRAIN_MODE = {
    "h_in_train_mode": Close(
        H_RTOL,
        advice="Your h is correct in eval mode and wrong in train mode: check what your model does with the mode",
        what="the h in train mode",
    ),
}
_Z = {
    "z": Close(
        Z_RTOL,
        advice="Your z is not the projection of h: the head has two linear layers, the hidden one as wide as h, and one "
        "non-linearity",
        what="the returned z",
    ),
    "z_in_train_mode": Close(
        Z_RTOL,
        advice="Your z is correct in eval mode and wrong in train mode: the head has no dropout and no batch norm",
        what="the z in train mode",
    ),
}
_ENCODER = Test(
    id="encoder",
    title="The features h are those of a ResNet-18 with the CIFAR stem",
    probe=probes.simclr_features,
    cases=("two images",),
    outputs=_IN_EVAL_MODE | _IN_TRAIN_MODE,
    seconds=30,
)
_PROJECTION = Test(
    id="projection",
    title="The projection z is the two-layer head applied to h",
    probe=probes.simclr_projection,
    cases=("projection to 128", "projection to 32, a single image"),
    outputs={
        **_Z,
        "head_input_difference": _none(
            "the difference between h and the input of the head",
            "You give the head something else than the h that forward returns",
        ),
    },
    seconds=30,
)

STUBS = ("SimCLR",)
TESTS = (
    _ENCODER,
    *(
        variant(
            _ENCODER,
            f"encoder_in_{here}_mode",
            f"Your h is correct in {here} mode; what your model does in {there} mode costs points in another test only.",
            after=("modes",),
            outputs=outputs,
        )
        for here, there, outputs in (("eval", "train", _IN_EVAL_MODE), ("train", "eval", _IN_TRAIN_MODE))
    ),
    _PROJECTION,
    variant(
        _PROJECTION,
        "projection_of_features",
        "Your h is wrong, but your head is correct with other features in its place.",
        after=("encoder",),
        outputs=_Z,
    ),
    Test(
        id="modes",
        title="Train mode, eval mode, and the gradient through both parts",
        probe=probes.simclr_modes,
        count=counts.simclr_modes,
        needs=("encoder", "projection"),
        cases=("both modes",),
        outputs={
            "unregistered": Exact(
                advice="The parameters of your model do not include all that it computes with: a plain list or dict hides "
                "layers from an optimiser"
            ),
            "frozen": Exact(advice="Some parameters of your model do not require gradients: freeze nothing"),
            "flat_weights": Exact(
                advice="Some weights of your model start with equal numbers, so it cannot learn: leave the initialisation to "
                "the layers"
            ),
            "start_difference": Within(
                1e-5, 1e6, advice="Before any training your z is the same for all images: look at the initialisation",
                what="the difference of z between two images",
            ),
            "repeated_layers": Exact(
                advice="One call of forward goes through some layers several times: compute h once, and z from this h"
            ),
            "repeat_difference": _none(
                "the difference of h between two calls in eval mode",
                "Two calls in eval mode on the same images give different h",
            ),
            "norms_without_statistics": Exact(
                advice="Some batch norms have no running statistics, so eval mode uses those of the batch"
            ),
            "moved_in_eval": Exact(
                advice="A call in eval mode moves the running statistics of batch norms: leave the mode to the caller of "
                "forward"
            ),
            "idle_statistics": Exact(
                advice="A call in train mode does not update the running statistics of all batch norms: leave the mode to the "
                "caller of forward"
            ),
            "idle_parameters": Exact(
                advice="Some parameters that z is computed from get no gradient: find where your code cuts the graph"
            ),
            "h_without_graph": Exact(advice="The h that you return carries no gradient, so fine-tuning cannot train with it"),
        },
        seconds=30,
    ),
)  # fmt: skip
