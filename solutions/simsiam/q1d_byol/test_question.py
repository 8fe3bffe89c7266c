"""Question 1d: the oracle against lightly, and what a mistake costs."""

import copy
from pathlib import Path

import pytest
import torch
from lightly.loss import NegativeCosineSimilarity
from lightly.models.utils import update_momentum
from lightly.utils.scheduler import cosine_schedule
from torch import nn

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import CORRECT, in_place, schedule, two_distances
from .mistakes import MISCONCEPTIONS
from .oracle import byol_loss, ema_update, tau_schedule

HERE = Path(__file__).parent


def networks():
    online = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).double()
    target = copy.deepcopy(online)
    with torch.no_grad():
        for tensor in online.parameters():
            tensor.add_(1)
    online(torch.randn(5, 4, dtype=torch.float64))
    return online, target


def test_the_loss_is_twice_what_lightly_s_negative_cosines_are_above_minus_one():
    p1, p2, t1, t2 = torch.randn(4, 5, 3, dtype=torch.float64)
    D = NegativeCosineSimilarity()
    torch.testing.assert_close(byol_loss(p1, p2, t1, t2), 2 * (D(p1, t2) + 1) + 2 * (D(p2, t1) + 1))


def test_the_average_agrees_with_lightly_which_leaves_the_buffers():
    online, target = networks()
    theirs = copy.deepcopy(target)
    ema_update(online, target, 0.75)
    update_momentum(online, theirs, 0.75)
    torch.testing.assert_close(list(target.parameters()), list(theirs.parameters()))
    assert torch.equal(target[1].running_mean, online[1].running_mean)
    assert not torch.equal(theirs[1].running_mean, online[1].running_mean)


@pytest.mark.parametrize("step", [0, 3, 8])
def test_the_schedule_agrees_with_lightly_which_counts_one_step_more(step):
    assert tau_schedule(step, 8, 0.9) == pytest.approx(cosine_schedule(step, 8 + 1, 0.9, 1.0))


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("loss", "gradient"): "own view paired, directions averaged, mean over all entries, predictions not normalised",
        ("gradient",): "targets not stopped",
        ("conduct",): "targets changed",
        (
            "average",
        ): "weights exchanged, buffers shared, names bound anew, buffers left out, buffers averaged, with a graph",
        ("schedule",): "linear, one step short, tau0 ignored",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_averages_that_nobody_listed_are_seen():
    step = "old.mul_(tau).add_(new, alpha=1 - tau)"
    unlisted = (
        edit("online frozen", "", step, f"{step}; new.requires_grad_(False)"),
        edit("weights alone", "", step, f"{step} if new.ndim > 1 else old"),
        edit("online as well", "", step, f"{step}; new.copy_(old)"),
        edit("target frozen", "", step, f"{step}; old.requires_grad_(False)"),
        edit("parameters copied", "", step, "old.copy_(new)"),
        edit("target in eval mode", "", step, f"{step}; target.eval()"),
        edit("online in eval mode", "", step, f"{step}; online.eval()"),
        edit("seeded", "", step, f"{step}; torch.manual_seed(0)"),
    )
    found = {
        m.id: set(lost(HERE, m.namespace)) for m in misconceptions("ema_update", in_place, unlisted, CORRECT["plain"])
    }
    assert [*found.values()] == [{"average"}] * 8


def test_losses_and_schedules_that_nobody_listed_are_seen():
    plain = CORRECT["plain"]
    loss = "(first + second).mean()"
    unlisted = (
        edit("seeded", "", loss, f"torch.manual_seed(0) and {loss}"),
        edit("float64", "", loss, f"{loss}.double()"),
    )
    for one in misconceptions("byol_loss", two_distances, unlisted, plain):
        assert "conduct" in lost(HERE, one.namespace), one.id
    ends = (edit("exchanged ends", "", "+ 1) / 2", "- 1) / -2"),)
    (exchanged,) = misconceptions("tau_schedule", schedule, ends, plain)
    assert set(lost(HERE, exchanged.namespace)) == {"schedule"}
