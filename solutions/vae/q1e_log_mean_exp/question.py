"""Question 1e: the logarithm of a mean of exponentials, of each row."""

import torch

from ..functions import cases, extreme_tests, tests

_SHAPES = {
    "five rows, k = 3": (5, 3),
    "four rows, k = 4": (4, 4),
    "six rows, k = 1": (6, 1),
    "one row, k = 7": (1, 7),
    "three rows, k = 50": (3, 50),
}
# Shape, and the places around which the numbers of the rows lie, in turn.
_EXTREME = {
    "rows around -1000 and 1000, and some from -1000 to 1000": (
        (6, 3),
        ((-1e3,) * 3, (1e3,) * 3, (-1e3, 0.0, 1e3), (0.0, 1e3, -1e3), (-1e3, 1e3, 1e3), (1e3, -1e3, 0.0)),
    ),
    "rows around -300 and 0, k = 1": ((4, 1), ((-300.0,), (0.0,))),
    "rows around 10000 and -10000": ((4, 5), ((1e4,) * 5, (-1e4,) * 5)),
}


def _inputs(generator, shape, places=((0.0,),)):
    rows = torch.tensor([places[row % len(places)] for row in range(shape[0])])
    return {"y": 2 * torch.randn(shape, generator=generator) + rows}


def draw(generator):
    """Numbers of a few units, and the same far from 0 and from each other."""
    return cases("log_mean_exp", generator, {**_SHAPES, **_EXTREME}, _inputs, slice(1))


STUBS = ("log_mean_exp",)
TESTS = (
    *tests("log_mean_exp", "the result of log_mean_exp", _SHAPES, work=("value", "extreme")),
    *extreme_tests(
        "log_mean_exp",
        "the result of log_mean_exp",
        "value and gradient for numbers from -10000 to 10000",
        _EXTREME,
        "Your result is not the expected one, but it stays finite and exact far from 0: this test is passed.",
        rtol=1e-2,  # next to 10000, float32 knows a number to 0.001
    ),
)
