"""Images in a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.arrays import Array


@dataclass(frozen=True)
class Picture:
    """Images (k, c, h, w) with one or three channels, shown in rows of ``columns``.

    uint8 images are shown unchanged; each floating-point image is stretched to its own range. ``question`` is the question
    of the artefact that the images belong to ('' if none).
    """

    title: str
    images: Array
    columns: int
    question: str = ""
