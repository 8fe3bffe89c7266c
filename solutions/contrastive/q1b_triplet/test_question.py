"""Question 1b: the oracle by hand, against PyTorch and pytorch-metric-learning, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.reducers import MeanReducer

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import by_distances
from .mistakes import MISCONCEPTIONS
from .oracle import triplet_loss

HERE = Path(__file__).parent


@pytest.mark.parametrize(("margin", "wanted"), [(0.0, 0.5), (8.0, 4.5), (100.0, 96.5)])
def test_two_triplets_by_hand(margin, wanted):
    """Distances 5 and 4 in the first, 0 and 8 in the second."""
    anchor, positive = torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    negative = torch.tensor([[0.0, 4.0], [8.0, 0.0]])
    assert triplet_loss(anchor, positive, negative, margin).item() == pytest.approx(wanted)


def test_the_oracle_agrees_with_pytorch_and_with_pytorch_metric_learning_which_averages_over_active_triplets():
    anchor, positive, negative = torch.randn(3, 8, 4, dtype=torch.float64)
    negative[0] = anchor[0] + 100  # far enough for the hinge to be 0, which is where the two averages differ
    ours = triplet_loss(anchor, positive, negative, 0.5)
    torch.testing.assert_close(ours, F.triplet_margin_loss(anchor, positive, negative, 0.5), rtol=1e-5, atol=0)
    triplets = torch.arange(8), 8 + torch.arange(8), 16 + torch.arange(8)
    for reducer, agrees in ((MeanReducer(), True), (None, False)):
        theirs = TripletMarginLoss(margin=0.5, reducer=reducer)
        theirs.distance.normalize_embeddings = False
        found = theirs(torch.cat([anchor, positive, negative]), torch.arange(24), triplets)
        assert torch.isclose(ours, found, rtol=1e-6) == agrees


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "gradient"): "squared distances, positive and negative exchanged, margin subtracted, "
        "sum over the rows, no hinge, hinge over the mean, "
        "distance of positive and negative, squared hinge, margin ignored, margin outside the maximum",
        ("value", "gradient", "inactive"): "mean over active triplets",
        ("inactive",): "nan at distance 0, no graph without active triplets",
        ("gradient",): "anchor detached",
        ("conduct",): "negative changed in place, seeds",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("soft margin", "", "F.relu(d_pos - d_neg + margin)", "F.softplus(d_pos - d_neg + margin)"),
        edit("distances of the first column", "", "(anchor - negative).pow(2)", "(anchor - negative)[:, :1].pow(2)"),
        edit("mean over active triplets, or over one", "", "loss.mean()", "loss.sum() / (loss > 0).sum().clamp(min=1)"),
        edit("negatives detached", "", "(anchor - negative)", "(anchor - negative.detach())"),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("triplet_loss", by_distances, unlisted)}
    assert [*found.values()] == [{"value", "gradient"}] * 3 + [{"gradient"}]
