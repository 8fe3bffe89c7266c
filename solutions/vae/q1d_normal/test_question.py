"""Question 1d: the oracle against torch.distributions, and what a mistake costs."""

from pathlib import Path

import torch
from torch.distributions import Normal

from autograder.release.trial import surprises

from .mistakes import MISCONCEPTIONS
from .oracle import log_likelihood_normal


def test_the_oracle_agrees_with_distributions():
    mu, logvar, x = torch.randn(3, 4, 5, dtype=torch.float64)
    wanted = Normal(mu, (logvar / 2).exp()).log_prob(x).sum(1)
    torch.testing.assert_close(log_likelihood_normal(mu, logvar, x), wanted)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "gradient"): "negated, logvar for log sigma, sum of all",
        ("value",): "constant missing, constant once, logvar clamped, axis of one kept",
        ("conduct",): "float64 result, float32 result",
    }
    assert surprises(Path(__file__).parent, MISCONCEPTIONS, costs) == {}
