"""The scorer of a data set: a small classifier and its statistics on the test images, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from torch import nn

FOLDER = Path(__file__).resolve().parent
FEATURES = 48
BATCH_SIZE = 64
STATISTICS = ("histogram", "mean", "covariance")


class Classifier(nn.Module):
    """Three convolutions and two linear layers, for images (n, c, h, w) in [0, 1] of at least 8 x 8 pixels."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        self.conv3, self.norm3 = nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
        self.hidden, self.out = nn.Linear(64 * 3 * 3, FEATURES), nn.Linear(FEATURES, classes)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, classes), and the features before them (n, 48)."""
        h = F.max_pool2d(F.relu(self.norm1(self.conv1(2 * x - 1))), 2)
        h = F.max_pool2d(F.relu(self.norm2(self.conv2(h))), 2)
        h = F.adaptive_avg_pool2d(F.relu(self.norm3(self.conv3(h))), 3)
        features = F.relu(self.hidden(h.flatten(1)))
        return self.out(features), features


@dataclass(frozen=True)
class Scorer:
    """A trained classifier with the test set's class histogram, feature mean (48,) and feature covariance (48, 48).

    The features are scaled so that the trace of the covariance is 100 for every data set. ``about`` describes the images
    that the scorer was made from.
    """

    classifier: Classifier
    histogram: torch.Tensor
    mean: torch.Tensor
    covariance: torch.Tensor
    about: Mapping[str, str]


def load(name: str, folder: Path = FOLDER) -> Scorer | None:
    """The scorer of the data set ``name``; None if there is none."""
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        return None
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["about"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (no mapping)
    statistics = {key: tensors.pop(key).double() for key in STATISTICS}
    classifier = Classifier(tensors["conv1.weight"].shape[1], len(tensors["out.bias"]))
    classifier.load_state_dict(tensors)
    return Scorer(classifier.eval().requires_grad_(False), **statistics, about=about)


def save(scorer: Scorer, name: str, folder: Path = FOLDER) -> Path:
    """Write a scorer to the file that ``load`` reads. One metadata entry, because safetensors does not keep their order."""
    tensors = dict(scorer.classifier.state_dict())
    tensors |= {key: getattr(scorer, key).contiguous() for key in STATISTICS}
    path = folder / f"{name}.safetensors"
    path.write_bytes(to_bytes(tensors, {"about": json.dumps(dict(scorer.about))}))
    return path


def look(classifier: Classifier, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Class probabilities (n, classes) and features (n, 48), float64, of (n, c, h, w) uint8 images."""
    probabilities, features = [], []
    with torch.inference_mode():
        for batch in images.split(BATCH_SIZE):
            logits, seen = classifier(batch.float() / 255)
            probabilities.append(logits.double().softmax(dim=1))
            features.append(seen.double())
    return torch.cat(probabilities), torch.cat(features)
