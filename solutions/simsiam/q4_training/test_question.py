"""Question 4: the given model and loss, the deviation against lightly, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from lightly.utils.debug import std_of_l2_normalized

from autograder.questions.cases import stored_cases
from autograder.release.trial import lost, surprises

from . import probes
from .correct import CORRECT
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE, feature_std

HERE = Path(__file__).parent
RAGGED = stored_cases(HERE)["ten images in batches of four"].inputs


def test_the_given_loss_does_not_care_which_view_is_the_first():
    p1, p2, z1, z2 = torch.randn(4, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(probes.given_loss(p1, p2, z1, z2), probes.given_loss(p2, p1, z2, z1))


def test_the_mean_loss_of_the_oracle_by_hand():
    """At learning rate 0 it is the mean over batches, weighted by their 4, 4 and 2 images."""
    inputs = {key: value.double() if isinstance(value, torch.Tensor) else value for key, value in RAGGED.items()}
    model, total = probes.GivenSimSiam(inputs["start"]), 0.0
    for n, at in ((4, 0), (4, 4), (2, 8)):
        views = (inputs[name][at : at + n] for name in ("views_1", "views_2"))
        total += n * probes.given_loss(*model(*views)).item()
    assert probes.train_mean_loss(ORACLE, **inputs)["mean_loss"].item() == pytest.approx(total / 10)


def test_the_deviation_agrees_with_lightly_and_is_that_of_a_sphere():
    z = torch.randn(2000, 16, dtype=torch.float64)
    assert feature_std(z[:9]) == pytest.approx(std_of_l2_normalized(z[:9]).item())
    assert feature_std(z) == pytest.approx(16**-0.5, rel=0.02)
    assert feature_std(z[:1].repeat(4, 1)) == pytest.approx(0.0, abs=1e-12)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        (
            "parameters",
        ): "first view twice, order of the loss, projections detached, zero_grad missing, scheduler per epoch, "
        "scheduler before optimizer",
        ("mean_loss",): "mean over batches",
        ("conduct",): "train mode not set, losses kept with their graph, gradients left off",
        ("deviation",): "rows not normalised, variance, columns normalised",
        ("deviation", "collapsed"): "deviation within rows, deviation of all entries",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def hand_written_norm(z):
    return (z / z.norm(dim=1, keepdim=True)).std(dim=0).mean()


def biased(z):
    return torch.nn.functional.normalize(z).std(dim=0, unbiased=False).mean()


def root_of_the_mean_variance(z):
    return torch.nn.functional.normalize(z).var(dim=0).mean().sqrt()


@pytest.mark.parametrize(
    ("wrong", "tests"),
    [(hand_written_norm, {"collapsed"}), (biased, {"deviation"}), (root_of_the_mean_variance, {"deviation"})],
)
def test_deviations_that_nobody_listed_are_seen(wrong, tests):
    assert set(lost(HERE, {**CORRECT["as taught"], "feature_std": wrong})) == tests
