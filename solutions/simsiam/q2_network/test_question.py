"""Question 2: the oracle against lightly's heads, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
from lightly.models.modules import SimSiamPredictionHead, SimSiamProjectionHead
from torch import nn

from autograder.questions.edits import edit, edited
from autograder.release.trial import lost, surprises

from . import probes
from .correct import Plain
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE

HERE = Path(__file__).parent
H, Z = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 8, dtype=torch.float64)


class WithLightly(nn.Module):
    def __init__(self, encoder, width, bottleneck):
        super().__init__()
        self.projector = SimSiamProjectionHead(encoder.width, width, width)
        self.predictor = SimSiamPredictionHead(width, bottleneck, width)


@pytest.mark.parametrize(("probe", "rows"), [(probes.projector, {"h": H}), (probes.predictor, {"z": Z})])
def test_the_oracle_s_heads_are_those_of_lightly(probe, rows):
    ours, theirs = (
        probe({"SimSiam": made}, **rows, width=8, bottleneck=3) for made in (ORACLE["SimSiam"], WithLightly)
    )
    torch.testing.assert_close(ours, theirs)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("projector",): "last batch norm with parameters, last batch norm missing, ReLU at the end, two layers",
        ("predictor",): "no batch norm in the predictor, no ReLU in the predictor, batch norm on the prediction",
        ("forward",): "order of the results, z before p, predictions exchanged, first view twice, z normalised",
        ("conduct",): "z detached, z detached for the predictor, second view detached",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


class TwoPredictors(Plain):
    def __init__(self, encoder, width=512, bottleneck=128):
        super().__init__(encoder, width, bottleneck)
        self.other = nn.Sequential(nn.Linear(width, bottleneck), nn.ReLU(), nn.Linear(bottleneck, width))

    def forward(self, x1, x2):
        p1, _, z1, z2 = super().forward(x1, x2)
        return p1, self.other(z2), z1, z2


class HiddenLayers(Plain):
    def __init__(self, encoder, width=512, bottleneck=128):
        super().__init__(encoder, width, bottleneck)
        layers = [self.predictor]
        del self.predictor
        self.__dict__["predictor"] = layers[0]


class InAList(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class OneHiddenLayer(Plain):
    def __init__(self, encoder, width=512, bottleneck=128):
        super().__init__(encoder, width, bottleneck)
        self.predictor[3] = InAList(nn.Linear(bottleneck, width))


class FrozenLayer(Plain):
    def __init__(self, encoder, width=512, bottleneck=128):
        super().__init__(encoder, width, bottleneck)
        self.projector[3].weight.requires_grad_(False)


class WideBottleneck(Plain):
    def __init__(self, encoder, width=512, bottleneck=128):
        super().__init__(encoder, width, width)


@pytest.mark.parametrize(
    ("wrong", "tests"),
    [
        (TwoPredictors, {"forward"}),
        (HiddenLayers, {"forward", "conduct"}),
        (OneHiddenLayer, {"conduct"}),
        (FrozenLayer, {"conduct"}),
        (WideBottleneck, {"predictor"}),
    ],
)
def test_a_mistake_that_nobody_listed_is_seen(wrong, tests):
    assert set(lost(HERE, {"SimSiam": wrong})) == tests


_RETURN = "return self.predictor(z1), self.predictor(z2), z1, z2"
EDITS = {
    "No gradient of p1 ": ({"conduct"}, (_RETURN, "return self.predictor(z1.detach()), self.predictor(z2), z1, z2")),
    "No gradient of p2 ": ({"conduct"}, (_RETURN, "return self.predictor(z1), self.predictor(z2.detach()), z1, z2")),
    "No gradient of z1 ": ({"conduct"}, (_RETURN, "return self.predictor(z1), self.predictor(z2), z1.detach(), z2")),
    "No gradient of z2 ": ({"conduct"}, (_RETURN, "return self.predictor(z1), self.predictor(z2), z1, z2.detach()")),
    "Some weights ": ({"conduct"}, ("encoder(x1)", "encoder(x1).detach()", "encoder(x2)", "encoder(x2).detach()")),
    "You switch the mode ": ({"forward", "conduct"}, (_RETURN, f"self.eval()\n        {_RETURN}")),
}


@pytest.mark.parametrize("told", EDITS)
def test_forward_keeps_the_graph_of_each_result_and_the_mode(told):
    tests, changes = EDITS[told]
    found = lost(HERE, {"SimSiam": edited(Plain, edit(told, "", *changes))})
    assert set(found) == tests and found["conduct"].startswith(told)
