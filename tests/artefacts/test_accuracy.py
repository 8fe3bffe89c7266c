"""The count over the test set is exact, an end of time is said, and points rise without a cliff."""

import math
import time

import numpy as np
import pytest
import torch
from torch import nn

from autograder.artefacts import Finding, Inputs
from autograder.artefacts.accuracy import Accuracy, count, points
from autograder.artefacts.accuracy.count import Count, count_top1, normalised
from autograder.artefacts.accuracy.resnet18 import empty_classifier

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
SHEET = Accuracy(
    "q6", "accuracy", "Accuracy", "simclr_lin_best.pt", "resnet18_cifar", tuple("abcdefghij"), MEAN, STD,
    points=8, bonus=5, ramp_from=0.40, full_above=0.75, bonus_above=0.85,
)  # fmt: skip

torch.set_num_threads(1)


def top1(model, images, labels, **options) -> Count:
    return count_top1(model, images, labels, mean=MEAN, std=STD, **options)


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
    torch.testing.assert_close(normalised(images, MEAN, STD), expected)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_count_is_exact_over_a_ragged_last_batch(tmp_path, batch_size):
    images, _ = images_and_labels(53)
    labels = images.astype(np.float64).mean(axis=(2, 3)).argmax(axis=1)
    labels[:5] = 9
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    seen = []
    result = top1(BrightestChannel(), mapped, labels, batch_size=batch_size, reached=seen.append)
    assert (result.correct, result.evaluated, result.finished) == (48, 53, True)
    assert result.top1 == 48 / 53
    assert seen[-1] == result
    assert len(seen) == math.ceil(53 / batch_size)


def test_classifier_agrees_with_a_literal_loop_in_float64():
    torch.manual_seed(0)
    model = empty_classifier(10).to_empty(device="cpu")
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    model.eval()
    images, _ = images_and_labels(5)
    exact = model.double()
    labels = np.array([int(exact(normalised(images[k : k + 1], MEAN, STD).double()).argmax()) for k in range(5)])
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
    assert (result.evaluated, result.top1, result.finished) == (0, 0.0, False)

    class Slow(BrightestChannel):
        def forward(self, x):
            time.sleep(0.2)
            return super().forward(x)

    result = top1(Slow(), images, labels, batch_size=5, deadline=time.monotonic() + 0.3)
    assert 0 < result.evaluated < 20
    assert not result.finished


def test_points_that_are_certain_are_given_although_the_time_ran_out():
    """What was not looked at counts as wrong, so time can only cost points, never earn them."""

    def earned_of(correct, evaluated):
        numbers = {"correct": correct, "evaluated": evaluated, "dataset_size": 10_000}
        return tuple(points for points, _ in SHEET.earned(Finding({"accuracy": ""}, numbers)).values())

    assert earned_of(8_600, 9_000) == (8, 5) and earned_of(8_500, 8_500) == (8, 0)
    assert earned_of(7_500, 7_500) == (7.9, 0) and earned_of(3_900, 3_900) == earned_of(0, 0) == (0, 0)
    assert earned_of(8_600, 10_000) == (8, 5)
    assert [points for points, _ in SHEET.earned(Finding({"accuracy": "No file."})).values()] == [0, 0]


def test_what_is_certain_is_published_after_every_batch(images, checkpoint):
    """Each finding on the way counts the images that were not reached as wrong; the last is not of an unfinished one."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    tensors = {name: tensor.float() for name, tensor in state.items() if tensor.is_floating_point()}
    published = []
    inputs = Inputs("cifar10", images, lambda file: True, lambda file: tensors, math.inf, publish=published.append)
    found = SHEET.measure(inputs)
    assert [one.numbers["evaluated"] for one in published] == [16, 32, 48, 64, 80, 96, 100]
    certain = [one.numbers["correct"] / one.numbers["dataset_size"] for one in published]
    assert certain == sorted(certain) and certain[-1] == found.headline.value > 0
    assert not published[0].finished and published[0].headline is None
    assert published[0].sentences["accuracy"].startswith("Measured 16 of 100 images so far; the rest count as wrong.")
    assert found == published[-1] and found.finished


def test_the_time_that_ran_out_is_said_to_the_student(images, checkpoint):
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    tensors = {name: tensor.float() for name, tensor in state.items() if tensor.is_floating_point()}
    found = SHEET.measure(Inputs("cifar10", images, lambda file: True, lambda file: tensors, time.monotonic() - 1))
    assert not found.finished and found.headline is None
    assert found.sentences["accuracy"].startswith("The time ran out after 0 of 100 images; the rest count as wrong.")


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
            monkeypatch.setattr(count, "processors", lambda processors=processors: processors)
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
