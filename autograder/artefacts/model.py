"""What an artefact grader is and what it finds. The rest of the kit knows nothing else about a kind."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from data_scripts.catalogue import DATASETS

if TYPE_CHECKING:
    import torch

    from autograder.pictures import Picture
    from data_scripts import Prepared


@dataclass(frozen=True)
class Test:
    """One test of an artefact. ``bonus`` points come on top of the possible ``points``."""

    __test__ = False  # pytest would collect a class with this name

    id: str
    title: str
    points: float
    bonus: float = 0.0


@dataclass(frozen=True)
class Headline:
    """The main number of an artefact, which students can compare. Larger is better.

    ``title`` is its name on a leaderboard, ``column`` its column in ``grades.csv``, ``text`` the value as text.
    """

    title: str
    column: str
    value: float
    text: str


@dataclass(frozen=True)
class Finding:
    """The result of a measurement, without points. It is stored, so points can change without a new measurement.

    ``sentences`` are for the student, by test. ``numbers`` are JSON; only the kind reads them. ``finished`` is False
    during the measurement, and afterwards if the time ran out. ``notes`` are sentences for the instructor.
    """

    sentences: Mapping[str, str]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    finished: bool = True
    notes: tuple[str, ...] = ()
    headline: Headline | None = None


@dataclass(frozen=True)
class Inputs:
    """The inputs of a measurement.

    ``has`` says whether the submission contains a file. ``read`` returns the tensors of a file and raises
    ``errors.Unread``. ``data`` is None if this grader has no images. ``deadline`` is a time of ``clock``.
    ``progress`` gets the number of units done, ``publish`` a finding with everything that is certain so far. ``near``
    names what is in the submission instead of a file, in a sentence, or returns ''.
    """

    dataset: str
    data: Prepared | None
    has: Callable[[str], bool]
    read: Callable[[str], dict[str, torch.Tensor]]
    deadline: float
    progress: Callable[[int], None] = lambda done: None
    publish: Callable[[Finding], None] = lambda finding: None
    clock: Callable[[], float] = time.monotonic
    near: Callable[[str], str] = lambda file: ""

    def missing(self, file: str) -> str:
        """The sentence for the student about a file that is not in the submission."""
        return f"{file} is not in the submission. {self.near(file)}".rstrip()


class Artefact(Protocol):
    """One ``[[artefact]]`` table of ``assignment.toml``: its settings, and the functions of its kind."""

    question: str
    title: str
    kind: str

    def tests(self) -> tuple[Test, ...]:
        """The tests of the question, in order."""

    def measure(self, inputs: Inputs) -> Finding:
        """Measure the submitted files."""

    def earned(self, finding: Finding) -> dict[str, tuple[float, str]]:
        """Points and the sentence for the student, by test. A pure function of the settings and the finding."""

    def settings(self) -> Mapping[str, Any]:
        """The entries (JSON) that a finding depends on. If they change, the artefact is measured again."""

    def files(self) -> tuple[str, ...]:
        """The names of the files that students submit."""

    def rule(self, dataset: str) -> str:
        """How the points are computed, in one line."""

    def units(self, data: Prepared) -> tuple[int, str]:
        """The largest number of progress units that ``measure`` reports, and the name of a unit."""

    def splits(self, data: Prepared) -> dict[str, int]:
        """The splits of the data set that the measurement needs, and how many of the first images of each."""

    def extra_files(self, dataset: str) -> tuple[Path, ...]:
        """Files of the package that the measurement needs, other than code."""

    def score(self, dataset: str, data: Prepared, tensors: Mapping[str, torch.Tensor] | None, split: str) -> str:
        """The text of ``./kit score`` for the tensors of a file, or (None) for real images of ``split``. Raises KitError."""


def source(data: Prepared) -> str:
    """Which images were measured."""
    title = DATASETS[data.manifest["dataset"]].title
    return f"generated images, not {title}" if data.manifest["generated"] else data.source
