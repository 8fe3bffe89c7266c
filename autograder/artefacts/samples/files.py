"""Samples as a file holds them or a network draws them, made into (n, c, h, w) uint8."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from autograder.errors import KitError

NAME = "samples"
LOWEST, HIGHEST = -2.0, 2.0  # a sample that was not clipped may lie a little outside of [-1, 1]


class SamplesError(KitError):
    """The tensors hold no samples that can be scored; the text is a sentence for the student."""


def pictures(
    tensors: Mapping[str, torch.Tensor], shape: tuple[int, int, int], count: int | None = None
) -> torch.Tensor:
    """The samples of a file: ``count`` pictures (any number for None) of ``shape`` (c, h, w).

    Values are those of uint8 images; those of [-1, 1] or [0, 1], as networks give them, are brought to it.

    Raises:
        SamplesError: there are none, of another number or shape, not finite, outside of these ranges, or all the same.
    """
    samples = next((value for name, value in tensors.items() if name.split(".")[-1] == NAME), None)
    if samples is None:
        raise SamplesError(f'There is no tensor "{NAME}" in the file: save {{"{NAME}": x}}.')
    found = tuple(samples.shape)
    if samples.ndim != 4 or found[1:] != shape or count not in (None, found[0]) or found[0] < 2:
        wanted = f"({count or 'n'}, {', '.join(map(str, shape))})"
        raise SamplesError(f"The samples are {found}; wanted are {wanted}.")
    if not samples.isfinite().all():
        raise SamplesError("The samples hold NaN or infinity.")
    low, high = samples.min().item(), samples.max().item()
    if low == high or bool((samples == samples[:1]).all()):
        raise SamplesError("All samples are the same picture.")
    if low < 0 and low >= LOWEST and high <= HIGHEST:
        return to_bytes(samples)
    if low >= 0 and high <= 255:
        return (samples * 255 if high <= 1 else samples).round().to(torch.uint8)
    raise SamplesError(f"The samples lie between {low:.4g} and {high:.4g}; wanted are uint8 values from 0 to 255.")


def to_bytes(x: torch.Tensor) -> torch.Tensor:
    """Values in [-1, 1] as uint8, those outside cut off; NaN becomes 0."""
    return ((x.nan_to_num(-1.0) + 1) / 2 * 255).round().clamp(0, 255).to(torch.uint8)
