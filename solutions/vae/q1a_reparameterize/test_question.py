"""Question 1a: the oracle against torch.distributions, and what a mistake costs."""

from pathlib import Path

import torch

from ..trials import losing, surprises
from .correct import CORRECT
from .mistakes import MISCONCEPTIONS
from .oracle import reparameterize

HERE = Path(__file__).parent
COSTS = {
    "noise subtracted": {"value", "gradient"},
    "noise left out": {"value", "gradient", "conduct"},
    "mu left out": {"value", "gradient"},
    "deviation detached": {"gradient"},
    "logvar overwritten": {"conduct"},
    "seeds": {"conduct"},
    "normal noise inside": {"value", "gradient", "conduct"},
    "uniform noise inside": {"value", "gradient", "conduct"},
}


def test_equal_noise_gives_the_draw_of_a_normal_distribution():
    mu, logvar = torch.randn(2, 4, 3, dtype=torch.float64)
    torch.manual_seed(3)
    drawn = torch.distributions.Normal(mu, (logvar / 2).exp()).rsample()
    torch.manual_seed(3)
    torch.testing.assert_close(reparameterize(mu, logvar, torch.randn(4, 3, dtype=torch.float64)), drawn)


def test_correct_solutions_lose_nothing():
    assert losing(HERE, CORRECT) == {}


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    assert surprises(HERE, MISCONCEPTIONS, COSTS) == {}
