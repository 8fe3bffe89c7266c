"""Question 7 (bonus): the importance-weighted bound."""

from __future__ import annotations

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons, float32_result

from ..probes import other_bernoulli, other_log_mean_exp, other_normal, other_reparameterize
from . import counts, probes

# Draws, images, width of z, and the share of wrong pixels: each costs about six nats.
_VALUES = {
    "five draws, three images": (5, 3, 4, 0.0),
    "one draw, four images": (1, 4, 3, 0.0),
    "three draws, one image": (3, 1, 5, 0.0),
    "four draws, four images, z of width 4": (4, 4, 4, 0.0),
    "eight draws, two images, z of width 1": (8, 2, 1, 0.0),
}
_EXTREME = {"five draws, log weights near -3000": (5, 2, 3, 0.6), "two draws, log weights near -1500": (2, 3, 3, 0.3)}
_CONDUCT = {"three draws, two images": (3, 2, 4, 0.0)}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Black and white images with a few grey pixels, which the given decoder knows but for a share of them."""

    def case(name: str, k: int, n: int, d: int, wrong: float) -> Case:
        start = 0.4 * torch.randn(probes.parameters_of(d), generator=generator)
        rows, columns = start[-2 * 28 :].view(2, 28)
        rows[:] = 6 * (2 * torch.randint(2, (28,), generator=generator) - 1) + rows
        x = ((rows[:, None] + columns > 0) ^ (torch.rand(n, 1, 28, 28, generator=generator) < wrong)).float()
        x[:, :, 3, 4] = torch.rand(n, 1, generator=generator)
        eps = torch.randn(k, n, d, generator=generator)
        return Case(name, {"start": start, "x": x, "eps": eps})

    return tuple(case(name, *setting) for name, setting in {**_VALUES, **_EXTREME, **_CONDUCT}.items())


def _bound(id: str, title: str, cases: tuple[str, ...], rtol: float) -> Test:
    return Test(id, title, probes.bound, cases, {"bound": Close(rtol, what="the bound")})


STUBS = ("importance_weighted_bound",)
_VALUE = _bound("value", "the bound of each image", tuple(_VALUES), 1e-4)
_EXTREMES = _bound("extreme", "the bound for log weights far below 0", tuple(_EXTREME), 2e-5)
_SIDE_EFFECTS = Test(
    "conduct",
    "float32; inputs, model and global state stay as they are",
    probes.conduct,
    tuple(_CONDUCT),
    {
        **comparisons("importance_weighted_bound", {"x": "x", "eps": "eps"}),
        **float32_result("importance_weighted_bound"),
        "start": Exact("float32", "You change the parameters of the model in importance_weighted_bound"),
        "moves": Exact(advice="What importance_weighted_bound returns does not depend on eps"),
    },
    count=counts.conduct,
    needs=("value", "extreme"),
)
_OTHERS = {
    "q1a": {"reparameterize": other_reparameterize},
    "q1c": {"log_likelihood_bernoulli": other_bernoulli},
    "q1d": {"log_likelihood_normal": other_normal},
    "q1e": {"log_mean_exp": other_log_mean_exp},
}
_ALL = {name: function for others in _OTHERS.values() for name, function in others.items()}
_GIVEN = "The bound is correct: it was given another {} in the place of yours."
TESTS = (
    _VALUE,
    _EXTREMES,
    _SIDE_EFFECTS,
    *(
        variant(
            _VALUE, f"value_given_{question}", _GIVEN.format(next(iter(others))), after=(question,), stand_ins=others
        )
        for question, others in _OTHERS.items()
    ),
    *(
        variant(
            test,
            f"{test.id}_given",
            "importance_weighted_bound is correct here: it was given other functions in the place of those of q1.",
            after=tuple(_OTHERS),
            stand_ins=_ALL,
        )
        for test in (_VALUE, _EXTREMES, _SIDE_EFFECTS)
    ),
)
