"""Question 7: laws of the bound, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from torch.distributions import Normal

from autograder.questions.cases import stored_cases
from autograder.release.trial import surprises

from ..q1c_bernoulli import oracle as one_pixel_at_a_time
from .correct import draw_by_draw
from .mistakes import MISCONCEPTIONS
from .oracle import importance_weighted_bound, log_likelihood_bernoulli
from .probes import GivenVAE, parameters_of

HERE = Path(__file__).parent
CASES = {name: case.inputs for name, case in stored_cases(HERE).items()}


def model_of(d, seed=0, dtype=torch.float64):
    start = 0.3 * torch.randn(parameters_of(d), generator=torch.Generator().manual_seed(seed))
    return GivenVAE(start.to(dtype), d)


def test_the_log_weights_are_as_far_below_zero_as_their_cases_say():
    for name, low, high in (
        ("five draws, three images", -80, -3),
        ("five draws, log weights near -3000", -3600, -2200),
        ("two draws, log weights near -1500", -1900, -1000),
    ):
        inputs = CASES[name]
        found = draw_by_draw(GivenVAE(inputs["start"], inputs["eps"].shape[-1]), inputs["x"], inputs["eps"])
        assert low < found.min() and found.max() < high, (name, found)


def test_many_draws_come_to_the_likelihood_that_a_grid_integrates():
    x, model = torch.rand(2, 1, 28, 28, dtype=torch.float64).round(), model_of(1)
    with torch.no_grad():
        mu, logvar = model.encode(x)
        z = torch.linspace(-9, 9, 4001, dtype=torch.float64)[:, None]
        log_p = torch.stack([log_likelihood_bernoulli(model.decode(z), row.expand(len(z), -1, -1, -1)) for row in x])
        joint = log_p + Normal(0.0, 1.0).log_prob(z[:, 0])
        exact = joint.amax(1) + torch.trapezoid((joint - joint.amax(1, keepdim=True)).exp(), z[:, 0], dim=1).log()
        eps = torch.randn(30_000, 2, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        found = draw_by_draw(model, x, eps)
        elbo = torch.stack([draw_by_draw(model, x, noise[None]) for noise in eps[:2000]]).mean(0)
    torch.testing.assert_close(found, exact, rtol=0, atol=0.3)
    assert (elbo < found).all()


def test_one_draw_without_noise_is_the_log_weight_at_mu():
    x, model = torch.rand(3, 1, 28, 28, dtype=torch.float64), model_of(2)
    with torch.no_grad():
        mu, logvar = model.encode(x)
        wanted = log_likelihood_bernoulli(model.decode(mu), x) + 0.5 * (logvar - mu**2).sum(1)
        found = importance_weighted_bound(model, x, torch.zeros(1, 3, 2, dtype=torch.float64))
    torch.testing.assert_close(found, wanted)


def test_the_density_of_whole_tensors_is_that_of_pixels():
    logits, x = torch.randn(2, 4, dtype=torch.float64), torch.rand(2, 4, dtype=torch.float64)
    torch.testing.assert_close(
        log_likelihood_bernoulli(logits, x), one_pixel_at_a_time.log_likelihood_bernoulli(logits, x)
    )


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "extreme"): "sum of the weights, prior missing, posterior added, mean of logarithms",
        ("extreme",): "exponentials of log weights",
        ("value", "extreme", "conduct"): "noise drawn inside",
        ("conduct",): "noise overwritten, model frozen, gradients on",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}
