"""A prepared data set, as notebooks and the grader read it: ``.npy`` files and a manifest, by numpy alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_scripts.errors import DamagedManifest, DataError, describe_os_error
from data_scripts.part_file import file_sha256

MANIFEST = "manifest.json"
UNLABELLED = 255  # instead of a label, if a split has none (STL-10's "unlabeled")


@dataclass(frozen=True)
class Prepared:
    """A data set in ``folder`` (``<out>/<name>``), with what its ``manifest.json`` says."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Prepared:
        """Read the manifest in ``folder``. Raises ``DamagedManifest``, or ``DataError`` if it cannot be read."""
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text())
            whole = len(manifest["image_shape"]) == 3 and {"source", "generated", "classes"} <= manifest.keys()
            for entry in manifest["splits"].values():
                for stored in (entry, *entry.get("subsets", {}).values()):
                    # A manifest may come from others: accept only files of its own folder.
                    inside = Path(stored["file"]).name == stored["file"]
                    whole = whole and inside and {"images", "sha256"} <= stored.keys()
        except (ValueError, KeyError, TypeError, AttributeError):
            whole = False
        except OSError as error:
            raise describe_os_error(error, path) from error
        if not whole:
            raise DamagedManifest(
                f"{path}: not the manifest of a prepared data set; remove {folder} and prepare it again"
            )
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
        """(n,) int64, the index of each image's class in ``manifest["classes"]``; 255 (``UNLABELLED``) if it has none."""
        return np.array(self._rows(split)[:, 0], np.int64)

    def subset(self, split: str, percent: int) -> np.ndarray:
        """(k,) int64, ascending: the rows of ``split`` that are its ``percent`` % with labels, each class equally often.

        They are stored for 1 and 10 % of "train". Raises ``DataError`` if they are not.
        """
        entry = self._subsets(split).get(str(percent))
        if entry is None:
            raise DataError(
                f"{self.folder}: no stored subset of {percent} % of {split}; those of 1 and 10 % of train are made by: "
                f"python -m data_scripts {self.manifest['dataset']} --out {self.folder.parent}"
            )
        path = self.folder / entry["file"]
        try:
            rows = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: cannot be read ({error}); prepare the data set again") from error
        whole = rows.dtype == np.int64 and rows.shape == (entry["images"],)
        if not whole or rows.min() < 0 or rows.max() >= self.counts[split]:
            raise DataError(f"{path}: not the index file of the manifest; prepare the data set again")
        return rows

    def verify(self) -> None:
        """Compare every file with its SHA-256. Raises ``DataError`` naming the first one that was altered."""
        for split, entry in self.manifest["splits"].items():
            for stored in (entry, *self._subsets(split).values()):
                if not self._matches(stored):
                    raise DataError(
                        f"{self.folder / stored['file']}: altered or missing since it was prepared; run the same "
                        "python -m data_scripts command again to repair it"
                    )

    def is_intact(self, split: str) -> bool:
        """Whether the file of ``split`` exists and has the SHA-256 of the manifest."""
        return self._matches(self.manifest["splits"][split])

    def has_subsets(self) -> bool:
        """Whether the index files of "train" were made (an earlier version made none) and are intact."""
        made = "subsets" in self.manifest["splits"]["train"]
        return made and all(self._matches(stored) for stored in self._subsets("train").values())

    def _subsets(self, split: str) -> dict[str, dict[str, Any]]:
        """Percent -> file, number of images and SHA-256 of an index file."""
        return self.manifest["splits"][split].get("subsets", {})

    def _matches(self, stored: dict[str, Any]) -> bool:
        path = self.folder / stored["file"]
        return path.is_file() and file_sha256(path) == stored["sha256"]

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
