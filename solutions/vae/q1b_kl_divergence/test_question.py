"""Question 1b: the oracle against torch.distributions and by chance, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from torch.distributions import Normal
from torch.distributions import kl_divergence as divergence

from autograder.release.trial import surprises

from .mistakes import MISCONCEPTIONS
from .oracle import kl_divergence


def test_the_oracle_agrees_with_distributions_and_is_the_mean_of_a_logarithm():
    mu, logvar = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    q, found = Normal(mu, (logvar / 2).exp()), kl_divergence(mu, logvar)
    torch.testing.assert_close(found, divergence(q, Normal(0.0, 1.0)).sum(-1))
    torch.manual_seed(0)
    z = q.sample((50_000,))
    sampled = (q.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(-1).mean(0)
    assert found.flatten().tolist() == pytest.approx(sampled.flatten().tolist(), rel=0.03)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "gradient"): "negated, mean over dimensions, sum over axis one, logvar for log sigma, mean of all",
        ("value",): "one forgotten, logvar clamped, axis of one kept",
        ("conduct",): "logvar overwritten, float64 result, float32 result",
    }
    assert surprises(Path(__file__).parent, MISCONCEPTIONS, costs) == {}
