"""Question 4: the given model and loss, the deviation against lightly, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from lightly.utils.debug import std_of_l2_normalized

from autograder.questions.cases import stored_cases
from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from . import probes
from .correct import CORRECT, by_normalize, loop_as_taught
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE, feature_std

HERE, PLAIN = Path(__file__).parent, CORRECT["as taught"]
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
        ("parameters",): "first view twice, projections detached, zero_grad missing, scheduler per epoch, "
        "scheduler before optimizer",
        ("mean_loss",): "mean over batches",
        ("conduct",): "train mode not set, losses kept with their graph, seeds",
        ("deviation",): "rows not normalised, variance, columns normalised",
        ("collapsed",): "normalised in place",
        ("deviation", "collapsed"): "deviation within rows, deviation of all entries",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_deviations_that_nobody_listed_are_seen():
    unlisted = (
        edit("norm by hand", "", "F.normalize(z, dim=1)", "(z / z.norm(dim=1, keepdim=True))"),
        edit("biased", "", "std(dim=0)", "std(dim=0, unbiased=False)"),
        edit("root of the mean variance", "", "std(dim=0).mean()", "var(dim=0).mean().sqrt()"),
        edit("seeds", "", "return", "torch.manual_seed(0)\n    return"),
        edit("gradients left off", "", "return", "torch.set_grad_enabled(False)\n    return"),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("feature_std", by_normalize, unlisted, PLAIN)}
    assert [*found.values()] == [{"collapsed"}, {"deviation"}, {"deviation"}, {"collapsed"}, {"collapsed"}]


def test_loops_that_nobody_listed_are_seen():
    unlisted = (
        edit("one batch in two", "", "loss.backward()", "loss.backward() if total_num % 3 == 0 else None"),
        edit("loss halved", "", "loss = loss_fn(p1, p2, z1, z2)", "loss = loss_fn(p1, p2, z1, z2) / 2"),
        edit("order of the loss", "", "loss_fn(p1, p2, z1, z2)", "loss_fn(p1, z1, p2, z2)"),
        edit("predictor frozen", "", "model.train()", "model.train().predictor.requires_grad_(False)"),
    )
    found = {
        m.id: set(lost(HERE, m.namespace)) for m in misconceptions("train_one_epoch", loop_as_taught, unlisted, PLAIN)
    }
    assert all("parameters" in tests for tests in found.values())
