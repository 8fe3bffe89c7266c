"""The nearest training image, against a literal loop; real test images are no copies, disguised training images are."""

import numpy as np
import pytest
import torch

from autograder.artefacts.samples.copies import CHUNK, CLOSE, nearest
from data_scripts import locate

torch.set_num_threads(1)


def test_distance_agrees_with_a_literal_loop():
    generator = np.random.default_rng(0)
    training = generator.integers(0, 256, (CHUNK + 7, 1, 3, 4), dtype=np.uint8)
    images = torch.from_numpy(generator.integers(0, 256, (5, 1, 3, 4), dtype=np.uint8))
    images[2] = torch.from_numpy(training[CHUNK + 3])  # in the last, ragged chunk
    expected = [
        min(np.sqrt(np.mean((training.astype(float) - image.numpy()) ** 2, axis=(1, 2, 3)))) / 255 for image in images
    ]
    assert nearest(images, training).numpy() == pytest.approx(np.array(expected), abs=1e-3)
    assert expected[2] == 0


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_copies_are_told_from_real_images(name):
    data = locate(["data"], name)
    if data is None or data.manifest["generated"]:
        pytest.skip(f"{name} is not prepared")
    generator = torch.Generator().manual_seed(1)
    training = data.images("train")
    real = data.images("test")[torch.randperm(10_000, generator=generator)[:1000].numpy()]
    assert not (nearest(torch.from_numpy(real), training) < CLOSE).any()
    copied = torch.from_numpy(training[torch.randperm(60_000, generator=generator)[:100].numpy()]).float()
    noisy = (copied + 3 * torch.randn(copied.shape, generator=generator)).round().clamp(0, 255).to(torch.uint8)
    assert (nearest(noisy, training) < CLOSE).all()
