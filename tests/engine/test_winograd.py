"""Minimal filtering computes what plain convolutions do, tile by tile and through the whole classifier."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.engine.checkpoint import empty_classifier
from autograder.engine.winograd import (
    BATCHES,
    FILTER,
    FIXED_MB,
    MB_PER_IMAGE,
    Stage,
    Tiles,
    Winograd,
    fits,
    folded,
    kernel,
    plain,
    stage_sizes,
    transform_in,
    transform_out,
)

torch.set_num_threads(1)


def random_classifier(seed: int = 0) -> nn.Module:
    """The kit's classifier with weights as at the start of training and uneven statistics, in eval mode."""
    torch.manual_seed(seed)
    model = empty_classifier().to_empty(device="cpu")
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def images(n: int, channels: int = 3, side: int = 32) -> torch.Tensor:
    return torch.randn(n, channels, side, side).contiguous(memory_format=torch.channels_last)


def test_six_products_make_four_outputs_of_three_taps():
    x = torch.tensor([3, -1, 4, 1, -5, 9]).double()
    taps = torch.tensor([2, -7, 1]).double()
    factors, outputs = torch.zeros(6).double(), torch.zeros(4).double()
    transform_in(x, factors, torch.zeros(2).double())
    transform_out(factors * (FILTER @ taps), outputs, torch.zeros(4).double())
    expected = [2 * 3 + 7 * 1 + 4, -2 * 1 - 7 * 4 + 1, 2 * 4 - 7 * 1 - 5, 2 * 1 + 7 * 5 + 9]
    torch.testing.assert_close(outputs, torch.tensor(expected).double(), rtol=1e-14, atol=0)


def tiles(n: int, channels: int, side: int) -> Tiles:
    # What an earlier stage left in the memory must not be seen.
    return Tiles(n, channels, side, torch.full((Tiles.needed(n, channels, side),), torch.nan))


@pytest.mark.parametrize(("n", "channels", "side"), [(3, 5, 4), (2, 8, 8), (1, 3, 12), (2, 4, 32)])
@pytest.mark.parametrize("in_place", [False, True])
def test_a_convolution_is_the_plain_one_and_leaves_the_border_zero(n, channels, side, in_place):
    torch.manual_seed(0)
    layout = tiles(n, channels, side)
    x, convolution, norm = (
        images(n, channels, side),
        nn.Conv2d(channels, channels, 3, bias=False),
        nn.BatchNorm2d(channels),
    )
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    source, out = layout.empty(), torch.empty_like(x)
    layout.put(x, source)
    target = source if in_place else layout.empty()
    with torch.no_grad():
        layout.convolve(kernel(convolution, norm), source, target)
    layout.take(target, out)
    scale, bias = folded(norm)
    expected = F.conv2d(x.double(), convolution.weight.double() * scale.view(-1, 1, 1, 1), bias, padding=1)
    assert (out - expected).abs().max() <= 1e-5 * expected.abs().max()
    layout.put(torch.zeros_like(x), target)
    assert not target.any()


def test_images_come_out_of_maps_as_they_went_in():
    layout, x = tiles(2, 3, 8), images(2, 3, 8)
    maps, out = layout.empty(), torch.empty_like(x)
    layout.put(x, maps)
    layout.take(maps, out)
    assert torch.equal(out, x)
    assert float(maps.sum()) == pytest.approx(float(x.sum()), rel=1e-4)


def test_the_memory_that_is_said_to_be_needed_is_enough_for_every_stage():
    for size in stage_sizes(64):
        used = vars(Tiles(*size, torch.empty(Tiles.needed(*size)))).values()  # too little would raise
        ends = [one.storage_offset() + one.numel() for one in used if isinstance(one, torch.Tensor)]
        assert 0.8 * Tiles.needed(*size) < max(ends) <= Tiles.needed(*size)


def storages(*things):
    """The memory of all tensors in objects, lists and tuples: its address -> bytes."""
    found = {}
    for thing in things:
        if isinstance(thing, torch.Tensor):
            found[thing.untyped_storage().data_ptr()] = thing.untyped_storage().nbytes()
        elif isinstance(thing, (list, tuple)):
            found |= storages(*thing)
        elif isinstance(thing, (Winograd, Stage, Tiles)):
            found |= storages(*vars(thing).values())
    return found


@pytest.mark.parametrize("batch", BATCHES)
def test_the_megabytes_that_a_batch_is_said_to_take_are_those_it_takes(batch):
    model = random_classifier()
    own = storages(*model.state_dict().values())
    kept = sum(size for place, size in storages(Winograd(model, batch)).items() if place not in own)
    # What each stage leaves for the next one, the stem among them, and the images.
    passed = sum(4 * n * channels * side**2 for n, channels, side in [*stage_sizes(batch), (8, 64, 32), (batch, 3, 32)])
    said = FIXED_MB + batch * MB_PER_IMAGE
    assert 0.97 * said < (kept + passed) / 2**20 < 1.01 * said


@pytest.mark.parametrize("batch", [16, *BATCHES])
def test_each_stage_takes_whole_parts_of_what_the_next_one_takes(batch):
    at_a_time = [n for n, _, _ in stage_sizes(batch)]
    assert at_a_time[-1] == batch
    assert all(after % before == 0 for before, after in zip(at_a_time, at_a_time[1:]))


def test_folding_is_convolution_and_norm_in_eval_mode():
    model = random_classifier()
    x = images(1)
    weight, bias = plain(model.conv1, model.bn1)
    torch.testing.assert_close(F.conv2d(x, weight, bias, padding=1), model.bn1(model.conv1(x)), rtol=1e-5, atol=1e-5)
    points, weight, bias, kept = kernel(model.layer1[0].conv1, model.layer1[0].bn1)
    scale, expected = folded(model.layer1[0].bn1)
    weights = model.layer1[0].conv1.weight.double() * scale.view(-1, 1, 1, 1)
    for row in range(6):
        for column in range(6):
            at = torch.einsum("h,w,oihw->oi", FILTER[row], FILTER[column], weights)
            torch.testing.assert_close((points @ weight)[:, 6 * row + column].double(), at, rtol=1e-5, atol=1e-7)
    assert torch.equal(bias, expected.float())
    torch.testing.assert_close(torch.cat(list(kept), dim=1), points @ weight)
    assert not kernel(model.layer3[0].conv2, model.layer3[0].bn2).kept


def test_the_whole_classifier_and_the_largest_values_on_its_way_are_the_plain_one_s():
    model, x = random_classifier(), images(16)
    with torch.inference_mode():
        logits, peaks = Winograd(model, 16)(x)
        seen = []
        for module in model.modules():
            if isinstance(module, nn.ReLU):
                module.register_forward_hook(lambda module, inputs, output: seen.append(output.flatten(1).amax(dim=1)))
        exact = model.double()(x.double())
    assert (logits - exact).abs().max() < 1e-5 * exact.abs().max()
    torch.testing.assert_close(peaks.double(), torch.stack(seen, dim=1), rtol=1e-4, atol=0)


def test_a_batch_is_the_same_as_its_images_in_other_company():
    model, x = random_classifier(), images(32)
    logits, _ = Winograd(model, 32)(x)
    for some, expected in zip(x.split(16), logits.split(16)):
        assert (Winograd(model, 16)(some)[0] - expected).abs().max() < 1e-4 * logits.std()


def test_the_largest_weight_is_known():
    model = random_classifier()
    model.layer4[1].bn2.bias[7] = -3e20
    assert Winograd(model, 16).largest == float(np.float32(3e20))


def test_only_the_kit_s_own_classifier_fits():
    assert fits(random_classifier())
    assert not fits(nn.Flatten())
    model = random_classifier()
    model.fc = nn.Linear(512, 11)
    assert not fits(model)
