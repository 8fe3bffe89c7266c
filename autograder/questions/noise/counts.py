"""Statistics of noise. They run in the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.side_effects.counts import rng_bytes

SAME = 0.999  # the correlation of two rows that are one


def standard_normal_rows(produced: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What ``probes.drawn_rows`` produced, counted.

    Returns:
        ``mean``, ``deviation``, ``fourth``: of all entries; the last is the standardised fourth moment.
        ``correlation``: of neighbours along each axis, (2,). ``columns_alike``: the largest correlation of two columns.
        ``rows_alike``: how many rows are an earlier one, or its negative.
        ``repeat_differs``: how many rows are others with an equal generator, under another global seed.
        ``same_in_next_call``: how many rows a second call with the same generator repeats.
        ``rng_bytes``: how many bytes of torch's global random state the calls changed.

    Raises:
        Unreadable: the noise is no table of finite numbers.
    """
    first, following, again = (produced[name].double() for name in ("first", "following", "again"))
    if first.ndim != 2 or not first.numel() or not torch.isfinite(first).all():
        raise Unreadable("your noise should hold finite numbers, one row for each image")
    n = len(first)
    found = _correlations(first).triu(1)
    return {
        "mean": first.mean().float(),
        "deviation": first.std().float(),
        "fourth": torch.nan_to_num(fourth_moment(first)).float(),
        "correlation": axis_correlation([first]).float(),
        "columns_alike": _largest(_correlations(first.T)).float(),
        "rows_alike": (found.abs() > SAME).any(0).sum() + (first.std(1) < 1e-6).sum(),
        "repeat_differs": n - _same_rows(first, again),
        "same_in_next_call": _same_rows(first, following),
        "rng_bytes": rng_bytes(produced),
    }


def _same_rows(one: Tensor, other: Tensor) -> Tensor:
    """How many rows of the one stand, but for rounding, in the same place of the other."""
    if one.shape != other.shape:
        return torch.tensor(0)
    return ((one - other).abs() < 1e-3).all(1).sum()


def axis_correlation(images: Sequence[Tensor]) -> Tensor:
    """Correlation of neighbours along each axis, of the image where its size is largest; 0 where all is 0."""
    return torch.stack([max((_neighbours(x, axis) for x in images), key=abs) for axis in range(images[0].ndim)])


def _neighbours(x: Tensor, axis: int) -> Tensor:
    x = x - x.mean()
    before, after = x.narrow(axis, 0, x.shape[axis] - 1), x.narrow(axis, 1, x.shape[axis] - 1)
    return torch.nan_to_num((before * after).mean() / x.square().mean())


def slice_correlation(images: Sequence[Tensor]) -> Tensor:
    """For each axis, the correlation of two slices across it that is largest in size, of any of the images, (axes,)."""

    def largest(x: Tensor, axis: int) -> Tensor:
        return _largest(_correlations(x.movedim(axis, 0).flatten(1)))

    return torch.stack([max((largest(x, axis) for x in images), key=abs) for axis in range(images[0].ndim)])


def row_correlation(images: Sequence[Tensor]) -> Tensor:
    """The correlation of a row of one image with a row of another one that is largest in size; 0 where there is one."""
    n = len(images[0])
    found = _correlations(torch.cat([x.flatten(1) for x in images]))
    return _largest(found * (torch.arange(len(found)) // n != torch.arange(len(found))[:, None] // n))


def _correlations(rows: Tensor) -> Tensor:
    """Of every two rows, without their means, (rows, rows); 0 of a row with itself, and of a row without variance."""
    rows = rows - rows.mean(1, keepdim=True)
    rows = torch.nan_to_num(rows / rows.norm(dim=1, keepdim=True))
    return (rows @ rows.T).fill_diagonal_(0)


def _largest(values: Tensor) -> Tensor:
    """The entry that is largest in size."""
    return values.flatten()[values.abs().argmax()]


def fourth_moment(values: Tensor) -> Tensor:
    """The standardised fourth moment: 3 for normal numbers, 1.8 for uniform ones."""
    squares = (values - values.mean()).square()
    return squares.square().mean() / squares.mean().square()
