"""The count over the test set is exact, an end of time is said, and points rise without a cliff."""

import math
import time

import numpy as np
import pytest
import torch
from torch import nn

from autograder.assignment import AccuracySheet
from autograder.engine import accuracy
from autograder.engine.accuracy import MEAN, STD, Accuracy, batch_for, normalised, points, top1
from autograder.engine.checkpoint import empty_classifier
from autograder.engine.measure import earned

SHEET = AccuracySheet("q6", "Accuracy", "best.pt", points=8, bonus=5, ramp_from=0.40, full_above=0.75, bonus_above=0.85)

torch.set_num_threads(1)


def images_and_labels(n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8), generator.integers(0, 10, n).astype(np.uint8)


class BrightestChannel(nn.Module):
    """Logits (n, 10) whose first three are the channels' means before normalisation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        means = x.mean(dim=(2, 3)) * torch.tensor(STD) + torch.tensor(MEAN)
        return torch.cat([means, torch.zeros(len(x), 7)], dim=1)


def test_normalisation_is_the_notebook_s():
    images, _ = images_and_labels(3)
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    expected = (torch.from_numpy(images).float() / 255 - mean) / std
    torch.testing.assert_close(normalised(images), expected)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_count_is_exact_over_a_ragged_last_batch(tmp_path, batch_size):
    images, _ = images_and_labels(53)
    labels = images.astype(np.float64).mean(axis=(2, 3)).argmax(axis=1)
    labels[:5] = 9
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    seen = []
    result = top1(BrightestChannel(), mapped, labels, batch_size=batch_size, progress=seen.append)
    assert (result.correct, result.total, result.finished) == (48, 53, True)
    assert result.top1 == 48 / 53
    assert seen[-1] == 53
    assert len(seen) == math.ceil(53 / batch_size)


def test_classifier_agrees_with_a_literal_loop_in_float64():
    torch.manual_seed(0)
    model = empty_classifier().to_empty(device="cpu")
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    model.eval()
    images, _ = images_and_labels(5)
    exact = model.double()
    labels = np.array([int(exact(normalised(images[k : k + 1]).double()).argmax()) for k in range(5)])
    labels[3] = (labels[3] + 1) % 10
    assert top1(model.float().train(), images, labels, batch_size=2).correct == 4


def test_values_that_overflow_count_as_wrong():
    class Diverged(nn.Module):
        def forward(self, x):
            return torch.full((len(x), 10), math.nan)

    images, _ = images_and_labels(4)
    assert top1(Diverged(), images, np.zeros(4, dtype=np.uint8)).correct == 0


def test_end_of_time_is_said():
    images, labels = images_and_labels(20)
    result = top1(BrightestChannel(), images, labels, deadline=time.monotonic() - 1)
    assert (result.total, result.top1, result.finished) == (0, 0.0, False)

    class Slow(BrightestChannel):
        def forward(self, x):
            time.sleep(0.2)
            return super().forward(x)

    result = top1(Slow(), images, labels, batch_size=5, deadline=time.monotonic() + 0.3)
    assert 0 < result.total < 20
    assert not result.finished
    assert result.certain == result.correct / 20


def test_points_that_are_certain_are_given_although_the_time_ran_out():
    """What was not looked at counts as wrong, so time can only cost points, never earn them."""

    def earned_of(correct, total, of=10_000, finished=False):
        return earned(SHEET, Accuracy(correct, total, 1.0, finished, of))

    assert earned_of(8_600, 9_000) == (8, 5) and earned_of(8_500, 8_500) == (8, 0)
    assert earned_of(7_500, 7_500) == (7.9, 0) and earned_of(3_900, 3_900) == earned_of(0, 0) == (0, 0)
    assert earned_of(8_600, 10_000, finished=True) == (8, 5)
    # Recorded before the number of all images was: nothing is certain of an unfinished one.
    assert earned_of(3_000, 3_000, of=0) == (0, 0) and earned_of(8_600, 10_000, of=0, finished=True) == (8, 5)
    assert earned(SHEET, None) == (0, 0)


@pytest.mark.parametrize(
    ("free_mb", "batch"),
    [(0, None), (203, None), (204, 32), (222, 32), (223, 64), (260, 64), (261, 128), (10_000, 128)],
)
def test_memory_decides_the_batch_of_the_faster_network(free_mb, batch):
    assert batch_for(free_mb << 20) == batch


def test_no_more_threads_than_the_container_has_processors(monkeypatch):
    seen = []

    class Threads(BrightestChannel):
        def forward(self, x):
            seen.append(torch.get_num_threads())
            return super().forward(x)

    images, labels = images_and_labels(4)
    torch.set_num_threads(3)
    try:
        for processors in (1, 2, 8):
            monkeypatch.setattr(accuracy, "processors", lambda processors=processors: processors)
            top1(Threads(), images, labels)
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(1)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(0.0, 0), (0.40, 0), (0.575, 4), (0.749, 7.9), (0.75, 7.9), (0.7501, 8), (0.85, 8), (0.8501, 13), (1.0, 13)],
)
def test_points_by_hand(accuracy, expected):
    assert points(SHEET, accuracy) == expected


def test_points_never_fall_and_jump_only_by_a_tenth_or_the_bonus():
    earned = [points(SHEET, count / 10_000) for count in range(10_001)]
    jumps = {round(after - before, 9) for before, after in zip(earned, earned[1:], strict=False)}
    assert jumps == {0, 0.1, 5}
