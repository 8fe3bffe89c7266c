"""Question 1c: the log-likelihood of pixels in [0, 1] under Bernoulli distributions, from logits."""

from __future__ import annotations

import torch

from autograder.questions.model import Case

from ..functions import case, conduct_test, extreme_tests, gradient_test, value_test

_SHAPES = {
    "four images (1, 3, 5)": (4, 1, 3, 5),
    "five rows of six": (5, 6),
    "four rows of four": (4, 4),
    "one image (2, 2, 3)": (1, 2, 2, 3),
    "three rows of one pixel": (3, 1),
}
_EXTREME = {
    "logits of ±30, black and white pixels": (30.0, (3, 1, 2, 3)),
    "logits of ±100, black and white pixels": (100.0, (3, 1, 2, 3)),
    "logits of ±10000, black and white pixels": (1e4, (2, 8)),
}
_CONDUCT = {"three images (1, 2, 4)": (3, 1, 2, 4)}
NAMES = {"logits": "the logits", "x": "x"}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Logits of a few units; grey pixels, with some that are black or white."""

    def grey(name: str, shape: tuple[int, ...]) -> Case:
        x = (1.6 * torch.rand(shape, generator=generator) - 0.3).clamp(0, 1)
        logits = 2.5 * torch.randn(shape, generator=generator) + 0.5
        return case(name, "log_likelihood_bernoulli", generator, shape[:1], logits=logits, x=x)

    def extreme(name: str, size: float, shape: tuple[int, ...]) -> Case:
        """Half of the logits have the wrong sign, and some grey pixels are among the others."""
        x = torch.randint(2, shape, generator=generator).float()
        wrong = torch.randint(2, shape, generator=generator) * 2 - 1
        logits = size * wrong * (0.9 + 0.1 * torch.rand(shape, generator=generator))
        logits[:, -1:] = torch.where(x[:, -1:] > 0.5, -1.0, 1.0) * size  # one wrong pixel at least
        return case(name, "log_likelihood_bernoulli", generator, shape[:1], logits=logits, x=x)

    return (
        *(grey(name, shape) for name, shape in {**_SHAPES, **_CONDUCT}.items()),
        *(extreme(name, *setting) for name, setting in _EXTREME.items()),
    )


STUBS = ("log_likelihood_bernoulli",)
TESTS = (
    value_test("the log-likelihood", _SHAPES),
    gradient_test({"logits": "the logits"}, _SHAPES),
    *extreme_tests(
        "the log-likelihood",
        "value and gradient for logits from -10000 to 10000",
        {"logits": "the logits"},
        tuple(_EXTREME),
        "Your log-likelihood is not the expected one, but it stays finite and exact at extreme logits: this test is passed.",
    ),
    conduct_test("log_likelihood_bernoulli", NAMES, tuple(_CONDUCT)),
)
