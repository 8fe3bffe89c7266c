"""What the report shows of a submission; earns nothing."""

from __future__ import annotations

from collections.abc import Mapping

import torch

__all__ = ["two_views"]


def two_views(student: Mapping[str, object], images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Two random views of each image by the student's transform.

    Args:
        images: ``(k, 3, 32, 32)`` uint8.

    Returns:
        ``views``: ``(k, 2, 3, 32, 32)``, normalised as the student does.
    """
    transform = student["simclr_transform"]()
    return {"views": torch.stack([torch.stack([transform(image), transform(image)]) for image in images])}
