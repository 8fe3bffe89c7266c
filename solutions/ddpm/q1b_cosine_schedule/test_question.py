"""Question 1b: the oracle against hand-made examples, its curve and a library, and what a mistake costs."""

import math
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler

from autograder.release.trial import lost

from ..probes import Schedule
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
        ("clip missing", ("beta",)),
        ("s fixed", ("beta",)),
        ("curve of T values", ("beta",)),
        ("one step too few", ("beta", "products")),
        ("posterior rolled", ("products",)),
        ("alpha bar from the curve", ("products",)),
        ("float64 schedule", ("products",)),
    ],
)
def test_a_mistake_costs_what_it_breaks_and_is_recognised(mistake, tests):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    assert lost(HERE, wrong.namespace) == dict.fromkeys(tests, wrong.hint)


def cosine(change_beta=lambda beta: beta, change=lambda schedule: schedule):
    """A schedule with a change of β, and one of what everything else has become."""

    def cosine_schedule(T, s=0.008):
        beta = change_beta(float64_until_beta(T, s).beta)
        bar = (1 - beta).cumprod(0)
        before = torch.cat([torch.ones(1), bar[:-1]])
        return change(Schedule(beta, 1 - beta, bar, beta * (1 - before) / (1 - bar)))

    return {"cosine_schedule": cosine_schedule}


WRONG = {
    "β has a floor": (cosine(lambda beta: beta.clamp(min=1e-4)), {"beta"}),
    "β from a table of 200 steps": (cosine(lambda beta: torch.cat([beta[:200], beta[200:] * 0 + 0.01])), {"beta"}),
    "the linear schedule": (cosine(lambda beta: torch.linspace(1e-4, 0.02, len(beta))), {"beta"}),
    "ᾱ has a floor": (cosine(change=lambda s: s._replace(alpha_bar=s.alpha_bar.clamp(min=1e-5))), {"products"}),
    "ᾱ is squared": (cosine(change=lambda s: s._replace(alpha_bar=s.alpha_bar**2)), {"products"}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_right_in_itself_is_kept(wrong):
    namespace, tests = WRONG[wrong]
    assert set(lost(HERE, namespace)) == tests


def test_a_schedule_that_is_kept_by_its_length_alone_costs_beta():
    kept = {}

    def by_length(T, *settings, **named):
        return kept.setdefault(T, float64_until_beta(T, *settings, **named))

    assert set(lost(HERE, {"cosine_schedule": by_length}, one_draw=True)) == {"beta"}
