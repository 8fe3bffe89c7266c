"""What an artefact grader is, and what it finds: all that the rest of the kit knows of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

    from autograder.engine.pictures import Picture
    from data_scripts import Prepared


@dataclass(frozen=True)
class Test:
    """One test of an artefact: ``bonus`` are points on top of the possible ``points``."""

    __test__ = False  # pytest takes a class of this name for one of its own

    id: str
    title: str
    points: float
    bonus: float = 0.0


@dataclass(frozen=True)
class Headline:
    """The one number of an artefact that students compare; larger is better.

    ``title`` names it on a leaderboard, ``column`` in ``grades.csv``; ``text`` is the value as people read it.
    """

    title: str
    column: str
    value: float
    text: str


@dataclass(frozen=True)
class Finding:
    """What is known of an artefact, whatever it is worth. It is stored, so points can be counted anew without measuring.

    ``sentences`` are for the student, by test. ``numbers`` are JSON, and only the kind reads them. ``finished`` is False
    while measuring goes on, and where the time ran out. ``notes`` are sentences for the instructor.
    """

    sentences: Mapping[str, str]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    finished: bool = True
    notes: tuple[str, ...] = ()
    headline: Headline | None = None


@dataclass(frozen=True)
class Inputs:
    """What a kind measures with.

    ``has`` says whether the submission holds a file; ``read`` gives its tensors and raises ``reading.Unread``. ``data``
    is None where this grader has no images. ``deadline`` is a ``time.monotonic()``. ``progress`` gets the number of units
    done, ``publish`` a finding of all that is certain so far.
    """

    dataset: str
    data: Prepared | None
    has: Callable[[str], bool]
    read: Callable[[str], dict[str, torch.Tensor]]
    deadline: float
    progress: Callable[[int], None] = lambda done: None
    publish: Callable[[Finding], None] = lambda finding: None


class Artefact(Protocol):
    """One ``[[artefact]]`` table of ``assignment.toml``, read by its kind: settings, and the functions of the kind."""

    question: str
    title: str
    kind: str

    def tests(self) -> tuple[Test, ...]:
        """The tests of the question, in order."""

    def measure(self, inputs: Inputs) -> Finding:
        """Measure what was handed in."""

    def earned(self, finding: Finding) -> dict[str, tuple[float, str]]:
        """Points and the sentence for the student, by test. A pure function of settings and finding."""

    def settings(self) -> Mapping[str, Any]:
        """The entries (JSON) on which a finding depends: where they change, the artefact is measured again."""

    def files(self) -> tuple[str, ...]:
        """The names of the files that students hand in."""

    def rule(self, dataset: str) -> str:
        """What decides the points, in one line."""

    def units(self, data: Prepared) -> tuple[int, str]:
        """How many units of progress ``measure`` reports at most, and what they are."""

    def splits(self, data: Prepared) -> dict[str, int]:
        """The splits of the data set that measuring needs, and how many images of each, from the first on."""

    def extra_files(self, dataset: str) -> tuple[Path, ...]:
        """Files of the package that measuring needs, beside code."""

    def score(self, dataset: str, data: Prepared, tensors: Mapping[str, torch.Tensor] | None, split: str) -> str:
        """What ``./kit score`` prints of a file's tensors; for None, of the real images of ``split``. Raises KitError."""
