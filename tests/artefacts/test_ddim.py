"""Sampling in few steps: a known answer, another library's, a literal loop; time, memory and numbers that overflow."""

import math
import time

import pytest
import torch
from torch import nn

from autograder.artefacts.samples.ddim import SEED, NotFinite, batch_size, draw, linear_alpha_bar, strided
from autograder.given.unet import UNet

torch.set_num_threads(1)
ALPHA_BAR = linear_alpha_bar(20, 1e-3, 0.3)


class Network(nn.Module):
    """A function of x (n, c, h, w) and the integer t (n,) in the place of a U-Net."""

    widths = (8,)

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, t):
        assert t.dtype == torch.int64 and t.shape == x.shape[:1]
        return self.function(x, t[0])


def noise_towards(picture):
    """The noise in x if all data are one picture."""
    return Network(lambda x, t: (x - ALPHA_BAR[t].sqrt() * picture) / (1 - ALPHA_BAR[t]).sqrt())


def wavy(x, t):
    return torch.sin(x + 0.1 * t) + 0.3 * x


def test_the_linear_schedule_is_that_of_ho_et_al():
    alpha_bar = linear_alpha_bar()
    assert alpha_bar.shape == (1000,) and alpha_bar.dtype == torch.float32
    expected = math.prod(1 - (1e-4 + (0.02 - 1e-4) * s / 999) for s in range(1000))
    assert alpha_bar[0].item() == pytest.approx(1 - 1e-4) and alpha_bar[-1].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("length", "steps", "expected"),
    [(10, 4, [9, 6, 3, 0]), (3, 25, [2, 1, 0]), (1, 25, [0]), (10, 1, [9]), (5, 2, [4, 0])],
)
def test_strides(length, steps, expected):
    assert strided(length, steps) == expected


def test_strides_of_a_long_schedule_are_even_and_fall():
    times = strided(1000, 25)
    assert (times[0], times[-1], len(set(times))) == (999, 0, 25)
    assert {a - b for a, b in zip(times, times[1:])} <= {41, 42}


@pytest.mark.parametrize("steps", [1, 2, 7, 20, 50])
def test_the_one_picture_of_the_data_comes_out(steps):
    picture = torch.linspace(-1, 1, 20).view(1, 4, 5)
    drawn = draw(noise_towards(picture), ALPHA_BAR, (6, 1, 4, 5), steps)
    assert drawn.finished
    torch.testing.assert_close(drawn.images, picture.expand(6, 1, 4, 5), atol=1e-5, rtol=0)


@pytest.mark.parametrize("steps", [1, 4, 20])
def test_a_literal_loop_in_float64_agrees(steps):
    """Equation 12 of Song et al. with eta = 0, for each number alone."""
    drawn = draw(Network(wavy), ALPHA_BAR, (3, 1, 2, 2), steps).images.flatten().tolist()
    noise = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(SEED)).flatten().tolist()
    times = strided(20, steps)
    for x, expected in zip(noise, drawn):
        for k, t in enumerate(times):
            a = float(ALPHA_BAR[t])
            b = float(ALPHA_BAR[times[k + 1]]) if k + 1 < len(times) else 1.0
            eps = math.sin(x + 0.1 * t) + 0.3 * x
            x0 = max(-1.0, min(1.0, (x - math.sqrt(1 - a) * eps) / math.sqrt(a)))
            x = math.sqrt(b) * x0 + math.sqrt(1 - b) * eps
        assert x == pytest.approx(expected, abs=1e-4)


def test_diffusers_draws_the_same():
    diffusers = pytest.importorskip("diffusers")
    beta = 1 - torch.cat([ALPHA_BAR[:1], ALPHA_BAR[1:] / ALPHA_BAR[:-1]])
    scheduler = diffusers.DDIMScheduler(20, trained_betas=beta.tolist(), clip_sample=True, set_alpha_to_one=True)
    scheduler.set_timesteps(20)
    network = Network(wavy)
    x = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(SEED))
    for t in scheduler.timesteps:
        x = scheduler.step(network(x, t.expand(4)), t, x, eta=0.0).prev_sample
    torch.testing.assert_close(draw(network, ALPHA_BAR, (4, 1, 3, 3), 20).images, x, atol=1e-4, rtol=0)


def test_samples_do_not_depend_on_batches_or_on_the_random_state(monkeypatch):
    torch.manual_seed(0)
    model = UNet(1, (8, 8)).eval()
    for parameter in model.out.parameters():
        nn.init.normal_(parameter)
    together = draw(model, ALPHA_BAR, (5, 1, 6, 6), 3).images
    before = torch.random.get_rng_state()
    monkeypatch.setattr("autograder.artefacts.samples.ddim.LARGEST_BATCH", 2)
    seen = []
    apart = draw(model, ALPHA_BAR, (5, 1, 6, 6), 3, progress=seen.append).images
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.testing.assert_close(apart, together, atol=1e-3, rtol=0)
    assert seen == [2, 4, 5]


def test_an_untrained_network_draws_pictures_all_the_same():
    drawn = draw(UNet(3, (8, 8)).eval(), linear_alpha_bar(), (2, 3, 7, 9), 5)
    assert drawn.images.shape == (2, 3, 7, 9) and drawn.images.abs().max() <= 1


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_answers_that_overflow_are_no_samples(value):
    with pytest.raises(NotFinite):
        draw(Network(lambda x, t: torch.full_like(x, value)), ALPHA_BAR, (2, 1, 4, 4), 3)


def test_the_end_of_time_is_kept(monkeypatch):
    monkeypatch.setattr("autograder.artefacts.samples.ddim.LARGEST_BATCH", 1)

    def slow(x, t):
        time.sleep(0.05)
        return x

    started = time.monotonic()
    drawn = draw(Network(slow), ALPHA_BAR, (100, 1, 4, 4), 5, deadline=started + 0.4)
    assert time.monotonic() - started < 2
    assert not drawn.finished and 0 < drawn.steps < drawn.wanted == 500
    assert len(drawn.images) == drawn.steps // 5
    assert draw(Network(slow), ALPHA_BAR, (2, 1, 4, 4), 5, deadline=started).steps == 0


def test_batches_get_smaller_for_wider_networks():
    with torch.device("meta"):
        sizes = [batch_size(UNet(1, widths), (256, 1, 28, 28)) for widths in ((8, 8), (32, 64, 160), (1024, 1024))]
    assert sizes[0] == sizes[1] == 32 and sizes[2] == 1
