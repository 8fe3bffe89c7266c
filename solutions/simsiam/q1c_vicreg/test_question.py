"""Question 1c: the oracle against lightly, laws of the terms, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from lightly.loss import VICRegLoss

from autograder.questions.edits import edit, misconceptions
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
        "diagonal left in, as the paper prints it, variance for deviation, variance biased, covariance averaged over the views, "
        "invariance summed, variance summed over the columns, covariance between the views, not centred",
        ("value", "constant"): "no epsilon",
        ("value",): "parts weighted",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("diagonal added", "", "c.pow(2).sum() - c", "c.pow(2).sum() + c"),
        edit("weights of 0 ignored", "", "n, d = z1.shape", "n, d = z1.shape; cov = cov or 1.0"),
        edit("a variance of weight 0", "", "n, d = z1.shape", "n, d = z1.shape; var = var or 25.0"),
        edit("a large epsilon", "", "1e-4", "1e-2"),
        edit("covariance detached", "", "cov * covariance", "cov * covariance.detach()"),
        edit(
            "weights exchanged",
            "",
            "sim=25.0, var=25.0",
            "var=25.0, sim=25.0",
            "sim * inv",
            "var * inv",
            "var * var",
            "sim * var",
        ),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("vicreg_loss", term_by_term, unlisted)}
    assert [*found.values()] == [{"value", "gradient"}] * 4 + [{"gradient"}, {"value", "gradient"}]
