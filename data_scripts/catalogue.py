"""The data sets the kit can prepare: one entry each."""

from __future__ import annotations

from typing import Any

from data_scripts.dataset import Dataset
from data_scripts.sources import cifar_batches, image_folder


def _torchvision_cifar10() -> Any:
    from torchvision.datasets import CIFAR10

    return CIFAR10


CIFAR10 = Dataset(
    name="cifar10",
    title="CIFAR-10",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    image_shape=(3, 32, 32),
    counts={"train": 50_000, "test": 10_000},
    readers=(cifar_batches.recognise, image_folder.recognise),
    download=cifar_batches.download,
    official=_torchvision_cifar10,
)

DATASETS = {dataset.name: dataset for dataset in (CIFAR10,)}
