"""What a hostile case is: a submission, what it tries, what it deserves, and what must not happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.corpus import small

Check = Callable[[object, object, Path], list[str]]

# Points of one right function, of two, of all three.
NOTHING, ONE, TWO = 0.0, 8.0, 16.0
RIGHT_ONE = (small.IMPORTS, small.NT_XENT)


@dataclass(frozen=True)
class Attack:
    """One hostile submission.

    ``tries`` and ``must_not`` are sentences for the reader. ``honest`` is what the submission deserves without the
    attack; it earns no more, and no less than ``least`` (the same, unless the attack ruins its own answers:
    ``why_less`` says how), within ``seconds``. ``cells`` and ``files`` make up the submission, or ``build(folder)``
    makes an odd one and returns its path. ``earlier`` are the cells of an accomplice's submission that is graded
    before. ``check`` looks for further damage after grading and returns a sentence for each. ``kit_only`` marks what
    means nothing to a stock grader; ``hindrance`` says why the case cannot be made here, or gives None.
    """

    id: str
    tries: str
    must_not: str
    cells: tuple[str, ...] = ()
    honest: float = NOTHING
    least: float | None = None
    why_less: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    build: Callable[[Path], Path] | None = None
    earlier: tuple[str, ...] = ()
    check: Check | None = None
    kit_only: bool = False
    hindrance: Callable[[], str | None] = lambda: None
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.least is not None and not self.why_less:
            raise ValueError(f"{self.id}: say why less than {self.honest:g} points can be right")

    def hand_in(self, folder: Path) -> Path:
        """Make the submission in ``folder`` (not there yet); returns its path."""
        if self.build is None:
            return small.hand_in(folder, self.cells, self.files)
        folder.mkdir(parents=True)
        return self.build(folder)

    def hand_in_earlier(self, folder: Path) -> Path:
        """Make the accomplice's submission in ``folder``."""
        return small.hand_in(folder, self.earlier)
