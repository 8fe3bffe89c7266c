"""Label subsets: which 1 % and 10 % of the training images keep their labels, in an index file beside the images.

``train-1percent.npy`` and ``train-10percent.npy`` hold int64 row numbers of ``train.npy``, ascending. Every class is in
them equally often, even if the classes of the whole have different sizes: n images of c classes give
round(percent · n / 100 / c) of each, but at least one and no more than the smallest class has. They are the first rows
of each class, so the smaller subset is part of the larger one, and the same images give the same subsets everywhere.
"""

from __future__ import annotations

import io

import numpy as np

from data_scripts.part_file import file_sha256, write_bytes, write_json
from data_scripts.prepared import MANIFEST, Prepared

PERCENTS = (1, 10)
SPLIT = "train"


def balanced_rows(labels: np.ndarray, classes: int, percent: int) -> np.ndarray:
    """(k,) int64, ascending: the first rows of each class, equally many; none if a class has no image.

    ``labels`` is (n,) of 0..classes-1, ``percent`` the share of n that is wanted.
    """
    smallest = np.bincount(labels, minlength=classes).min()
    each = min(max(round(percent * len(labels) / (100 * classes)), 1), smallest)
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:each] for label in range(classes)]))


def with_subsets(data: Prepared) -> Prepared:
    """``data`` with its index files and a manifest that names them, both written here.

    If a class has no image (few generated ones), no subset would be balanced, and none is made.
    """
    labels, classes = data.labels(SPLIT), len(data.manifest["classes"])
    entries = {}
    for percent in PERCENTS:
        rows = balanced_rows(labels, classes, percent)
        if len(rows):
            path = data.folder / f"{SPLIT}-{percent}percent.npy"
            write_bytes(path, _npy(rows))
            entries[str(percent)] = {"file": path.name, "images": len(rows), "sha256": file_sha256(path)}
    splits = data.manifest["splits"]
    manifest = data.manifest | {"splits": splits | {SPLIT: splits[SPLIT] | {"subsets": entries}}}
    write_json(data.folder / MANIFEST, manifest)
    return Prepared(data.folder, manifest)


def _npy(rows: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()
