"""Question 5: the network and the loss of four variants."""

import torch

from autograder.questions.losses.question import with_variants
from autograder.questions.model import Case, Close, Exact, Test, variant

from ..losses import pair_of_rows
from ..probes import ARGUMENTS, OTHER_LOSSES, OtherSimSiam
from ..q2_network.probes import RESULTS
from . import probes

_VIEWS, _ROWS, _NAMES = "four images, width 6, bottleneck 3", "rows 5 × 3", "names of no variant"


def draw(generator):
    """Two views; predictions and projections of two views."""
    x1, x2 = torch.randn(2, 4, 3, 2, 2, generator=generator)
    rows = (*pair_of_rows(generator, 5, 3), *pair_of_rows(generator, 5, 3))
    return (
        Case(_VIEWS, {"x1": x1, "x2": x2, "width": 6, "bottleneck": 3}),
        Case(_ROWS, dict(zip(ARGUMENTS["simsiam_loss"], rows))),
        Case(_NAMES, {"unknown": len(probes.UNKNOWN)}),
    )


def _of_all(names, compared):
    return {
        f"{name}_{number}": compared(name, f'of "{one}"') for number, one in enumerate(probes.NAMES) for name in names
    }


def _loss(name, of):
    number = probes.NAMES.index(of.split('"')[1])
    if name in ("gradient_z1", "gradient_z2") and probes.NAMES[number] != "no stop-gradient":
        return Close(
            0.0, 1e-9, advice=f"The loss function {of} has a gradient to {name[-2:]}: its targets are constants"
        )
    what = "value" if name == "loss" else name.replace("gradient_", "gradient to ")
    return Close(1e-3, what=f"the {what} of the loss function {of}")


_NETWORKS = {
    **_of_all(RESULTS, lambda name, of: Close(1e-3, what=f"the {name} of the network {of}")),
    **_of_all(
        ("frozen",), lambda _, of: Exact(advice=f"You freeze parameters of the network {of}; all of them should learn")
    ),
}
_LOSSES = _of_all(("loss", *(f"gradient_{name}" for name in ARGUMENTS["simsiam_loss"])), _loss)
_ERRORS = {
    "raised": Exact(advice="no ValueError is raised for a name that is none of the four"),
}
STUBS = ("variant",)
_TESTS = (
    Test("networks", "the networks of the four variants", probes.networks, (_VIEWS,), _NETWORKS),
    Test("losses", "the losses of the four variants, and where their gradients go", probes.losses, (_ROWS,), _LOSSES),
    Test("names", "a ValueError for any other name", probes.errors, (_NAMES,), _ERRORS, needs=("networks", "losses")),
)
_NETWORK = {"SimSiam": OtherSimSiam}
_OF_LOSSES = "Your losses are correct: variant was given other functions in the place of yours."
TESTS = (
    *_TESTS,
    variant(_TESTS[0], "networks_given", "Your networks are correct: variant was given another SimSiam in the place of yours.",
            after=("q2",), stand_ins=_NETWORK),
    variant(_TESTS[1], "losses_given_a_network", _OF_LOSSES, after=("q2",), stand_ins=_NETWORK),
    *with_variants(_TESTS[1:2], _OF_LOSSES, ("q1a", "q1b"), OTHER_LOSSES)[1:],
    variant(_TESTS[1], "losses_given_both", _OF_LOSSES, after=("q2",), stand_ins=OTHER_LOSSES | _NETWORK),
)  # fmt: skip
