"""Copies of known images, also disguised ones, are told from other real images and from what a model would draw."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder.artefacts.samples import MOST_COPIES
from autograder.artefacts.samples.copies import CHUNK, copied, nearest
from data_scripts import locate

torch.set_num_threads(1)
NOISE = torch.Generator().manual_seed(2)
# Each with the least share of copies that is found.
DISGUISES = {
    "none": (lambda x: x, 1.0),
    "a pixel down": (lambda x: x.roll(1, 2), 0.3),
    "two pixels along both sides": (lambda x: x.roll((2, -2), (2, 3)), 0.1),
    "noise": (lambda x: x + 25 * torch.randn(x.shape, generator=NOISE), 0.3),
    "brighter": (lambda x: 1.5 * x + 20, 0.3),
    "darker": (lambda x: 0.5 * x, 0.9),
    "blurred": (lambda x: F.avg_pool2d(x, 3, 1, 1), 0.05),
    "smaller": (lambda x: F.pad(F.interpolate(x, size=26, mode="bilinear"), (1, 1, 1, 1)), 0.2),
}


def as_bytes(images):
    return images.round().clamp(0, 255).to(torch.uint8)


def test_a_shifted_image_is_at_no_distance_from_the_known_one_alone():
    generator = np.random.default_rng(0)
    known = np.zeros((40, 1, 16, 16), dtype=np.uint8)
    known[:, :, 5:11, 5:11] = generator.integers(0, 256, (40, 1, 6, 6))
    images = torch.from_numpy(known[:5]).roll((1, -2), (2, 3))
    found = nearest(images, known)
    assert found.shape == (5, 2) and (found[:, 0] < 0.005).all() and (found[:, 1] > 0.1).all()
    assert copied(images, [known]).all() and not copied(255 - images, [known]).any()


def test_all_chunks_are_searched_and_one_known_image_is_enough():
    known = np.random.default_rng(0).integers(0, 256, (CHUNK + 7, 1, 8, 8), dtype=np.uint8)
    images = torch.from_numpy(known[[3, CHUNK + 3]])
    assert copied(images, [known]).all() and copied(images, [known[:100], known[CHUNK:]]).all()
    assert copied(images, [known[:100]]).tolist() == [True, False]
    assert nearest(images, known[:1]).shape == (2, 1)


def test_an_image_that_is_known_twice_and_one_without_content():
    known = np.random.default_rng(0).integers(0, 256, (50, 1, 8, 8), dtype=np.uint8)
    known[1], known[2] = known[0], 0
    blank = torch.full((1, 1, 8, 8), 7, dtype=torch.uint8)
    assert copied(torch.cat([torch.from_numpy(known[:1]), blank]), [known]).tolist() == [True, False]


@pytest.fixture(scope="module", params=["mnist", "fashion_mnist"])
def real(request):
    data = locate(["data"], request.param)
    if data is None or data.manifest["generated"]:
        pytest.skip(f"{request.param} is not prepared")
    return data


def test_real_images_are_no_copies(real):
    """An honest model does not come closer to its training images than other images of the same kind do."""
    chosen = torch.randperm(10_000, generator=torch.Generator().manual_seed(1))[:400].numpy()
    images, training = torch.from_numpy(real.images("test")[np.sort(chosen)]), real.images("train")
    mixed = as_bytes((images[:100].float() + images[100:200].float()) / 2)  # what a poor model draws
    found = copied(torch.cat([images, mixed]), [training])
    assert found[:400].double().mean() <= MOST_COPIES / 4 and not found[400:].any()


def test_disguised_training_images_are_copies(real):
    """A set that consists of them loses its points by a wide margin, whatever the disguise."""
    training = real.images("train")[:20_000]
    images = torch.from_numpy(training[::400].copy()).float()
    disguised = torch.cat([as_bytes(disguise(images)) for disguise, _ in DISGUISES.values()])
    shares = copied(disguised, [training]).double().view(len(DISGUISES), -1).mean(dim=1).tolist()
    assert all(
        share >= least > 2 * MOST_COPIES for share, (_, least) in zip(shares, DISGUISES.values(), strict=True)
    ), shares
