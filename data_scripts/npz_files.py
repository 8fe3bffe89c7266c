"""A prepared data set as the ``.npz`` files of a command line: ``images`` (n, H, W, C) uint8 and ``labels`` (n,) int64."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from data_scripts.errors import describe_os_error
from data_scripts.prepared import Prepared

NUMBER = 23754  # in the name of the test images, where the command says none


def write_npz(data: Prepared, number: int = NUMBER) -> list[Path]:
    """Write ``<name>_train.npz`` and ``test_images_<number>.npz`` beside the data set's folder. Raises ``DataError``."""
    out = data.folder.parent
    names = {"train": f"{data.folder.name}_train.npz", "test": f"test_images_{number}.npz"}
    return [_write(data, split, out / name) for split, name in names.items()]


def _write(data: Prepared, split: str, path: Path) -> Path:
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            np.savez(file, images=data.images(split).transpose(0, 2, 3, 1), labels=data.labels(split))
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise describe_os_error(error, path) from error
    return path
