"""Official archives that are one ``.tar.gz`` with one folder in it, packed or unpacked: CIFAR-10 and STL-10.

torchvision's class of each knows the archive's address and MD5 and the MD5 of each file in it.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from data_scripts.dataset import Dataset
from data_scripts.download import Remote, md5_problem
from data_scripts.errors import DataError


def find_archive(path: Path, folder: str, first_file: str, archive: str) -> Path | None:
    """The unpacked ``folder`` or the packed ``archive`` that ``path`` is or holds (the folder first), else None.

    A folder of another name is recognised by ``first_file``, a packed archive of another name by its suffix.
    """
    if path.is_file():
        return path if path.name.endswith((".tar.gz", ".tgz")) else None
    for place in (path, path / folder):
        if place.is_dir() and (place.name == folder or (place / first_file).exists()):
            return place
    return path / archive if (path / archive).is_file() else None


def remote(dataset: Dataset, root: Path) -> tuple[Remote, ...]:
    """The archive in ``root``, where torchvision looks for it, too; nothing if ``root`` holds it unpacked and complete."""
    official = dataset.official()
    if all(
        (path := root / official.base_folder / name).is_file() and not md5_problem(path, md5)
        for name, md5 in _files(dataset)
    ):
        return ()
    return (Remote(root / official.filename, (official.url,), official.tgz_md5),)


def require_official(dataset: Dataset, place: Path) -> None:
    """Raise ``DataError`` if the archive ``place``, or a file of the folder ``place``, has another MD5."""
    files = _files(dataset) if place.is_dir() else [("", dataset.official().tgz_md5)]
    for name, md5 in files:
        if problem := md5_problem(place / name, md5):
            raise DataError(f"{place / name}: {problem}; unpack or download the archive again")


def fingerprint(dataset: Dataset) -> str:
    """The MD5s that all files must have: the same for the packed archive and for the folder."""
    return " ".join(md5 for _, md5 in _files(dataset))


@contextmanager
def open_file(dataset: Dataset, place: Path, name: str) -> Iterator[BinaryIO]:
    """A file of the folder or of the archive ``place``; the archive is read once, up to the file.

    Raises ``DataError`` if it is missing or the archive is damaged.
    """
    if place.is_dir():
        with open(place / name, "rb") as file:
            yield file
        return
    wanted = f"{dataset.official().base_folder}/{name}"
    try:
        with tarfile.open(place, "r|gz") as archive:
            for member in archive:
                if member.isfile() and member.name.removeprefix("./") == wanted:
                    yield archive.extractfile(member)
                    return
    except tarfile.TarError as error:
        raise DataError(f"{place}: damaged or incomplete ({error}); download it again") from error
    raise DataError(f"{place}: holds no {wanted}; download it again")


def _files(dataset: Dataset) -> list[tuple[str, str]]:
    """Name and MD5 of every file that is read."""
    official = dataset.official()
    return [(name, md5) for name, md5 in (*official.train_list, *official.test_list)]
