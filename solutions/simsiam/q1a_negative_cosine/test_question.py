"""Question 1a: the oracle against lightly, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from lightly.loss import NegativeCosineSimilarity

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import by_normalize
from .mistakes import MISCONCEPTIONS
from .oracle import negative_cosine

HERE = Path(__file__).parent


def test_the_oracle_agrees_with_lightly_which_leaves_the_stop_gradient_to_its_caller():
    p, z = torch.randn(2, 6, 5, dtype=torch.float64, requires_grad=True)
    ours, theirs = negative_cosine(p, z), NegativeCosineSimilarity()(p, z.detach())
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, p), torch.autograd.grad(theirs, p))
    assert torch.autograd.grad(NegativeCosineSimilarity()(p, z), z)[0].any()


@pytest.mark.parametrize(("p", "wanted"), [([[3.0, 4.0]], -0.8), ([[0.0, 2.0], [0.0, -5.0]], 0.0), ([[1.0, 0.0]], 0.0)])
def test_by_hand(p, wanted):
    p = torch.tensor(p, dtype=torch.float64)
    assert negative_cosine(p, torch.tensor([[0.0, 7.0]]).expand_as(p)).item() == pytest.approx(wanted)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        (
            "value",
            "gradient",
        ): "plus sign, not normalised, z not normalised, sum over the rows, norm of the whole tensor",
        ("value",): "distance",
        ("gradient",): "gradient not stopped, stopped on p, stopped on both",
        ("conduct",): "z normalised in place, float64 result",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("half stopped", "", "z.detach()", "(z + z.detach()) / 2"),
        edit("rows counted wrongly", "", ".mean()", ".sum() / max(len(p), 2)"),
        edit("clamped", "", ".sum(dim=1)", ".sum(dim=1).clamp(max=0.5)"),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("negative_cosine", by_normalize, unlisted)}
    assert found.pop("half stopped") == {"gradient"}
    assert [*found.values()] == [{"value", "gradient"}] * 2
