"""Question 1a: the oracle against torch.distributions, and what a mistake costs."""

from pathlib import Path

import torch

from autograder.release.trial import surprises

from .mistakes import MISCONCEPTIONS
from .oracle import reparameterize


def test_equal_noise_gives_the_draw_of_a_normal_distribution():
    mu, logvar = torch.randn(2, 4, 3, dtype=torch.float64)
    torch.manual_seed(3)
    drawn = torch.distributions.Normal(mu, (logvar / 2).exp()).rsample()
    torch.manual_seed(3)
    torch.testing.assert_close(reparameterize(mu, logvar, torch.randn(4, 3, dtype=torch.float64)), drawn)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "gradient"): "variance for deviation, noise subtracted, mu left out",
        ("value",): "logvar clamped",
        ("gradient",): "deviation detached",
        ("conduct",): "logvar overwritten, seeds, float32 result, gradients on",
        ("value", "gradient", "conduct"): "noise left out, normal noise inside, uniform noise inside",
    }
    assert surprises(Path(__file__).parent, MISCONCEPTIONS, costs) == {}
