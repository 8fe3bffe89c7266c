"""Question 1b: the oracle against hand-made examples, its curve and a library, and what a mistake costs."""

import math
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler

from autograder.release.trial import lost

from .correct import float64_until_beta
from .mistakes import MISCONCEPTIONS
from .oracle import cosine_schedule

HERE = Path(__file__).parent


def close(got, want, rtol=1e-5, atol=0.0):
    torch.testing.assert_close(got, torch.as_tensor(want, dtype=got.dtype), rtol=rtol, atol=atol)


def test_two_cosine_steps_by_hand():
    """f is 1, 1/2 and 0: the second step is clipped."""
    schedule = cosine_schedule(2, s=0.0)
    close(schedule.beta, [0.5, 0.999])
    close(schedule.alpha_bar, [0.5, 0.0005])
    close(schedule.posterior_variance, [0.0, 0.999 * 0.5 / 0.9995])


def test_cosine_products_follow_the_curve_up_to_the_clipped_step():
    T, s = 40, 0.05
    curve = [math.cos((u / T + s) / (1 + s) * math.pi / 2) ** 2 for u in range(T + 1)]
    schedule = cosine_schedule(T, s)
    close(schedule.alpha_bar[:-1], [f / curve[0] for f in curve[1:-1]])
    close(schedule.alpha_bar[-1], 0.001 * schedule.alpha_bar[-2])
    close(schedule.beta[-1], 0.999)


@pytest.mark.parametrize("cosine", [cosine_schedule, float64_until_beta], ids=["oracle", "plain"])
@pytest.mark.parametrize("T", [1, 10, 1000])
def test_cosine_agrees_with_diffusers(cosine, T):
    theirs = DDPMScheduler(T, beta_schedule="squaredcos_cap_v2")
    close(theirs.betas, cosine(T).beta, rtol=0, atol=1e-7 * (T + 9))
    close(theirs.alphas_cumprod, cosine(T).alpha_bar, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("clip missing", ("values", "posterior")),
        ("s fixed", ("values", "posterior")),
        ("posterior rolled", ("posterior",)),
        ("float64 schedule", ("posterior",)),
    ],
)
def test_a_mistake_costs_what_it_breaks_and_is_recognised(mistake, tests):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    assert lost(HERE, wrong.namespace) == dict.fromkeys(tests, wrong.hint)
