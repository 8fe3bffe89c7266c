"""Question 5: what the variants differ in, and what a mistake costs."""

from pathlib import Path

import pytest
import torch

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from ..probes import GivenEncoder
from . import probes
from .correct import by_branches
from .mistakes import MISCONCEPTIONS
from .oracle import variant

HERE = Path(__file__).parent


@pytest.mark.parametrize(("name", "width"), [("full", 6), ("no stop-gradient", 6), ("double width", 12)])
def test_the_oracle_s_networks(name, width):
    model, _ = variant(name, GivenEncoder(12, 4), 6, 3)
    p1, _, z1, _ = model(*torch.randn(2, 5, 3, 2, 2))
    assert p1.shape == z1.shape == (5, width) and model.predictor[0].weight.shape == (3, width)


def test_the_identity_predictor_returns_the_projections():
    model, _ = variant("identity predictor", GivenEncoder(12, 4), 6, 3)
    p1, p2, z1, z2 = model(*torch.randn(2, 5, 3, 2, 2))
    torch.testing.assert_close((p1, p2), (z1, z2))


def test_all_losses_have_one_value():
    given = torch.randn(4, 5, 3, dtype=torch.float64)
    values = [variant(name, GivenEncoder(12, 4), 6, 3)[1](*given).item() for name in probes.NAMES]
    assert values == pytest.approx([values[0]] * 4)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        (
            "losses",
        ): "gradient still stopped, gradient never stopped, predictions stopped, stopped in one direction, own views, "
        "plus sign, sum of both",
        ("networks",): "predictor kept, linear predictor, projector replaced, width kept, bottleneck doubled, "
        "encoder frozen",
        ("names",): "another name is full, another error",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("no predictor anywhere", "", 'if name == "identity predictor":', "if True:"),
        edit("own width", "", "width=width, ", ""),
        edit(
            "no stop for the identity",
            "",
            'if name == "no stop-gradient":',
            'if name in ("no stop-gradient", "identity predictor"):',
        ),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("variant", by_branches, unlisted)}
    assert [*found.values()] == [{"networks"}, {"networks"}, {"losses"}]
