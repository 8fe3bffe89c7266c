"""Converts samples from a file or a network to (n, c, h, w) uint8."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from autograder.errors import KitError

NAME = "samples"
LOWEST, HIGHEST = -2.0, 2.0  # samples that were not clipped may be slightly outside [-1, 1]


class SamplesError(KitError):
    """The samples cannot be scored; the text is a sentence for the student."""


def pictures(
    tensors: Mapping[str, torch.Tensor], shape: tuple[int, int, int], count: int | None = None
) -> torch.Tensor:
    """The samples of a file as uint8: ``count`` images (None: any number) of ``shape`` (c, h, w).

    Accepts values of uint8 images; values in [-1, 1] or [0, 1], the usual ranges of networks, are converted.

    Raises:
        SamplesError: there are no samples, or their number, shape or range is wrong, or they are not finite or all equal.
    """
    samples = next((value for name, value in tensors.items() if name.split(".")[-1] == NAME), None)
    if samples is None:
        raise SamplesError(f'There is no tensor "{NAME}" in the file: save {{"{NAME}": x}}.')
    found = tuple(samples.shape)
    if samples.ndim != 4 or found[1:] != shape or count not in (None, found[0]) or found[0] < 2:
        wanted = f"({count or 'n'}, {', '.join(map(str, shape))})"
        raise SamplesError(f"The samples have shape {found}, expected {wanted}.")
    if not samples.isfinite().all():
        raise SamplesError("The samples hold NaN or infinity.")
    low, high = samples.min().item(), samples.max().item()
    if low == high or bool((samples == samples[:1]).all()):
        raise SamplesError("All samples are the same image.")
    if low < 0 and low >= LOWEST and high <= HIGHEST:
        return to_bytes(samples)
    if low >= 0 and high <= 255:
        return (samples * 255 if high <= 1 else samples).round().to(torch.uint8)
    raise SamplesError(f"The samples are between {low:.4g} and {high:.4g}, expected uint8 values from 0 to 255.")


def to_bytes(x: torch.Tensor) -> torch.Tensor:
    """Values in [-1, 1] as uint8. Values outside are clipped; NaN becomes 0."""
    return ((x.nan_to_num(-1.0) + 1) / 2 * 255).round().clamp(0, 255).to(torch.uint8)
