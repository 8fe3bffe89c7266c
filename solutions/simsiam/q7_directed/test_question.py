"""Question 7: laws of the oracle, and what a mistake costs."""

from pathlib import Path

import torch

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
    def pulled_a_little(p_heavy, z_heavy, p1, p2, z1, z2):
        extra = 0.1 * torch.cosine_similarity(p1, z_heavy[0, 0].detach()).mean()
        return view_by_view(p_heavy, z_heavy, p1, p2, z1, z2) - extra + extra.detach()

    def views_of_two_alone(p_heavy, z_heavy, p1, p2, z1, z2):
        return view_by_view(p_heavy[:, :2], z_heavy[:, :2], p1, p2, z1, z2)

    def without_the_second(p_heavy, z_heavy, p1, p2, z1, z2):
        return view_by_view(p_heavy, z_heavy, p1, p2.detach(), z1, z2)

    seen = {f: set(lost(HERE, {"directed_loss": f})) for f in (pulled_a_little, views_of_two_alone, without_the_second)}
    assert [*seen.values()] == [{"gradient"}, {"value", "gradient"}, {"gradient"}]
