"""Question 1b: the oracle against lightly, a law, and what a mistake costs."""

from pathlib import Path

import torch
from lightly.loss import NegativeCosineSimilarity

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import both_directions
from .mistakes import MISCONCEPTIONS
from .oracle import simsiam_loss

HERE = Path(__file__).parent


def test_the_oracle_agrees_with_lightly():
    p1, p2, z1, z2 = torch.randn(4, 6, 5, dtype=torch.float64)
    D = NegativeCosineSimilarity()
    torch.testing.assert_close(simsiam_loss(p1, p2, z1, z2), 0.5 * (D(p1, z2) + D(p2, z1)))
    torch.testing.assert_close(simsiam_loss(p1, p2, z1, z2), simsiam_loss(p2, p1, z2, z1))


def test_equal_views_give_minus_one():
    z = torch.randn(3, 4, dtype=torch.float64)
    torch.testing.assert_close(simsiam_loss(2 * z, 3 * z, z, z).item(), -1.0)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("value", "gradient"): "own view paired, sum of both, first direction alone, plus sign",
        ("gradient",): "gradient not stopped, stopped on p, stopped in one direction, one prediction stopped",
        ("conduct",): "gradients off",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("a slow target", "", "z1.detach()", "0.9 * z1.detach() + 0.1 * z1"),
        edit("rows counted wrongly", "", "-(first + second) / 2", "-(first + second) * len(p1) / max(2 * len(p1), 4)"),
        edit("second value alone", "", "-(first + second) / 2", "-first - (second - first).detach() / 2"),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("simsiam_loss", both_directions, unlisted)}
    assert [*found.values()] == [{"gradient"}, {"value", "gradient"}, {"gradient"}]
