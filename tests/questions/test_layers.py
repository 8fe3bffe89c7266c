"""Tracing the layers of a model and filling them; convolutions of which a few channels are computed."""

import pytest
import torch
from torch import nn

from autograder.questions.layers import ThinConvolutions, filled_model, pattern, trace_layers


def test_a_filled_model_is_the_same_whatever_the_seed_and_the_order_of_construction():
    x, values = torch.ones(2, 4, dtype=torch.float64), []
    for seed, first in ((0, True), (1, False)):

        class TwoLayers(nn.Module):
            def __init__(self):
                super().__init__()
                parts = {"a": (4, 3), "b": (3, 2)}
                for name in parts if first else reversed(parts):  # noqa: B023
                    setattr(self, name, nn.Linear(*parts[name]))

            def forward(self, x):
                return self.b(self.a(x))

        torch.manual_seed(seed)
        model, layers = filled_model(TwoLayers, x)
        assert [layer.key for layer in layers] == [("linear", 3, 4, 0), ("linear", 2, 3, 0)]
        assert model.a.weight.dtype == torch.float64
        values.append(model(x))
    assert torch.equal(*values)
    assert values[0].any()


def test_a_shared_layer_is_filled_once():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            return self.layer(self.layer(x))

    assert len(trace_layers(Shared(), torch.ones(2, 4))) == 1


def test_pattern_spreads_evenly_and_differs_from_layer_to_layer():
    first, second = pattern((512, 256), ("a",), "weight"), pattern((512, 256), ("b",), "weight")
    assert first.min() >= -1
    assert first.max() < 1
    assert abs(first.mean()) < 0.01
    assert first.square().mean().item() == pytest.approx(1 / 3, rel=0.02)
    assert abs((first * second).mean()) < 0.01
    assert torch.linalg.matrix_rank(first[:64, :64]) == 64


@pytest.mark.parametrize(
    "options", [{}, {"stride": 2, "padding": 1}, {"padding": "same", "bias": False}, {"groups": 3}], ids=repr
)
def test_a_thin_convolution_has_the_shape_and_the_first_channels_of_a_whole_one(options):
    convolution, x = nn.Conv2d(3, 9, 3, **options), torch.randn(2, 3, 8, 8)
    whole = convolution(x)
    with ThinConvolutions():
        thin = convolution(x)
    assert thin.shape == whole.shape
    torch.testing.assert_close(thin[:, :4], whole[:, :4])
    thin.relu_().sum().backward()  # in place: its channels share no memory
    assert convolution.weight.grad[:4].any()


def test_a_thin_convolution_raises_what_a_whole_one_does():
    convolution = nn.Conv2d(4, 64, 3)
    with pytest.raises(RuntimeError, match="to have 4 channels, but got 3 channels instead"), ThinConvolutions():
        convolution(torch.randn(1, 3, 8, 8))
