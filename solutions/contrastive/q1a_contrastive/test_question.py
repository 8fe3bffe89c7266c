"""Question 1a: the oracle by hand and against pytorch-metric-learning, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from pytorch_metric_learning.losses import ContrastiveLoss

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import by_parts
from .mistakes import MISCONCEPTIONS
from .oracle import contrastive_loss

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("same", "margin", "wanted"), [(True, 9.0, 12.5), (False, 9.0, 8.0), (False, 5.0, 0.0), (False, 0.0, 0.0)]
)
def test_a_pair_at_distance_five_by_hand(same, margin, wanted):
    z = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert contrastive_loss(z, 0 * z, torch.tensor([same]), margin).item() == pytest.approx(wanted)


def test_the_oracle_agrees_with_pytorch_metric_learning_which_neither_squares_nor_halves():
    """Theirs is max(0, d - pos_margin), averaged over each kind by itself, so it is compared one pair at a time."""
    z1, z2 = torch.randn(2, 6, 3, dtype=torch.float64)
    theirs = ContrastiveLoss(pos_margin=0, neg_margin=2.5)
    theirs.distance.normalize_embeddings = False
    for k, (u, v) in enumerate(zip(z1[:, None], z2[:, None])):
        found = theirs(torch.cat([u, v]), torch.tensor([0, k % 2]))  # two labels: the pair is different
        together = torch.tensor([k % 2 == 0])
        assert contrastive_loss(u, v, together, 2.5).item() == pytest.approx(found.item() ** 2 / 2)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        (
            "value",
            "gradient",
        ): "same and different exchanged, half forgotten, half of one term, margin inside the square, "
        "squared margin, push not squared, pull not squared, no hinge, distance beyond the margin, sum over the pairs, "
        "mean of each kind, mean over the columns",
        ("coincident",): "nan at distance 0",
        ("gradient",): "one view detached",
        ("conduct",): "float64 result, z1 changed in place",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("margin of 1", "", "margin - d", "1 - d"),
        edit("first pair left out", "", "(pull + push).mean()", "(pull + push)[1:].sum() / len(z1)"),
        edit("gradient of the push lost", "", "(1 - y) * F.relu(margin - d)", "(1 - y) * F.relu(margin - d.detach())"),
        edit("labels changed", "", "y = same.float()", "y = same.float()\n    same.fill_(True)"),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("contrastive_loss", by_parts, unlisted)}
    assert [*found.values()] == [{"value", "gradient"}, {"value", "gradient"}, {"gradient"}, {"conduct"}]
