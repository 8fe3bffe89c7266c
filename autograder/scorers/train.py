"""``python -m autograder.scorers.train mnist``: train the scorer of a data set. The same data give the same weights.

The classifier also sees outliers (noise, shuffled pixels, two images on top of each other) with equal target
probabilities for all classes, because it would otherwise be confident about every image. Hendrycks et al. (2019), "Deep
Anomaly Detection with Outlier Exposure".
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from autograder.course import find_course
from autograder.datasets import find_data
from autograder.errors import KitError
from autograder.scorers.classifier import FOLDER, Classifier, Scorer, look, save
from data_scripts import Prepared

EPOCHS = 2
BATCH_SIZE = 128
LEARNING_RATE = 4e-3
SEED = 0
OUTLIERS = 0.25  # outliers per image of a batch
FEATURE_VARIANCE = 100.0


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m autograder.scorers.train", description="Train a data set's scorer."
    )
    parser.add_argument("dataset", help="mnist or fashion_mnist, prepared by ./kit data")
    parser.add_argument(
        "--out", type=Path, default=FOLDER, metavar="DIR", help="folder for the scorer (default: the package)"
    )
    arguments = parser.parse_args()
    data = find_data(arguments.dataset, None, find_course())
    if data is None:
        raise SystemExit(f"{arguments.dataset} is not prepared; run: ./kit data {arguments.dataset}")
    if data.manifest["generated"]:
        raise SystemExit(f"{data.folder} holds generated images; prepare the real ones to train a scorer")
    try:
        scorer = train(data)
    except KitError as error:
        raise SystemExit(str(error)) from None
    print(f"{scorer.about['accuracy']} of the test images correct; {save(scorer, arguments.dataset, arguments.out)}")


def train(data: Prepared, epochs: int = EPOCHS) -> Scorer:
    """A scorer of the prepared data set, trained on its training images and measured on its test images."""
    torch.set_num_threads(1)  # several threads would add numbers in another order
    torch.manual_seed(SEED)
    images, labels = torch.from_numpy(data.images("train").copy()), torch.from_numpy(data.labels("train"))
    classifier = Classifier(images.shape[1], len(data.manifest["classes"]))
    steps = epochs * (len(images) // BATCH_SIZE)
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    started = time.monotonic()
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(images)).split(BATCH_SIZE)[: steps // epochs]:
            loss = loss_of(classifier, images[rows].float() / 255, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(
            f"epoch {epoch + 1}: loss {total / (steps // epochs):.4f}, {time.monotonic() - started:.0f} s", flush=True
        )
    return measured(classifier.eval().requires_grad_(False), data)


def loss_of(classifier: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of images in [0, 1], plus that of outliers made from them with equal target probabilities."""
    strange = outliers(images)
    logits = classifier(torch.cat([images, strange]))[0]
    known, unknown = logits[: len(images)], logits[len(images) :]
    equal = torch.full_like(unknown, 1 / unknown.shape[1])
    return F.cross_entropy(known, labels) + OUTLIERS * F.cross_entropy(unknown, equal)


def outliers(images: torch.Tensor) -> torch.Tensor:
    """Outliers in [0, 1], a quarter as many as images, in equal parts of four kinds."""
    n = max(1, int(OUTLIERS * len(images)) // 4)
    first, second, third, fourth = images[:n], images[n : 2 * n], images[2 * n : 3 * n], images[3 * n : 4 * n]
    strength = torch.rand(n, 1, 1, 1)
    noise = torch.rand_like(first) ** (4 * strength)
    over = strength * second + (1 - strength) * second.flip(0) + 0.3 * torch.randn_like(second)
    height, width = images.shape[2:]
    grainy = third[:, :, torch.randperm(height)][:, :, :, torch.randperm(width)]
    quarters = fourth.roll((height // 2, width // 2), (2, 3))
    return torch.cat([noise, over, grainy, quarters]).clamp(0, 1)


def measured(classifier: Classifier, data: Prepared) -> Scorer:
    """The scorer of a trained classifier, with scaled features and its statistics on the test images."""
    images, labels = torch.from_numpy(data.images("test").copy()), torch.from_numpy(data.labels("test"))
    scale = (FEATURE_VARIANCE / look(classifier, images)[1].T.cov().trace()).sqrt().float()
    for value, factor in (
        (classifier.hidden.weight, scale),
        (classifier.hidden.bias, scale),
        (classifier.out.weight, 1 / scale),
    ):
        value.mul_(factor)
    probabilities, features = look(classifier, images)
    accuracy = (probabilities.argmax(dim=1) == labels).double().mean().item()
    histogram = torch.bincount(labels, minlength=len(data.manifest["classes"])).double() / len(labels)
    about = {"dataset": data.folder.name, "source": data.source, "accuracy": f"{accuracy:.2%}"}
    return Scorer(classifier, histogram, features.mean(dim=0), features.T.cov(), about)


if __name__ == "__main__":
    main()
