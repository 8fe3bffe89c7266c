"""Question 2: SimSiam's projector and predictor, and the way of two views through them."""

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within
from autograder.questions.side_effects.question import comparisons

from . import counts, probes
from .probes import RESULTS

# Rows, features of the encoder, width, bottleneck.
_SIZES = {
    "five images, width 8, bottleneck 3": (5, 4, 8, 3),
    "seven images, width 5, bottleneck 9": (7, 6, 5, 9),
}


def draw(generator):
    """Features h, projections z and two views; the encoder has one layer."""

    def inputs(n, features, width, bottleneck):
        h, z = torch.randn(n, features, generator=generator), torch.randn(n, width, generator=generator)
        x1, x2 = torch.randn(2, n, 3, 2, 2, generator=generator)
        return {"h": h, "z": z, "x1": x1, "x2": x2, "width": width, "bottleneck": bottleneck}

    return tuple(Case(name, inputs(*sizes)) for name, sizes in _SIZES.items())


def _part(name, form):
    def close(mode):
        return Close(
            1e-3, advice=f"Your {name} does not compute {form}, in {mode} mode", what=f"the result of your {name}"
        )

    return {"result": close("eval"), "result_in_train_mode": close("train")}


def _result(place, name, form):
    advice = f"The {place} result of forward is not the {name} of its view, {form}"
    return {name: Within(-1e-3, 1e-3, advice=advice)}


_PROJECTOR = (
    "three linear layers, each with a batch norm, the last of which has no parameters, and a ReLU after the first two"
)
_FORWARD = {
    **_result("first", "p1", "predictor(projector(encoder(x1)))"),
    **_result("second", "p2", "predictor(projector(encoder(x2)))"),
    **_result("third", "z1", "projector(encoder(x1))"),
    **_result("fourth", "z2", "projector(encoder(x2))"),
}
_CONDUCT = {
    **comparisons("forward", {"x1": "x1", "x2": "x2"}),
    "modes_switched": Exact(advice="You switch the mode of the model or of a part in forward; leave it to the caller"),
    "idle": Exact(advice="Some weights of your model get no gradient: find where your code cuts the graph or freezes a layer"),
    "hidden": Exact(advice="Some of your layers are not among the parameters of the model: a plain list hides them"),
    **{f"{name}_cut": Exact(advice=f"No gradient of {name} reaches the encoder: forward keeps the graph, the loss stops the "
                            "gradient") for name in RESULTS},
}  # fmt: skip
STUBS = ("SimSiam",)
_AT_WORK = ("projector", "predictor")
_CASES = tuple(_SIZES)
TESTS = (
    Test("projector", "the projector has three layers", probes.projector, _CASES, _part("projector", _PROJECTOR),
         kept=("z", "x1", "x2")),
    Test("predictor", "the predictor has two layers", probes.predictor, _CASES,
         _part("predictor", "linear, batch norm, ReLU, linear over the bottleneck"), kept=("h", "x1", "x2")),
    Test("forward", "both views pass encoder, projector and predictor", probes.forward, _CASES[:1], _FORWARD,
         count=counts.forward, kept=("h", "z"), needs=_AT_WORK),
    Test("conduct", "modes and gradients; inputs and global state stay as they are", probes.conduct, _CASES[:1],
         _CONDUCT, count=counts.conduct, kept=("h", "z"), needs=_AT_WORK),
)  # fmt: skip
