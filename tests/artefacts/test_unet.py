"""A submitted U-Net under whatever prefix becomes the kit's, and one that does not fit becomes a sentence."""

import pytest
import torch

from autograder.artefacts.samples.unet import network, schedule
from autograder.errors import CheckpointError
from autograder.given.unet import UNet

torch.set_num_threads(1)


def weights(channels=1, widths=(8, 16), classes=0, seed=0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = UNet(channels, widths, classes).state_dict()
    return {name: torch.randn(value.shape, generator=generator) * 0.1 for name, value in state.items()}


def prefixed(state, prefix):
    return {prefix + name: value for name, value in state.items()}


def assert_same(model, state):
    assert model.state_dict().keys() == state.keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize("prefix", ["", "module.", "state_dict.", "model.module._orig_mod."])
@pytest.mark.parametrize("sizes", [(1, (8, 16), 0), (3, (8,), 0), (1, (8, 16, 24, 8), 10)])
def test_any_size_under_any_prefix(prefix, sizes):
    state = weights(*sizes)
    model = network(prefixed(state, prefix) | {"alpha_bar": torch.ones(3)}, sizes[0])
    assert (model.channels, model.widths, model.classes) == sizes
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())
    assert_same(model, state)


@pytest.mark.parametrize("names", [("model.", "ema."), ("EMA_model.", "net."), ("net.", "best.ema.module.")])
def test_the_averaged_network_wins(names):
    states = {name: weights(seed=k) for k, name in enumerate(names)}
    tensors = {key: value for name, state in states.items() for key, value in prefixed(state, name).items()}
    averaged = next(state for name, state in states.items() if "ema" in name.lower())
    assert_same(network(tensors, 1), averaged)


def test_it_computes_what_the_saved_network_computed():
    torch.manual_seed(0)
    saved = UNet(1, (8, 16)).eval()
    torch.nn.init.normal_(saved.out.weight)
    x, t = torch.randn(2, 1, 12, 12), torch.tensor([3, 0])
    with torch.inference_mode():
        assert torch.equal(network(prefixed(saved.state_dict(), "ema."), 1)(x, t), saved(x, t))


def changed(name, value):
    return weights() | {name: value}


def without(name):
    return {key: value for key, value in weights().items() if key != name}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (
            {"conv1.weight": torch.zeros(64, 3, 3, 3)},
            'no U-Net among the 1 tensors. The first tensors are "conv1.weight"',
        ),
        ({}, "no U-Net among the 0 tensors"),
        (without("middle.1.norm2.bias"), "lacks middle.1.norm2.bias"),
        (without("down.0.conv1.weight"), "lacks down.0.conv1.weight"),
        (without("down.1.conv1.weight"), "U-Net's middle.0.norm1.weight has shape (16,); the other tensors need (8,)"),
        (changed("out.weight", torch.zeros(1, 16, 3, 3)), "out.weight has shape (1, 16, 3, 3); the other tensors need"),
        (changed("down.1.conv1.weight", torch.zeros(12, 8, 3, 3)), "widths are (8, 12); each must be a multiple of 8"),
        (
            changed("down.1.conv1.weight", torch.zeros(0, 8, 3, 3)),
            "down.1.conv1.weight has shape (0, 8, 3, 3); a convolution",
        ),
        (
            changed("down.1.conv1.weight", torch.zeros(16)),
            "down.1.conv1.weight has shape (16,); a convolution has four",
        ),
        (changed("stem.weight", torch.zeros(())), "stem.weight has shape (); a convolution has four"),
        (
            changed("label.weight", torch.zeros(11, 7)),
            "label.weight has shape (11, 7); the other tensors need (11, 32)",
        ),
        (changed("norm.weight", torch.full((8,), torch.nan)), "norm.weight holds NaN or infinity"),
        (changed("up.0.conv1.bias", torch.full((8,), torch.inf)), "up.0.conv1.bias holds NaN or infinity"),
        (weights(3), "expects 3 image channels; these images have 1"),
        (
            changed("down.2.conv1.weight", torch.zeros(8 * 10**12, 0, 3, 3)),
            "down.2.conv1.weight has shape (8000000000000, 0",
        ),
        (changed("down.1.conv1.weight", torch.zeros(8 * 10**6, 1, 1, 1)), "the other tensors need"),
    ],
)
def test_what_does_not_fit_is_named(tensors, words):
    with pytest.raises(CheckpointError) as error:
        network(tensors, 1)
    assert words in str(error.value)
    assert str(error.value).isprintable() and len(str(error.value)) < 300


def test_names_of_any_content_give_one_printable_line():
    with pytest.raises(CheckpointError) as error:
        network({"\x1b[31m\n" + "x" * 10_000: torch.zeros(1)}, 1)
    assert str(error.value).isprintable() and len(str(error.value)) < 300


@pytest.mark.parametrize("name", ["alpha_bar", "schedule.alpha_bar"])
def test_the_schedule_is_found(name):
    alpha_bar = torch.linspace(0.99, 0.01, 7)
    assert torch.equal(schedule({"beta": torch.ones(7), name: alpha_bar}), alpha_bar)
    assert schedule({"my_alpha_bar": alpha_bar}) is None


@pytest.mark.parametrize(
    ("alpha_bar", "words"),
    [
        (torch.tensor(0.5), "has shape ()"),
        (torch.ones(2, 3), "has shape (2, 3)"),
        (torch.ones(0), "has shape (0,)"),
        (torch.linspace(1, 0, 10**6), "has shape (1000000,)"),
        (torch.full((5,), 0.5), "must decrease"),
        (torch.tensor([0.9, 0.8, 0.8]), "must decrease"),
        (torch.tensor([0.1, 0.5, 0.9]), "must decrease"),
        (torch.tensor([1.0, 0.5]), "must decrease"),
        (torch.tensor([0.5, 0.0]), "must decrease"),
        (torch.tensor([0.9, torch.nan, 0.1]), "must decrease"),
        (torch.tensor([torch.nan]), "must decrease"),
        (torch.tensor([torch.inf, 0.5]), "must decrease"),
    ],
)
def test_a_schedule_that_is_none_is_named(alpha_bar, words):
    with pytest.raises(CheckpointError) as error:
        schedule({"alpha_bar": alpha_bar})
    assert words in str(error.value)
