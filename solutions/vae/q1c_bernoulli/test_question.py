"""Question 1c: the oracle against torch.distributions, extreme logits, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from torch.distributions import Bernoulli

from autograder.release.trial import lost, surprises

from .correct import bce_with_logits
from .mistakes import MISCONCEPTIONS
from .oracle import log_likelihood_bernoulli

HERE = Path(__file__).parent


def test_the_oracle_agrees_with_distributions():
    x = torch.rand(3, 1, 4, 2, dtype=torch.float64)
    logits = 5 * torch.randn(x.shape, dtype=torch.float64)
    wanted = Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(log_likelihood_bernoulli(logits, x), wanted)


@pytest.mark.parametrize(
    ("logit", "pixel", "wanted"), [(100, 0, -100), (-100, 1, -100), (1e4, 1, 0), (1e4, 0.25, -7500)]
)
def test_extreme_logits_by_hand(logit, pixel, wanted):
    found = log_likelihood_bernoulli(torch.tensor([[logit]], dtype=torch.float64), torch.tensor([[float(pixel)]]))
    assert found.item() == pytest.approx(wanted, abs=1e-9)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "gradient"): "negated, mean over pixels, white pixels alone, pixels rounded",
        ("extreme",): "log of a sigmoid, log of a sigmoid and a constant, binary cross-entropy of a sigmoid, "
        "pixels rounded at large logits",
        ("value",): "axis of one kept",
        ("gradient", "extreme", "conduct"): "logits overwritten",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


HALF_STABLE = {
    "clamped logits": lambda logits, x: bce_with_logits(logits.clamp(-50, 50), x),
    "log of one plus exp": lambda logits, x: (x * logits - (1 + logits.exp()).log()).flatten(1).sum(1),
}


@pytest.mark.parametrize("form", HALF_STABLE)
def test_a_form_that_fails_at_large_logits_costs_that_alone(form):
    assert set(lost(HERE, {"log_likelihood_bernoulli": HALF_STABLE[form]})) == {"extreme"}
