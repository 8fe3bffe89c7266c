"""Question 1d: the oracle against torch.distributions, its integral, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from torch.distributions import Normal

from ..trials import losing, surprises
from .correct import CORRECT
from .mistakes import MISCONCEPTIONS
from .oracle import log_likelihood_normal

HERE = Path(__file__).parent
COSTS = {
    "constant missing": {"value"},
    "constant once": {"value"},
    "negated": {"value", "gradient"},
    "logvar for log sigma": {"value", "gradient"},
    "float64 result": {"conduct"},
}


def test_the_oracle_agrees_with_distributions():
    mu, logvar, x = torch.randn(3, 4, 5, dtype=torch.float64)
    wanted = Normal(mu, (logvar / 2).exp()).log_prob(x).sum(1)
    torch.testing.assert_close(log_likelihood_normal(mu, logvar, x), wanted)


def test_the_density_of_the_oracle_integrates_to_one():
    x = torch.linspace(-12, 12, 2401, dtype=torch.float64)[:, None]
    mu, logvar = torch.full_like(x, 0.7), torch.full_like(x, -0.3)
    assert torch.trapezoid(log_likelihood_normal(mu, logvar, x).exp(), x[:, 0]).item() == pytest.approx(1)


def test_correct_solutions_lose_nothing():
    assert losing(HERE, CORRECT) == {}


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    assert surprises(HERE, MISCONCEPTIONS, COSTS) == {}
