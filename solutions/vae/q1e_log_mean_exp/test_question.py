"""Question 1e: the oracle against torch.logsumexp, and what a mistake costs."""

import math
from pathlib import Path

import torch

from autograder.release.trial import surprises

from .mistakes import MISCONCEPTIONS
from .oracle import log_mean_exp


def test_the_oracle_agrees_with_logsumexp():
    y = 300 * torch.randn(5, 7, dtype=torch.float64)
    torch.testing.assert_close(log_mean_exp(y), y.logsumexp(1) - math.log(7))


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value",): "sum for mean, maximum not added, maximum without keepdim, mean of all",
        ("extreme",): "no maximum, one maximum for all, mean of the row, first number of the row, "
        "constant inside the logarithm",
        ("conduct",): "y overwritten",
    }
    assert surprises(Path(__file__).parent, MISCONCEPTIONS, costs) == {}
