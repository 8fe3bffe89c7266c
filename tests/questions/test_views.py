"""What measures a random transform: the marks see what they should, and nothing is taken for what it is not."""

import math

import pytest
import torch
import torchvision.transforms.functional as TF

from autograder.questions.views import (
    Watched,
    WrongView,
    all_settled,
    blurred_part,
    colour_marks,
    crafted_images,
    fixed_randomness,
    geometry_marks,
    view,
)


def test_rounds_give_the_views_of_one_long_look():
    watched = Watched(lambda image: image.float() + torch.rand(1), crafted_images()["grey"][:, :32, :32])
    for number in (2, 4, 8):
        watched.watch(number)
    assert len(watched.seen) == 8
    assert watched.seen.flatten(1)[:, 0].unique().numel() == 8


def test_a_mark_that_is_not_a_number_is_not_settled():
    everywhere = torch.tensor([[-math.inf, math.inf]] * 2)
    marks = {"flipped": torch.tensor(0.5), "hue": torch.tensor(0.5)}
    assert all_settled(marks, everywhere)
    assert not all_settled({**marks, "hue": torch.tensor(math.nan)}, everywhere)


def test_geometry_marks_read_a_known_crop():
    ramps = crafted_images()["ramps"]
    crop = TF.resized_crop(ramps.double(), top=4, left=6, height=16, width=24, size=[32, 32])
    marks = geometry_marks(torch.stack([crop, crop.flip(2), crop.flip(1)]))
    assert marks["mean_area"].item() == pytest.approx(16 * 24 / 1024, rel=0.01)
    assert marks["flipped"].item() == pytest.approx(1 / 3)
    assert marks["upside_down"].item() == pytest.approx(1 / 3)
    assert marks["grey"] == 0


def test_colour_marks_see_one_part_at_a_time():
    stripes = crafted_images()["stripes"].double() / 255
    changes = {
        "brightness": TF.adjust_brightness(stripes, 1.3),
        "contrast": TF.adjust_contrast(stripes, 0.7),
        "saturation": TF.adjust_saturation(stripes, 1.3),
        "hue": TF.adjust_hue(stripes, 0.06),
    }
    for part, changed in changes.items():
        marks = colour_marks(255 * changed.unsqueeze(0))
        assert {name: value.item() for name, value in marks.items()} == {name: float(name == part) for name in changes}


def test_blur_shows_only_where_it_is():
    ramps = crafted_images()["ramps"].double()
    sharp = torch.stack([TF.resized_crop(ramps, 3, 2, 28, w, [32, 32]) for w in (20, 24, 27, 30)])
    soft = TF.gaussian_blur(sharp, [3, 3], [1.0, 1.0])
    assert blurred_part(sharp) == 0
    assert blurred_part(soft) == 1


def test_a_view_of_another_shape_is_told():
    with pytest.raises(WrongView, match=r"the view has shape \(32, 32, 3\), expected \(3, 32, 32\)"):
        view(lambda image: image.permute(1, 2, 0), crafted_images()["grey"], 32)


def test_fixed_randomness_puts_the_random_state_back():
    state = torch.get_rng_state()
    with fixed_randomness():
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), state)
