"""Pictures of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Picture:
    """Images (k, c, h, w), one or three channels, shown in rows of ``columns``.

    uint8 ones are shown as they are; of floating-point ones each is stretched to its own range. ``question`` is the id of
    the artefact that they belong to, '' for none.
    """

    title: str
    images: torch.Tensor
    columns: int
    question: str = ""
