"""Question 1b: the oracle against torch.distributions and by chance, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from torch.distributions import Normal
from torch.distributions import kl_divergence as divergence

from ..trials import losing, surprises
from .correct import CORRECT
from .mistakes import MISCONCEPTIONS
from .oracle import kl_divergence

HERE = Path(__file__).parent
MU, LOGVAR = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
COSTS = {
    **{id: {"value", "gradient"} for id in ("negated", "mean over dimensions", "sum over axis one", "logvar for log sigma")},
    "one forgotten": {"value"},
    "mean of all": {"value", "gradient"},
    "logvar overwritten": {"conduct"},
    "float64 result": {"conduct"},
}  # fmt: skip


def test_the_oracle_agrees_with_distributions():
    wanted = divergence(Normal(MU, (LOGVAR / 2).exp()), Normal(0.0, 1.0)).sum(-1)
    torch.testing.assert_close(kl_divergence(MU, LOGVAR), wanted)


def test_the_oracle_is_the_mean_of_a_logarithm():
    q = Normal(MU[0], (LOGVAR[0] / 2).exp())
    torch.manual_seed(0)
    z = q.sample((200_000,))
    sampled = (q.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(-1).mean(0)
    assert kl_divergence(MU[0], LOGVAR[0]).tolist() == pytest.approx(sampled.tolist(), rel=0.02)


def test_correct_solutions_lose_nothing():
    assert losing(HERE, CORRECT) == {}


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    assert surprises(HERE, MISCONCEPTIONS, COSTS) == {}
