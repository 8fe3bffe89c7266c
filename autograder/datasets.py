"""Finds the prepared data set that notebooks and q6 read, and prepares it where only a source of it is found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import data_scripts
from autograder.errors import KitError
from autograder.places import ROOT
from data_scripts import DataError, Prepared

# Where people keep data beside a checkout, nearest first.
USUAL_FOLDERS = (ROOT / "data", ROOT.parent / "data", ROOT.parent / "shared" / "data", Path.home() / "data")
TORCHVISION_FOLDERS = {"cifar10": "cifar-10-batches-py"}
SOURCES = {"cifar10": ("cifar-10-batches-py", "cifar10-*.zip", "cifar10.zip")}


def find_data(dataset: str, given: Path | None) -> Prepared | None:
    """The prepared data set in ``given``, or in ``KIT_DATA`` or a usual folder if that is None; None if there is none.

    Where ``given`` holds torchvision's own layout, it is prepared beside that.

    Raises:
        KitError: ``given`` holds no prepared data set.
    """
    try:
        if given is not None:
            found = data_scripts.locate([given, given.parent], dataset)
            if found is None and (given / TORCHVISION_FOLDERS[dataset]).is_dir():
                found = data_scripts.prepare(given, given)
            if found is None:
                raise KitError(
                    f"{given} holds no prepared {dataset}; make it with: "
                    f"python -m data_scripts {dataset} --source PATH --out {given}"
                )
            return found
        named = [Path(os.environ["KIT_DATA"])] if os.environ.get("KIT_DATA") else []
        return data_scripts.locate([*named, *USUAL_FOLDERS], dataset)
    except DataError as error:
        raise KitError(str(error)) from error


def find_source(dataset: str) -> Path | None:
    """An unprepared source of the data set in a usual folder, if any."""
    patterns = SOURCES[dataset]
    return next(
        (path for folder in USUAL_FOLDERS for pattern in patterns for path in sorted(folder.glob(pattern))), None
    )


def describe(prepared: Prepared | None) -> str:
    """One line for people."""
    if prepared is None:
        return "not found; python -m data_scripts cifar10 prepares it"
    counts = " and ".join(f"{count:,} {split}" for split, count in prepared.counts.items())
    return f"{prepared.source}, {counts} images in {prepared.folder}"


def find_or_prepare(given: Path | None, generated: dict[str, int], say: Callable[[str], None]) -> Prepared:
    """CIFAR-10 from ``given`` (prepared, or a source), from a usual folder, by download, or else generated images.

    What has to be prepared goes to ``ROOT/data``; generated images to ``ROOT/data/generated``.

    Raises:
        KitError: ``given`` is neither prepared nor a source that can be read.
    """
    try:
        if given is not None and data_scripts.locate([given, given.parent]):
            return data_scripts.locate([given, given.parent])
        if given is None and (found := find_data("cifar10", None)):
            return found
        source = given or find_source("cifar10")
        if source:
            say(f"preparing CIFAR-10 from {source}")
            return data_scripts.prepare(source, ROOT / "data")
    except DataError as error:
        raise KitError(str(error)) from error
    try:
        say("no CIFAR-10 found on this machine: downloading it")
        return data_scripts.prepare(None, ROOT / "data")
    except DataError as error:
        say(f"{error}; going on with generated images, which q6 will say")
        return data_scripts.prepare_generated(ROOT / "data" / "generated", **generated)
