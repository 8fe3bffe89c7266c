"""Question 1c: the log-likelihood of pixels in [0, 1] under Bernoulli distributions, from logits."""

import torch

from ..functions import cases, extreme_tests, tests

_SHAPES = {
    "four images (1, 3, 5)": (4, 1, 3, 5),
    "five rows of six": (5, 6),
    "four rows of four": (4, 4),
    "one image (2, 2, 3)": (1, 2, 2, 3),
    "three rows of one pixel": (3, 1),
}
_EXTREME = {
    "logits of ±30, a pixel in a row is grey": ((3, 1, 2, 3), 30.0),
    "logits of ±100, a pixel in a row is grey": ((3, 1, 2, 3), 100.0),
    "logits of ±10000, one pixel is grey": ((2, 8), 1e4),
}


def _grey(generator, shape):
    x = (1.6 * torch.rand(shape, generator=generator) - 0.3).clamp(0, 1)
    return {"logits": 2.5 * torch.randn(shape, generator=generator) + 0.5, "x": x}


def _extreme(generator, shape, size):
    """Half of the logits have the wrong sign, and one in each row at least. The first pixel of each row is grey."""
    x = torch.randint(2, shape, generator=generator).float()
    x[..., 0] = 0.2 + 0.6 * torch.rand(shape[:-1], generator=generator)
    signs = torch.randint(2, shape, generator=generator) * 2 - 1
    logits = size * signs * (0.9 + 0.1 * torch.rand(shape, generator=generator))
    logits[..., -1] = size * (1 - 2 * x[..., -1])
    return {"logits": logits, "x": x}


def draw(generator):
    """Logits of a few units and grey pixels, some black or white; extreme logits of black, white and grey pixels."""
    return tuple(
        case
        for settings, inputs in ((_SHAPES, _grey), (_EXTREME, _extreme))
        for case in cases("log_likelihood_bernoulli", generator, settings, inputs, slice(1))
    )


STUBS = ("log_likelihood_bernoulli",)
TESTS = (
    *tests("log_likelihood_bernoulli", "the log-likelihood", _SHAPES),
    *extreme_tests(
        "log_likelihood_bernoulli",
        "the log-likelihood",
        "value and gradient for logits from -10000 to 10000",
        _EXTREME,
        "Your log-likelihood is not the expected one, but it stays finite and exact at extreme logits: this test is passed.",
    ),
)
