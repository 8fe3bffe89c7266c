"""Question 1e: the oracle against torch.logsumexp, and what a mistake costs."""

import math
from pathlib import Path

import torch

from ..trials import losing, surprises
from .correct import CORRECT
from .mistakes import MISCONCEPTIONS
from .oracle import log_mean_exp

HERE = Path(__file__).parent
COSTS = {
    **{id: {"value"} for id in ("sum for mean", "maximum not added", "maximum without keepdim", "mean of all")},
    **{id: {"extreme"} for id in ("no maximum", "one maximum for all", "constant inside the logarithm")},
    "maximum not added": {"value"},
    "y overwritten": {"conduct"},
}


def test_the_oracle_agrees_with_logsumexp():
    y = 300 * torch.randn(5, 7, dtype=torch.float64)
    torch.testing.assert_close(log_mean_exp(y), y.logsumexp(1) - math.log(7))


def test_equal_numbers_are_their_own_mean():
    assert log_mean_exp(torch.full((2, 6), -1000.0)).tolist() == [-1000.0, -1000.0]


def test_correct_solutions_lose_nothing():
    assert losing(HERE, CORRECT) == {}


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    assert surprises(HERE, MISCONCEPTIONS, COSTS) == {}
