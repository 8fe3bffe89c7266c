"""Question 7 (bonus): the importance-weighted bound."""

import torch

from autograder.questions.model import Case, Close, Exact, Test, variant
from autograder.questions.side_effects.question import comparisons, float32_result, gradients_left_off

from ..functions import with_variants
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


def draw(generator):
    """Black and white images with a grey pixel, which the given decoder knows but for a share of them."""

    def case(name, k, n, d, wrong):
        start = 0.4 * torch.randn(probes.parameters_of(d), generator=generator)
        rows, columns = start[-2 * probes.SIDE :].chunk(2)
        rows += 6 * (2 * torch.randint(2, (probes.SIDE,), generator=generator) - 1)
        x = ((rows[:, None] + columns > 0) ^ (torch.rand(n, 1, 28, 28, generator=generator) < wrong)).float()
        x[:, :, 3, 4] = torch.rand(n, 1, generator=generator)
        return Case(name, {"start": start, "x": x, "eps": torch.randn(k, n, d, generator=generator)})

    return tuple(case(name, *setting) for name, setting in {**_VALUES, **_EXTREME}.items())


NAME = "importance_weighted_bound"
_CONDUCT = {
    **comparisons(NAME, {"x": "x", "eps": "eps"}),
    **gradients_left_off(NAME),
    **float32_result(NAME),
    "start": Exact("float32", f"You change the parameters of the model in {NAME}"),
    "frozen": Exact(advice=f"The parameters of the model no longer require gradients when {NAME} has returned"),
    "moves": Exact(advice=f"What {NAME} returns does not depend on eps"),
}
_OTHERS = {
    "q1a": ("reparameterize", other_reparameterize),
    "q1c": ("log_likelihood_bernoulli", other_bernoulli),
    "q1d": ("log_likelihood_normal", other_normal),
    "q1e": ("log_mean_exp", other_log_mean_exp),
}
STUBS = (NAME,)
_TESTS = (
    Test("value", "the bound of each image", probes.bound, tuple(_VALUES), {"bound": Close(1e-4, what="the bound")}),
    Test("extreme", "the bound for log weights far below 0", probes.bound, tuple(_EXTREME),
         {"bound": Close(2e-5, what="the bound")}),
    Test("conduct", "float32; inputs, model and global state stay as they are", probes.conduct, tuple(_VALUES)[:1], _CONDUCT,
         count=counts.conduct, needs=("value", "extreme")),
)  # fmt: skip
TESTS = (
    *with_variants(
        _TESTS,
        [f"{NAME} is correct here: it was given other functions in the place of those of q1."] * 3,
        after=tuple(_OTHERS),
        stand_ins=dict(_OTHERS.values()),
    ),
    *(
        variant(_TESTS[0], f"value_given_{question}", f"The bound is correct: it was given another {name} in the place of yours.",
                after=(question,), stand_ins={name: other})
        for question, (name, other) in _OTHERS.items()
    ),
)  # fmt: skip
