"""Question 1e: the logarithm of a mean of exponentials, of each row."""

from __future__ import annotations

import torch

from autograder.questions.model import Case

from ..functions import case, conduct_test, extreme_tests, value_test

_SHAPES = {
    "five rows, k = 3": (5, 3),
    "four rows, k = 4": (4, 4),
    "six rows, k = 1": (6, 1),
    "one row, k = 7": (1, 7),
    "three rows, k = 50": (3, 50),
}
# Shape, and the numbers around which the rows lie, in turn.
_EXTREME = {
    "rows around -1000 and 1000": ((4, 3), (-1000.0, 1000.0)),
    "rows around -300 and 0, k = 1": ((4, 1), (-300.0, 0.0)),
    "rows around 10000 and -10000": ((3, 5), (1e4, -1e4)),
}
_CONDUCT = {"three rows, k = 6": (3, 6)}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Numbers of a few units, and the same far from 0."""

    def inputs(name: str, shape: tuple[int, ...], around: tuple[float, ...] = (0.0,)) -> Case:
        places = torch.tensor([around[row % len(around)] for row in range(shape[0])])[:, None]
        y = 2 * torch.randn(shape, generator=generator) + places
        return case(name, "log_mean_exp", generator, shape[:1], y=y)

    return (
        *(inputs(name, shape) for name, shape in {**_SHAPES, **_CONDUCT}.items()),
        *(inputs(name, *setting) for name, setting in _EXTREME.items()),
    )


STUBS = ("log_mean_exp",)
TESTS = (
    value_test("the result", _SHAPES),
    *extreme_tests(
        "the result",
        "value and gradient for numbers from -10000 to 10000",
        {"y": "y"},
        tuple(_EXTREME),
        "Your result is not the expected one, but it stays finite and exact far from 0: this test is passed.",
        rtol=1e-2,  # next to 10000, float32 knows a number to 0.001
    ),
    conduct_test("log_mean_exp", {"y": "y"}, tuple(_CONDUCT), needs=("value", "extreme")),
)
