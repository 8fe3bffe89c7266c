"""Question 7: laws of the oracle, and what a mistake costs."""

from pathlib import Path

import torch

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from ..q1b_simsiam_loss.oracle import simsiam_loss
from .correct import view_by_view
from .mistakes import MISCONCEPTIONS
from .oracle import directed_loss

HERE = Path(__file__).parent


def inputs(m=3):
    return torch.randn(2, m, 4, 3).double(), torch.randn(2, m, 4, 3).double(), *torch.randn(4, 4, 3).double()


def test_heavy_views_that_agree_with_their_own_standard_view_give_one_less():
    _, z_heavy, p1, p2, z1, z2 = inputs()
    agree = torch.stack([2 * z1, 3 * z2])[:, None].repeat(1, 3, 1, 1)
    torch.testing.assert_close(directed_loss(agree, z_heavy, p1, p2, z1, z2), simsiam_loss(p1, p2, z1, z2) - 1)


def test_heavy_projections_have_no_effect_and_the_order_of_heavy_views_neither():
    p_heavy, z_heavy, *rest = inputs()
    torch.testing.assert_close(directed_loss(p_heavy, z_heavy, *rest), directed_loss(p_heavy.flip(1), -z_heavy, *rest))


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        (
            "value",
            "gradient",
        ): "views exchanged, heavy target, both ways, own projection, heavy views summed, mean of each view, "
        "standard part missing, heavy part missing, average of the parts, first heavy view alone, pulled to the prediction, "
        "heavy views of the first view alone",
        ("gradient",): "heavy target not stopped, standard targets not stopped",
        ("conduct",): "projections overwritten",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("two heavy views alone", "", "range(p_heavy.shape[1])", "range(min(2, p_heavy.shape[1]))"),
        edit("second prediction stopped", "", "_cosine(p2, ", "_cosine(p2.detach(), "),
        edit("half of the target's gradient", "", "z2.detach()", "(z2 + z2.detach()) / 2"),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("directed_loss", view_by_view, unlisted)}
    assert [*found.values()] == [{"value", "gradient"}, {"gradient"}, {"gradient"}]
