"""Whatever the faster network gets wrong by rounding, every class is the plain network's."""

import math
import time

import numpy as np
import pytest
import torch
from torch import nn

from autograder.engine import predictions
from autograder.engine.checkpoint import empty_classifier
from autograder.engine.predictions import (
    CHECKED,
    LARGEST,
    OVERFLOW,
    SAFETY,
    UNDECIDED,
    Shortcut,
    Trial,
    classes_of,
    difference,
    examine,
    find_shortcut,
    gaps,
    predict,
    small_weights,
)
from autograder.engine.winograd import Winograd

torch.set_num_threads(1)


class Counted(nn.Module):
    """A network that counts the images that it sees."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.seen = network, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        return self.network(x)


class Rounding:
    """A linear network's logits (n, 10) with an error of up to ``error(x)`` in each."""

    batch = 16

    def __init__(self, network: nn.Module, error) -> None:
        self.network, self.error = network, error

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.network(x)
        return logits + self.error(x)[:, None] * torch.sin(1e4 * logits), x.amax(dim=1, keepdim=True)


@pytest.fixture
def linear():
    """A linear network, 10,000 inputs of it, and which class it gives to each."""
    torch.manual_seed(0)
    network, x = nn.Linear(20, 10).requires_grad_(False), 100 * torch.randn(10_000, 20)
    return Counted(network), x, classes_of(network(x))


def drawn(network: nn.Module, rounding: Rounding, x: torch.Tensor) -> Shortcut:
    """What is known of it after it has seen these inputs."""
    return examine(network, rounding, x.split(rounding.batch)).shortcut


@pytest.mark.parametrize(("worse", "most"), [(1, 2000), (3, 4000), (SAFETY / 2.1, 10_000)])
def test_images_worse_than_those_drawn_keep_their_class(linear, worse, most):
    network, x, expected = linear
    rounding = Rounding(network.network, lambda x: torch.where(x[:, 0] > 0, worse, 1.0) * 1e-2)
    shortcut = drawn(network.network, rounding, x[x[:, 0] < 0][:128])
    assert 0.9e-2 < shortcut.noise < 1.1e-2
    assert (rounding(x)[0].argmax(dim=1).numpy() != expected).any(), "no class changes: the test shows nothing"
    assert (predict(network, x.__getitem__, len(x), 16, shortcut) == expected).all()
    assert CHECKED < network.seen <= most


def test_differences_met_on_the_way_widen_the_margin(linear):
    network, x, expected = linear
    rounding = Rounding(network.network, lambda x: torch.full((len(x),), 1.0))
    shortcut = Shortcut(rounding, 1e-6, torch.tensor([math.inf]))
    assert (rounding(x)[0].argmax(dim=1).numpy() != expected).sum() > CHECKED
    assert (predict(network, x.__getitem__, len(x), 16, shortcut) == expected).all()


def test_a_network_that_never_differs_decides_all_but_the_closest_and_ties(linear):
    network, x, expected = linear
    exact, seen = Rounding(network.network, lambda x: torch.zeros(len(x))), []
    shortcut = drawn(network.network, exact, x[:64])
    assert (predict(network, x.__getitem__, len(x), 16, shortcut, progress=seen.append) == expected).all()
    assert (shortcut.noise, network.seen) == (0, CHECKED)
    assert seen == sorted(seen) and seen[-1] == len(x)
    network.network.weight.zero_()
    network.network.bias.zero_()
    shortcut = drawn(network.network, exact, x[:64])
    network.seen = 0
    assert (predict(network, x.__getitem__, 500, 16, shortcut) == 0).all()
    assert network.seen == 500


def test_images_unlike_those_drawn_are_left_to_the_plain_network(linear):
    network, x, _ = linear
    x[7:107] = 1e3 * x[7:107].abs()
    x[9000, 3] = math.nan
    expected = classes_of(network.network(x))
    rounding = Rounding(network.network, lambda x: torch.where(x.amax(dim=1) > 5e3, 1e6, 0.0))
    shortcut = drawn(network.network, rounding, x[200:264])
    assert (rounding(x)[0].argmax(dim=1).numpy() != expected).sum() > 10
    assert (predict(network, x.__getitem__, len(x), 16, shortcut) == expected).all()
    assert 101 <= network.seen <= 112
    assert expected[9000] == OVERFLOW


def test_what_the_time_does_not_reach_is_undecided(linear):
    network, x, expected = linear
    assert (predict(network, x.__getitem__, len(x), 16, deadline=time.monotonic() - 1) == UNDECIDED).all()
    shortcut = drawn(network.network, Rounding(network.network, lambda x: torch.full((len(x),), 0.03)), x[:128])
    late = predict(network, x.__getitem__, len(x), 16, shortcut, deadline=time.monotonic() - 1)
    assert (late == UNDECIDED).all()

    deadline = time.monotonic() + 3

    class Slow(nn.Module):
        def forward(self, some):
            time.sleep(max(0, deadline - time.monotonic()))
            return network(some)

    some = predict(Slow(), x.__getitem__, len(x), 16, shortcut, deadline)
    assert network.seen == 16
    assert 1000 < (some == UNDECIDED).sum() < 9000
    assert (some == expected)[some != UNDECIDED].all()


@pytest.fixture(scope="module")
def pictures():
    """Images of different colours, in noise."""
    torch.manual_seed(1)
    images = torch.randn(48, 3, 1, 1) + torch.randn(48, 3, 32, 32) / 2
    return images.contiguous(memory_format=torch.channels_last)


def classifier(pictures: torch.Tensor) -> nn.Module:
    """The kit's classifier as at the start of training, with logits that are 0 on the average."""
    torch.manual_seed(0)
    model = empty_classifier().to_empty(device="cpu")
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    model.fc.bias -= model(pictures[:8]).mean(dim=0)
    return model


def scale_convolutions(model: nn.Module, factor: float) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.weight *= factor


def keep(model):
    """As it is."""


def scale_and_normalise(model):
    """Weights of 10,000 that batch norm takes back."""
    scale_convolutions(model, 1e4)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean *= 1e4
            module.running_var *= 1e8


def shrink(model):
    """Weights that leave little more than the biases of batch norm."""
    scale_convolutions(model, 1e-4)


def overflow(model):
    """Weights that overflow on the way."""
    scale_convolutions(model, 1e4)


def negative_variance(model):
    """A variance that has no root."""
    model.layer2[0].bn1.running_var[5] = -3


def tie(model):
    """Logits that are all the same."""
    model.fc.weight.zero_()
    model.fc.bias.fill_(0.25)


def tie_of_two(model):
    """The two largest logits are the same for every image."""
    model.fc.weight[4:6] = model.fc.weight[4]
    model.fc.bias[4:6] = 1e4


def nearly_tie(model):
    """The two largest logits differ by rounding."""
    tie_of_two(model)
    model.fc.weight[5] *= 1 + 2e-7


def cancel(model):
    """A layer of which rounding alone is left, enlarged."""
    first = model.layer3[0]
    first.conv2.weight[1::2] = -first.conv2.weight[::2]
    model.layer3[1].conv1.weight *= 1e6


ALL = (keep, scale_and_normalise, shrink, overflow, negative_variance, tie, tie_of_two, nearly_tie, cancel)


@pytest.mark.parametrize("change", ALL, ids=lambda change: change.__name__)
@torch.inference_mode()
def test_classes_are_the_plain_network_s_for_any_weights(change, pictures, monkeypatch):
    monkeypatch.setattr(predictions, "CHECKED", 0)
    model = classifier(pictures)
    change(model)
    expected = classes_of(model(pictures))
    network, counted = Winograd(model, 16), Counted(model)
    shortcut = examine(model, network, [pictures[:16]]).shortcut
    assert (predict(counted, pictures.__getitem__, 48, 16, shortcut) == expected).all()
    if change in (keep, scale_and_normalise):
        assert len(set(expected)) > 2, "the logits hardly depend on the image: the test shows nothing"
        assert counted.seen <= 16
    if change in (tie, tie_of_two, nearly_tie, overflow, negative_variance):
        assert counted.seen == 48
    assert (expected == OVERFLOW).all() == (change in (overflow, negative_variance))


def trial(noise=1e-5, peak=10.0, plain_seconds=2.0, seconds=1.0, unclear=0.01) -> Trial:
    return Trial(Shortcut(None, noise, torch.tensor([1.0, peak])), plain_seconds, seconds, unclear)


def test_a_shortcut_is_taken_only_where_it_helps():
    assert trial().worth_it()
    assert not trial(noise=math.inf).worth_it()
    assert not trial(peak=LARGEST).worth_it()
    assert not trial(peak=math.nan).worth_it()
    assert not trial(seconds=2.0).worth_it()
    assert not trial(seconds=1.7, unclear=0.2).worth_it()
    assert not trial(unclear=0.25).worth_it()


def test_a_trial_says_what_is_unclear(linear):
    network, x, _ = linear
    rounding = Rounding(network.network, lambda x: torch.full((len(x),), 0.03))
    found = examine(network.network, rounding, x[:128].split(16))
    expected = (gaps(rounding(x[:128])[0]) <= SAFETY * found.shortcut.noise).mean()
    assert found.unclear == expected > 0.1
    assert found.plain_seconds > 0 and found.seconds > 0
    assert float(found.shortcut.peaks) == 4 * float(x[:128].max())


def test_a_trial_ends_with_the_time(linear):
    network, x, _ = linear
    counted = Counted(network.network)
    assert examine(counted, network.network, x[:128].split(16), deadline=time.monotonic() - 1) is None
    assert counted.seen == 0


def test_no_shortcut_for_other_models_few_images_or_huge_weights(pictures):
    def pictures_of(rows):
        raise AssertionError("nothing is to be tried")

    model = classifier(pictures)
    assert find_shortcut(nn.Linear(20, 10), pictures_of, 10_000, 16) is None
    assert find_shortcut(model, pictures_of, 500, 16) is None
    assert find_shortcut(model, pictures_of, 10_000, None) is None
    assert small_weights(model)
    model.layer1[0].bn1.running_var[0] = 2e15
    assert not small_weights(model)
    assert find_shortcut(model, pictures_of, 10_000, 16) is None
    model.layer1[0].bn1.running_var[0] = -1e-5  # with epsilon 0 in one precision, not quite in another
    assert not small_weights(model)


def test_gaps_classes_and_differences_by_hand():
    logits = torch.tensor([[1.0, 4.0, 2.5], [3.0, 3.0, 0.0], [math.inf, 0.0, 1.0], [0.0, math.nan, 1.0]])
    assert gaps(logits).tolist() == [1.5, 0.0, -math.inf, -math.inf]
    assert classes_of(logits).tolist() == [1, 0, OVERFLOW, OVERFLOW]
    assert difference(logits[:2], logits[:2] + 0.5) == 0.5
    assert difference(logits, logits) == math.inf
    assert difference(logits[:0], logits[:0]) == 0
    assert np.isneginf(gaps(torch.full((2, 10), math.nan))).all()
