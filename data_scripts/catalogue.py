"""The data sets the kit can prepare: one entry each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from data_scripts.dataset import Dataset
from data_scripts.errors import DataError
from data_scripts.sources import cifar_batches, idx_files, image_folder, mat_files, official, stl_binary


def _torchvision(name: str) -> Callable[[], Any]:
    def load() -> Any:
        try:
            from torchvision import datasets
        except (ImportError, RuntimeError) as error:  # RuntimeError: of another torch
            raise DataError(
                f"torchvision, which knows the official files, cannot be imported ({error}); install it, "
                "then run the same command again"
            ) from error
        return getattr(datasets, name)

    return load


CIFAR10 = Dataset(
    name="cifar10",
    title="CIFAR-10",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    image_shape=(3, 32, 32),
    counts={"train": 50_000, "test": 10_000},
    layout="the official archive, packed or not, or a folder or zip with train/<class>/*.jpg|png and test/<class>/*.jpg|png",
    readers=(cifar_batches.recognise, image_folder.recognise),
    remote=official.remote,
    download_bytes=170_498_071,
    official=_torchvision("CIFAR10"),
)

MNIST = Dataset(
    name="mnist",
    title="MNIST",
    classes=tuple("0123456789"),
    image_shape=(1, 28, 28),
    counts={"train": 60_000, "test": 10_000},
    layout="a folder with the four IDX files (packed or not), or one that holds them in raw or MNIST/raw",
    readers=(idx_files.recognise,),
    remote=idx_files.remote,
    download_bytes=11_594_722,
    official=_torchvision("MNIST"),
)

FASHION_MNIST = replace(
    MNIST,
    name="fashion_mnist",
    title="Fashion-MNIST",
    classes=("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    layout="a folder with the four IDX files (packed or not), or one that holds them in raw or FashionMNIST/raw",
    download_bytes=30_878_645,
    official=_torchvision("FashionMNIST"),
)

SVHN = Dataset(
    name="svhn",
    title="SVHN",
    classes=tuple("0123456789"),
    image_shape=(3, 32, 32),
    counts={"train": 73_257, "test": 26_032},
    layout="a folder with train_32x32.mat and test_32x32.mat",
    readers=(mat_files.recognise,),
    remote=mat_files.remote,
    download_bytes=246_316_178,
    official=_torchvision("SVHN"),
)

STL10 = Dataset(
    name="stl10",
    title="STL-10",
    classes=("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
    image_shape=(3, 96, 96),
    counts={"train": 5_000, "test": 8_000, "unlabeled": 100_000},
    layout="the official archive stl10_binary, packed or not",
    readers=(stl_binary.recognise,),
    remote=official.remote,
    download_bytes=2_640_397_119,
    official=_torchvision("STL10"),
)

DATASETS = {dataset.name: dataset for dataset in (CIFAR10, MNIST, FASHION_MNIST, SVHN, STL10)}
