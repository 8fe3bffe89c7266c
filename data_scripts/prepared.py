"""A prepared data set, as notebooks and the grader read it: two ``.npy`` files and a manifest, by numpy alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_scripts.errors import DataError
from data_scripts.split_file import file_sha256

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Prepared:
    """A data set in ``folder`` (``<out>/<name>``), with what its ``manifest.json`` says."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Prepared:
        """Read the manifest in ``folder``. Raises ``DataError`` where it is damaged."""
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text())
            whole = len(manifest["image_shape"]) == 3 and {"source", "generated", "classes"} <= manifest.keys()
            for entry in manifest["splits"].values():
                # A manifest may come from elsewhere: its files are files of its own folder.
                whole = whole and Path(entry["file"]).name == entry["file"] and {"images", "sha256"} <= entry.keys()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole:
            raise DataError(f"{path}: not the manifest of a prepared data set; remove {folder} and prepare it again")
        return cls(folder, manifest)

    @property
    def source(self) -> str:
        """Where the images come from, in one line; quote it wherever an accuracy is reported."""
        return self.manifest["source"]

    @property
    def counts(self) -> dict[str, int]:
        """Images of each split."""
        return {split: entry["images"] for split, entry in self.manifest["splits"].items()}

    def images(self, split: str) -> np.ndarray:
        """(n, C, H, W) uint8, a read-only view of the memory-mapped file."""
        rows = self._rows(split)
        return rows[:, 1:].reshape(len(rows), *self.manifest["image_shape"])

    def labels(self, split: str) -> np.ndarray:
        """(n,) int64, the place of each image's class in ``manifest["classes"]``."""
        return np.array(self._rows(split)[:, 0], np.int64)

    def verify(self) -> None:
        """Compare every file with its SHA-256. Raises ``DataError`` naming the first one that was altered."""
        for split in self.manifest["splits"]:
            if not self.is_intact(split):
                raise DataError(
                    f"{self._file(split)}: altered or missing since it was prepared; run the same "
                    "python -m data_scripts command again to repair it"
                )

    def is_intact(self, split: str) -> bool:
        """Whether the file of ``split`` is there and has the SHA-256 of the manifest."""
        path = self._file(split)
        return path.is_file() and file_sha256(path) == self.manifest["splits"][split]["sha256"]

    def _file(self, split: str) -> Path:
        return self.folder / self.manifest["splits"][split]["file"]

    def _rows(self, split: str) -> np.ndarray:
        expected = (self.counts[split], 1 + math.prod(self.manifest["image_shape"]))
        try:
            rows = np.load(self._file(split), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{self._file(split)}: cannot be read ({error}); prepare the data set again") from error
        if rows.shape != expected or rows.dtype != np.uint8:
            raise DataError(
                f"{self._file(split)}: {rows.dtype} of shape {rows.shape} where the manifest says uint8 of "
                f"shape {expected}; prepare the data set again"
            )
        return rows


def find(folders: Iterable[Path | str], name: str = "cifar10") -> Prepared | None:
    """The data set ``name`` in the first of ``folders`` that holds ``<folder>/<name>/manifest.json``, else None."""
    for folder in folders:
        if (Path(folder) / name / MANIFEST).is_file():
            return Prepared.open(Path(folder) / name)
    return None
