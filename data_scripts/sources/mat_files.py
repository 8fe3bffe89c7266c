"""SVHN's cropped digits: ``train_32x32.mat`` and ``test_32x32.mat``, in MATLAB's format (Netzer et al. 2011).

``X`` holds the images, (32, 32, 3, n) uint8; ``y`` the labels 1..10, (n, 1), where 10 stands for the digit 0.
scipy reads them; only this module needs it. A damaged file can crash the process inside scipy (a segmentation fault), so
each file's MD5 is compared with the one torchvision knows before scipy sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_scripts.dataset import Dataset, Rows
from data_scripts.download import Remote, md5_problem
from data_scripts.errors import DataError
from data_scripts.sources.order import shuffled

FILES = {"train": "train_32x32.mat", "test": "test_32x32.mat"}
CHUNK = 2000


def recognise(dataset: Dataset, path: Path) -> MatFiles | None:
    """The source where ``path`` is one of the two files or a folder that holds one, else None."""
    folder = path.parent if path.name in FILES.values() else path
    return MatFiles(dataset, folder) if any((folder / name).is_file() for name in FILES.values()) else None


def remote(dataset: Dataset, root: Path) -> tuple[Remote, ...]:
    """Both files, where torchvision looks for them, too. Raises ``DataError`` before any download if scipy is missing."""
    _require_scipy()
    files = (dataset.official().split_list[split] for split in FILES)
    return tuple(Remote(root / name, (url,), md5) for url, name, md5 in files)


class MatFiles:
    """The two files in ``folder``, rows in the order of ``shuffled``."""

    generated = False

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        _require_scipy()
        self.description = f"{dataset.title}, official cropped digits"
        self.dataset = dataset
        self.files = {split: folder / name for split, name in FILES.items()}
        self.md5 = {split: dataset.official().split_list[split][2] for split in FILES}
        for path in self.files.values():
            if not path.is_file():
                raise DataError(f"{path}: missing; get both files, {' and '.join(FILES.values())}")

    def fingerprint(self) -> str:
        """The MD5s that the files must have, so files with the same ones give the same rows."""
        return " ".join(self.md5.values())

    def chunks(self, split: str, start: int) -> Iterator[Rows]:
        """``CHUNK`` rows at a time; one split's images are held in memory once, as scipy reads them (225 MB)."""
        from scipy.io import loadmat

        path = self.files[split]
        if problem := md5_problem(path, self.md5[split]):
            raise DataError(f"{path}: {problem}; download it again")
        content = loadmat(path, variable_names=["X", "y"])
        images, labels = content["X"], content["y"][:, 0]
        order = shuffled(split, len(labels))
        for first in range(start, len(labels), CHUNK):
            chosen = order[first : first + CHUNK]
            rows = np.empty((len(chosen), self.dataset.row_bytes), np.uint8)
            rows[:, 0] = labels[chosen] % 10
            rows[:, 1:] = images[..., chosen].transpose(3, 2, 0, 1).reshape(len(chosen), -1)
            yield rows


def _require_scipy() -> None:
    try:
        import scipy.io  # noqa: F401
    except ImportError as error:
        raise DataError(
            f"scipy, which reads {' and '.join(FILES.values())}, is not installed; run: pip install scipy"
        ) from error
