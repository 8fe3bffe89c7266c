"""Finds the prepared data set that notebooks and grader read; prepares it if there is only a source of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import data_scripts
from autograder.course import Course
from autograder.errors import KitError
from data_scripts import DATASETS, DataError, Prepared

# What torchvision's class stores in its root.
TORCHVISION = {
    "cifar10": "cifar-10-batches-py",
    "mnist": "MNIST/raw",
    "fashion_mnist": "FashionMNIST/raw",
    "svhn": "train_32x32.mat",
    "stl10": "stl10_binary",
}
DEBIAN_FOLDER = Path("/usr/share/datasets")  # of Debian's packages: dataset-fashion-mnist
# Other names of sources in a usual folder or in Debian's.
SOURCES = {
    "cifar10": ("cifar-10-python.tar.gz", "cifar10-*.zip", "cifar10.zip"),
    "fashion_mnist": ("fashion-mnist",),
    "svhn": ("svhn/train_32x32.mat", "SVHN/train_32x32.mat"),
    "stl10": ("stl10_binary.tar.gz",),
}


def find_data(dataset: str, given: Path | None, course: Course | None) -> Prepared | None:
    """The prepared data set in ``given``, or in ``KIT_DATA`` or a usual folder if that is None; None if there is none.

    The data set '' is that of an assignment without images: None. If ``given`` holds torchvision's own layout, the data
    set is prepared in the same folder. The same goes for any other source in it, or if it is one: a zip of images, an
    official archive. Where nothing can be written there, it is prepared in the course's ``data/``.

    Raises:
        KitError: ``given`` holds neither a prepared data set nor a source of it.
    """
    if not dataset:
        return None
    found = find_prepared(dataset, given, course)
    if given is None or found is not None:
        return found
    if not given.exists():
        raise KitError(f"{given}: no such file or folder; give the folder of the data set with --data")
    if source := source_in(dataset, given):
        folder = given if given.is_dir() else given.parent
        here = course is None or writable(folder)
        return _prepare(dataset, source, folder if here else course.root / "data")
    raise KitError(
        f"{given} holds no prepared {dataset}; make it with: ./kit data {dataset} --source PATH --out {given}"
    )


def writable(folder: Path) -> bool:
    """Whether files may be made in a folder. Root may anywhere, but not where nobody is meant to."""
    return os.access(folder, os.W_OK) and bool(folder.stat().st_mode & 0o222)


def find_prepared(dataset: str, given: Path | None, course: Course | None) -> Prepared | None:
    """The data set in ``given`` or the usual places, as ``find_data`` finds it, if it is prepared.

    Raises:
        KitError: its manifest is damaged.
    """
    if given is not None:
        folders = (given, given.parent)
    else:
        folders = (*([Path(os.environ["KIT_DATA"])] if os.environ.get("KIT_DATA") else []), *usual_folders(course))
    try:
        return data_scripts.locate(folders, dataset)
    except DataError as error:
        raise KitError(str(error)) from error


def usual_folders(course: Course | None) -> tuple[Path, ...]:
    """Folders for data beside a course, nearest first, and in the user's home; without a course only the latter."""
    beside = (course.root, course.root.parent, course.root.parent / "shared") if course else ()
    return tuple(folder / "data" for folder in (*beside, Path.home()))


def find_source(dataset: str, course: Course | None) -> Path | None:
    """An unprepared source of the data set in a usual folder or in Debian's, if any."""
    return next(
        (path for folder in (*usual_folders(course), DEBIAN_FOLDER) for path in _sources(dataset, folder)), None
    )


def _sources(dataset: str, folder: Path) -> Iterator[Path]:
    """What lies in a folder under one of the usual names of a source."""
    return (
        path for pattern in (TORCHVISION[dataset], *SOURCES.get(dataset, ())) for path in sorted(folder.glob(pattern))
    )


def source_in(dataset: str, given: Path) -> Path | None:
    """``given`` if it is a source of the data set, else the first source in it; None if there is none.

    Raises:
        KitError: it looks like a source and cannot be read; the text says why.
    """
    problem = None
    for path in (given, *_sources(dataset, given)):
        try:
            if path.exists() and any(reader(DATASETS[dataset], path) for reader in DATASETS[dataset].readers):
                return path
        except (DataError, OSError) as error:
            problem = problem or KitError(str(error))
    if problem:
        raise problem
    return None


def describe(prepared: Prepared | None, dataset: str, course: Course | None) -> str:
    """One line about a data set, or how to prepare it."""
    if prepared is None:
        source = find_source(dataset, course)
        option = f" --source {shlex.quote(str(source))}" if source else ""
        return f"not found; ./kit data {dataset}{option} prepares it"
    counts = " and ".join(f"{count:,} {split}" for split, count in prepared.counts.items())
    return f"{prepared.source}, {counts} images in {prepared.folder}"


def find_or_prepare(
    given: Path | None, generated: dict[str, int], say: Callable[[str], None], dataset: str, course: Course
) -> Prepared:
    """The data set from ``given`` (prepared, or a source), from a usual folder, by download, or else generated images.

    It is prepared in the course's ``data/``; generated images in ``data/generated``.

    Raises:
        KitError: ``given`` is neither prepared nor a source that can be read, or nothing can be written.
    """
    if found := find_prepared(dataset, given, course):
        return found
    title = DATASETS[dataset].title
    if source := (source_in(dataset, given) or given) if given else find_source(dataset, course):
        say(f"preparing {title} from {source}")
        return _prepare(dataset, source, course.root / "data")
    try:
        say(f"no {title} found on this machine: downloading it")
        return _prepare(dataset, None, course.root / "data")
    except KitError as error:
        say(f"{error}; continuing with generated images")
    try:
        return data_scripts.prepare_generated(
            course.root / "data" / "generated", **generated, dataset=DATASETS[dataset]
        )
    except DataError as error:
        raise KitError(str(error)) from error


def _prepare(dataset: str, source: Path | None, out: Path) -> Prepared:
    try:
        return data_scripts.prepare(source, out, dataset=DATASETS[dataset])
    except DataError as error:
        raise KitError(str(error)) from error
