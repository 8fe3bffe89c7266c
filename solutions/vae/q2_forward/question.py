"""Question 2: the VAE that joins an encoder and a decoder by a draw of z."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons

from ..probes import other_reparameterize, parameters_of
from . import counts, probes

# Number of images, their shape, and the width of z.
_SIZES = {
    "four images (1, 2, 3), z of width 3": (4, (1, 2, 3), 3),
    "three images (2, 2, 2), z of width 5": (3, (2, 2, 2), 5),
    "one image (1, 3, 3), z of width 1": (1, (1, 3, 3), 1),
}
_CONDUCT = "three images (1, 3, 2), z of width 4"


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Images in [0, 1], noise, and the parameters of a given encoder and decoder."""

    def case(name: str, n: int, image: tuple[int, ...], d: int) -> Case:
        start = torch.randn(parameters_of(d, image), generator=generator)
        x, eps = torch.rand(n, *image, generator=generator), torch.randn(n, d, generator=generator)
        return Case(name, {"start": start, "x": x, "eps": eps})

    return (*(case(name, *sizes) for name, sizes in _SIZES.items()), case(_CONDUCT, 3, (1, 3, 2), 4))


STUBS = ("VAE",)
_FORWARD = Test(
    "forward",
    "forward encodes, draws z with the given eps and decodes",
    probes.forward,
    tuple(_SIZES),
    {
        "mu": Close(1e-4, advice="The second result of forward is not the mu of the encoder", what="the returned mu"),
        "logvar": Close(1e-4, advice="The third result of forward is not the logvar of the encoder", what="the returned logvar"),
        "logits": Close(
            1e-4,
            advice="The logits of forward are not what the decoder makes of reparameterize(mu, logvar, eps)",
            what="the tensor of logits",
        ),
        "logits_in_eval_mode": Close(
            1e-4, advice="Your logits are correct in train mode and wrong in eval mode", what="the tensor of logits in eval mode"
        ),
    },
)  # fmt: skip
_CONDUCT_TEST = Test(
    "conduct",
    "gradients reach both networks; inputs, modes and global state stay as they are",
    probes.conduct,
    (_CONDUCT,),
    {
        **comparisons("forward", {"x": "x", "eps": "eps"}),
        "modes_switched": Exact(
            advice="You switch the mode of the model or of a part in forward; leave it to the caller"
        ),
        "idle_encoder": Exact(advice="No gradient of the logits reaches the encoder: find where you cut the graph"),
        "idle_decoder": Exact(advice="No gradient of the logits reaches the decoder: find where you cut the graph"),
        "moves": Exact(advice="The logits that forward returns do not depend on the images"),
    },
    count=counts.conduct,
    needs=("forward", "parts"),
)
_GIVEN = {"after": ("q1a",), "stand_ins": {"reparameterize": other_reparameterize}}
TESTS = (
    _FORWARD,
    variant(_FORWARD, "forward_given", "forward is correct: it was given another reparameterize in the place of yours.", **_GIVEN),
    Test(
        "parts",
        "encode and decode call the networks",
        probes.parts,
        tuple(_SIZES),
        {
            "mu": Close(1e-4, advice="The first result of encode is not the mu of the encoder", what="the mu of encode"),
            "logvar": Close(1e-4, advice="The second result of encode is not the logvar of the encoder",
                            what="the logvar of encode"),
            "logits": Close(1e-4, advice="What decode returns is not what the decoder returns", what="the result of decode"),
        },
    ),
    _CONDUCT_TEST,
    variant(
        _CONDUCT_TEST,
        "conduct_given",
        "forward leaves everything as it is: it was given another reparameterize in the place of yours.",
        **_GIVEN,
    ),
)  # fmt: skip
