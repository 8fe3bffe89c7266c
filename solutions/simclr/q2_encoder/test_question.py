"""Question 2: the oracle against torchvision, and what the probes make of odd models."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock

from autograder.questions.layers import fill_layers, trace_layers
from autograder.questions.probing import NotAPair
from autograder.release.trial import lost
from .correct import CORRECT, IdentityLayers, OwnResNet
from .mistakes import MISCONCEPTIONS
from .oracle import SimCLR
from . import counts
from .probes import simclr_features, simclr_modes, simclr_projection

FOLDER = Path(__file__).parent
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}


def images(n=2, seed=0):
    return torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_oracle_agrees_with_torchvision_layer_by_layer():
    """Weights are copied by place, not by the probe's filling: the two have no code in common."""
    ours, theirs = SimCLR(), resnet18(weights=None)
    theirs.conv1, theirs.maxpool, theirs.fc = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity(), nn.Identity()
    convolutions = [m for m in theirs.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in theirs.modules() if isinstance(m, nn.BatchNorm2d)]
    names = [name.removesuffix("_weight") for name, t in ours.tensors.items() if t.ndim == 4]
    assert len(names) == len(convolutions) == len(norms) == 20
    for name, convolution, norm in zip(names, convolutions, norms, strict=True):
        nn.init.uniform_(norm.running_mean, -0.3, 0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        ours.tensors[f"{name}_weight"].data = convolution.weight.data
        ours.tensors[f"{name}_gamma"].data, ours.tensors[f"{name}_beta"].data = norm.weight.data, norm.bias.data
        setattr(ours, f"{name}_mean", norm.running_mean.clone())
        setattr(ours, f"{name}_variance", norm.running_var.clone())
    ours, theirs, x = ours.double(), theirs.double(), images().double()
    for training in (False, True, False):  # the last one sees the statistics that the second has moved
        h, z = ours.train(training)(x)
        torch.testing.assert_close(h, theirs.train(training)(x))
        assert z.shape == (2, 128)


def test_filling_depends_on_use_not_on_names_order_or_seed():
    x, filled = images(1), []
    for model in (IdentityLayers(), OwnResNet()):
        layers = trace_layers(model, x)
        fill_layers(layers)
        filled.append({layer.key: layer.tensors["weight"] for layer in layers})
    assert filled[0].keys() == filled[1].keys()
    assert len(filled[0]) == 20 + 20 + 2
    for key, weight in filled[0].items():
        assert torch.equal(weight, filled[1][key]), key


def test_a_batch_of_two_projections_is_not_taken_for_a_pair():
    with pytest.raises(NotAPair, match=r"should be the pair \(h, z\); it is a tensor of shape \(2, 128\)"):
        simclr_features(WRONG["only z returned"], images(2))


def test_a_wrong_encoder_keeps_the_point_of_its_head():
    features = torch.rand(2, 512)
    correct = simclr_projection({"SimCLR": IdentityLayers}, images(), features, 128)
    wrong = simclr_projection(WRONG["ImageNet stem"], images(), features, 128)
    torch.testing.assert_close(wrong["z"], correct["z"])
    assert wrong["head_input_difference"] == 0


def test_a_head_that_is_fed_with_something_else_shows():
    answer = simclr_projection(WRONG["head on normalised h"], images(), torch.rand(2, 512), 128)
    assert answer["head_input_difference"] > 0.1


@pytest.mark.parametrize(
    ("name", "output", "least"),
    [
        ("h detached", "idle_parameters", 60),
        ("encoder without gradients", "idle_parameters", 60),
        ("forward sets train mode", "moved_in_eval", 20),
        ("forward sets eval mode", "idle_statistics", 20),
        ("batch norm without running statistics", "norms_without_statistics", 20),
        ("head in a list", "unregistered", 4),
        ("all weights zero", "flat_weights", 22),
        ("two passes", "repeated_layers", 20),
        ("encoder frozen", "frozen", 60),
        ("h returned without gradient", "h_without_graph", 1),
    ],
)
def test_modes_measure_what_a_mistake_leaves(name, output, least):
    assert counts.simclr_modes(simclr_modes(WRONG[name], images()), images())[output] >= least


def test_a_mistake_costs_its_own_points_only():
    """h after fc is two: the head is that of another width."""
    costs = {m.id: set(lost(FOLDER, m.namespace, one_draw=True)) for m in MISCONCEPTIONS if not m.harmless}
    assert {name: tests for name, tests in costs.items() if len(tests) != 1} == {
        "h after fc": {"encoder", "projection"}
    }


def changed(**methods):
    return {"SimCLR": type("Changed", (IdentityLayers,), methods)}


def initialised(change):
    def __init__(self, projection_dim=128):
        IdentityLayers.__init__(self, projection_dim)
        change(self)

    return changed(__init__=__init__)


def headed(feed):
    def forward(self, x):
        h = self.encoder(x)
        return h, feed(self, h)

    return changed(forward=forward)


def frozen_norms(self, mode=True):
    nn.Module.train(self, mode)
    for layer in self.encoder.layer1.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()
    return self


def hidden(self):
    self.hidden, self.encoder.conv1 = [self.encoder.conv1], nn.Identity()
    self.encoder.bn1 = nn.Sequential(Hidden(self.hidden), self.encoder.bn1)


class Hidden(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = {"first": layers[0]}

    def forward(self, x):
        return self.layers["first"](x)


KINDS = {
    "a convolution in a dict": (initialised(hidden), "modes", "plain list or dict"),
    "dropout on h": (headed(lambda self, h: self.projector(F.dropout(h, 0.05, self.training))), "projection", "give the head"),
    "dropout on z": (headed(lambda self, h: F.dropout(self.projector(h), 0.05, self.training)), "projection", "train mode"),
    "noise on h in train mode": (headed(lambda self, h: self.projector(h + 0.01 * self.training * torch.randn_like(h))), "projection", "give the head"),
    "first linear layer at zero": (initialised(lambda self: nn.init.zeros_(self.projector[0].weight)), "modes", "start"),
    "all weights equal": (initialised(lambda self: [nn.init.constant_(p, 0.01) for p in self.parameters()]), "modes", "equal"),
    "all gammas zero": (
        initialised(lambda self: [nn.init.zeros_(m.weight) for m in self.modules() if isinstance(m, nn.BatchNorm2d)]),
        "modes", "same for all images",
    ),
    "one frozen weight": (initialised(lambda self: self.encoder.conv1.requires_grad_(False)), "modes", "freeze nothing"),
    "some batch norms in eval mode": (changed(train=frozen_norms), "modes", "running statistics"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_mistake_costs_one_test_and_is_told(kind):
    namespace, test, words = KINDS[kind]
    found = lost(FOLDER, namespace)
    assert set(found) == {test}
    assert words in found[test]


def zero_residuals(self):
    for block in self.modules():
        if isinstance(block, BasicBlock):
            nn.init.zeros_(block.bn2.weight)


def other_initialisation(self):
    for layer in self.projector:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)


@pytest.mark.parametrize("change", [zero_residuals, other_initialisation])
def test_usual_initialisations_are_fine(change):
    assert lost(FOLDER, initialised(change)) == {}


@pytest.mark.parametrize("name", CORRECT)
def test_correct_models_lose_nothing(name):
    assert lost(FOLDER, CORRECT[name]) == {}


def test_probe_adds_no_seed_of_its_own():
    """The global generator is the student's: what it is before a probe decides what it is after it."""
    states = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        simclr_features({"SimCLR": IdentityLayers}, images(1))
        states.append(torch.get_rng_state())
    assert not torch.equal(*states)
