"""What the benchmarks of training share: the SimCLR notebook's functions, ready to train, and rows of results."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from autograder.datasets import find_data
from autograder.errors import KitError
from autograder.release.course import assignment_master
from tests.checkout import COURSE, SOLUTIONS
from tests.notebook_names import notebook_names

RESULTS = SOLUTIONS / "simclr" / "results"  # where the committed figures and tables lie

Names = dict[str, Any]


def solution(run: Path, profile: str, plain: bool = False) -> Names:
    """The names of the solution notebook under ``profile``, with ``run`` as its run folder, ready to train.

    A ``plain`` one is in float32.
    """
    os.environ["KIT_PROFILE"] = profile
    run.mkdir(parents=True, exist_ok=True)
    names = notebook_names(assignment_master(COURSE.assignment("simclr")), run)
    if plain:
        names["PRECISION"] = "float32"
    return names


def cifar10(split: str, data: Path | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (n, 3, 32, 32) uint8 and labels (n,) int64.

    Raises:
        KitError: CIFAR-10 is not prepared.
    """
    prepared = find_data("cifar10", data, COURSE)
    if prepared is None:
        raise KitError("there is no prepared cifar10; make it with: ./kit data cifar10")
    return torch.from_numpy(prepared.images(split).copy()), torch.from_numpy(prepared.labels(split).astype("int64"))


def label_rows(percent: int, data: Path | None = None) -> torch.Tensor:
    """(k,) int64: the training rows that keep their labels, from the prepared data set's index file."""
    return torch.from_numpy(find_data("cifar10", data, COURSE).subset("train", percent))


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none where it is missing."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict]) -> None:
    """Write rows as CSV, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    os.replace(temporary, path)


def keep(run: Path, *names: str) -> None:
    """Copy what the named trainings of a run folder left as text, and the run's figures, to the committed results."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    trainings = [file for name in names for end in ("csv", "json") for file in run.glob(f"{name}.{end}")]
    for file in [*trainings, *run.glob("figures/*.png")]:
        shutil.copyfile(file, RESULTS / file.name)
