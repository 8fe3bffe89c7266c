"""Question 2: the VAE that joins an encoder and a decoder by a draw of z."""

import torch

from autograder.questions.model import Case, Close, Exact, Test
from autograder.questions.side_effects.question import comparisons, gradients_left_off

from ..functions import with_variants
from ..probes import other_reparameterize, parameters_of
from . import counts, probes

# Number of images, their shape, and the width of z.
_SIZES = {
    "four images (1, 2, 3), z of width 3": (4, (1, 2, 3), 3),
    "three images (2, 2, 2), z of width 5": (3, (2, 2, 2), 5),
    "one image (1, 3, 3), z of width 1": (1, (1, 3, 3), 1),
}


def draw(generator):
    """Images in [0, 1], noise, and the parameters of a given encoder and decoder."""

    def inputs(n, image, d):
        x, eps = torch.rand(n, *image, generator=generator), torch.randn(n, d, generator=generator)
        return {"start": torch.randn(parameters_of(d, image), generator=generator), "x": x, "eps": eps}

    return tuple(Case(name, inputs(*sizes)) for name, sizes in _SIZES.items())


def _close(advice, what):
    return Close(1e-4, advice=advice, what=what)


STUBS = ("VAE",)
_FORWARD = {
    "mu": _close("The second result of forward is not the mu of the encoder", "the returned mu"),
    "logvar": _close("The third result of forward is not the logvar of the encoder", "the returned logvar"),
    "logits": _close("The logits of forward are not what the decoder makes of reparameterize(mu, logvar, eps)",
                     "the tensor of logits"),
    "logits_in_eval_mode": _close("Your logits are correct in train mode and wrong in eval mode",
                                  "the tensor of logits in eval mode"),
}  # fmt: skip
_PARTS = {
    "mu": _close("The first result of encode is not the mu of the encoder", "the mu of encode"),
    "logvar": _close("The second result of encode is not the logvar of the encoder", "the logvar of encode"),
    "logits": _close("What decode returns is not what the decoder returns", "the result of decode"),
    "latent": Exact(advice="Keep the attribute latent of the model, the width of z"),
}
_CONDUCT = {
    **comparisons("forward", {"x": "x", "eps": "eps"}),
    **gradients_left_off("forward"),
    "modes_switched": Exact(advice="You switch the mode of the model or of a part in forward; leave it to the caller"),
    "idle_encoder": Exact(advice="No gradient of the logits reaches the encoder: find where you cut the graph"),
    "idle_decoder": Exact(advice="No gradient of the logits reaches the decoder: find where you cut the graph"),
    **{
        f"idle_{name}": Exact(
            advice=f"No gradient of the logits reaches the {name} of the encoder: find where you cut the graph"
        )
        for name in ("mu", "logvar")
    },
    **{
        f"cut_{name}": Exact(
            advice=f"No gradient of the {name} that forward returns reaches the encoder; the KL divergence needs one"
        )
        for name in ("mu", "logvar")
    },
    "moves": Exact(advice="The logits that forward returns do not depend on the images"),
}
TESTS = with_variants(
    (
        Test("forward", "forward encodes, draws z with the given eps and decodes", probes.forward, tuple(_SIZES), _FORWARD),
        Test("conduct", "gradients reach both networks; inputs, modes and global state stay as they are", probes.conduct,
             tuple(_SIZES)[:1], _CONDUCT, count=counts.conduct, needs=("forward", "parts")),
        Test("parts", "encode and decode call the networks", probes.parts, tuple(_SIZES), _PARTS),
    ),
    (
        "forward is correct: it was given another reparameterize in the place of yours.",
        "forward leaves everything as it is: it was given another reparameterize in the place of yours.",
        "",
    ),
    after=("q1a",),
    stand_ins={"reparameterize": other_reparameterize},
)  # fmt: skip
