"""Question 1c: the oracle against lightly, laws of the terms, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from lightly.loss import VICRegLoss

from autograder.release.trial import lost, surprises

from .correct import term_by_term
from .mistakes import MISCONCEPTIONS
from .oracle import vicreg_loss

HERE = Path(__file__).parent


@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (1.0, 2.0, 3.0)])
def test_the_oracle_agrees_with_lightly(weights):
    z1, z2 = torch.randn(2, 7, 4, dtype=torch.float64)
    torch.testing.assert_close(vicreg_loss(z1, z2, *weights)[0], VICRegLoss(*weights)(z1, z2))


def test_the_terms_by_hand():
    z1, z2 = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).double(), torch.zeros(2, 2).double()
    loss, invariance, variance, covariance = vicreg_loss(z1, z2, 1.0, 1.0, 1.0)
    # Var is 2 and 0; the two covariances of z1 are 2 each, and d is 2.
    assert (invariance.item(), variance.item(), covariance.item()) == pytest.approx((1.0, (0 + 0.99) / 2, 4.0))
    assert loss.item() == pytest.approx(1.0 + 0.495 + 4.0)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "gradient"): "deviation of the rows, variance summed over the views, covariance over n, no hinge, "
        "diagonal left in, diagonal added, variance for deviation, variance biased, covariance averaged over the views, "
        "invariance summed, variance summed over the columns, covariance between the views, not centred",
        ("value", "constant"): "no epsilon",
        ("value",): "parts weighted",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def weights_in_order(z1, z2, var=25.0, sim=25.0, cov=1.0):
    return term_by_term(z1, z2, sim, var, cov)


def epsilon_outside(z1, z2, sim=25.0, var=25.0, cov=1.0):
    _, invariance, _, covariance = term_by_term(z1, z2)
    variance = sum(torch.relu(1 - z.std(dim=0) - 1e-4).mean() / 2 for z in (z1, z2))
    return sim * invariance + var * variance + cov * covariance, invariance, variance, covariance


def detached_covariance(z1, z2, sim=25.0, var=25.0, cov=1.0):
    _, invariance, variance, covariance = term_by_term(z1, z2)
    return sim * invariance + var * variance + cov * covariance.detach(), invariance, variance, covariance


@pytest.mark.parametrize(("wrong", "tests"), [(epsilon_outside, {"constant"}), (detached_covariance, {"gradient"})])
def test_a_mistake_that_nobody_listed_is_seen(wrong, tests):
    assert tests == set(lost(HERE, {"vicreg_loss": wrong}))


def test_weights_may_be_in_any_order_if_they_have_their_names():
    assert lost(HERE, {"vicreg_loss": weights_in_order}) == {}
