"""Question 1c: the oracle by hand, against SciPy and PyTorch, and what a mistake costs."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import log_softmax

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import by_logsumexp
from .mistakes import MISCONCEPTIONS
from .oracle import pair_nll_loss

HERE = Path(__file__).parent


def test_two_rows_by_hand():
    """Scores log 3 and 0 in the first row, 0 and 0 in the second: p is 3/4 and 1/2."""
    z_i, z_j = (
        torch.tensor([[1.0], [0.0]], dtype=torch.float64),
        torch.tensor([[math.log(3)], [0.0]], dtype=torch.float64),
    )
    for same, wanted in (([True, True], 8 / 3), ([False, False], 8), ([True, False], 8 / 3)):
        assert pair_nll_loss(z_i, z_j, torch.tensor(same), 1.0).item() == pytest.approx(math.log(wanted) / 2)
    assert pair_nll_loss(z_i[:1], z_j[:1], torch.tensor([True]), 1.0) == 0


def test_the_oracle_agrees_with_cross_entropy_where_all_are_the_same_and_with_scipy():
    z_i, z_j = torch.randn(2, 6, 3, dtype=torch.float64)
    everything, none = torch.ones(6).bool(), torch.zeros(6).bool()
    scores = z_i @ z_j.T / 0.3
    torch.testing.assert_close(pair_nll_loss(z_i, z_j, everything, 0.3), F.cross_entropy(scores, torch.arange(6)))
    p = np.exp(log_softmax(scores.numpy(), axis=1).diagonal())
    assert pair_nll_loss(z_i, z_j, none, 0.3).item() == pytest.approx(-np.log1p(-p).mean())


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    formula = ("value", "gradient")
    costs = {
        formula: "same and different exchanged, all pairs taken for same ones, sign of different pairs, "
        "different pairs left out, softmax over i, temperature multiplied, temperature ignored, normalised, "
        "sum over the rows, mean of each kind, pair left out of the sum",
        ("gradient", "stable"): "naive exponentials",
        ("stable",): "epsilon in the logarithm",
        ("gradient",): "second embedding detached",
        ("conduct",): "seeds",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("scores clamped", "", "z_i @ z_j.T / temperature", "(z_i @ z_j.T / temperature).clamp(-50, 50)"),
        edit("first row left out", "", "loss.mean()", "loss[1:].sum() / len(loss)"),
        edit("distances", "", "z_i @ z_j.T", "-torch.cdist(z_i, z_j)"),
        edit(
            "labels changed",
            "",
            "    s = z",
            "    same &= True\n    s = z_i.div_(1) @ z_j.T / temperature\n    same ^= True\n    s = z",
        ),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("pair_nll_loss", by_logsumexp, unlisted)}
    assert found.pop("scores clamped") == {"stable"}
    assert all(tests >= {"value"} for tests in found.values())
