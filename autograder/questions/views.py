"""What measures a random transform of images: fixed random numbers, views, and the marks that its parts leave in them.

A random transform has no reference tensor. A probe runs it many times on crafted images, in which each of its parts
leaves a mark of its own, and returns the views. A count takes the frequencies of the marks from them. Bounds of the
marks belong into a question.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from autograder.questions.probing import described

Transform = Callable[[Tensor], Tensor]
DRAWS = 1 << 24  # numbers that a given transform draws from; each of them is one of float32
SIZE = 32  # side of the views that marks are read from


class WrongView(ValueError):
    """A transform returned something else than a tensor of the asked shape."""


class WrongTransformInput(TypeError):
    """The given transform was called with something else than one image of bytes."""


def crafted_images() -> dict[str, torch.Tensor]:
    """Images (…, 3, H, W) uint8, made so that each part of a random transform leaves a mark of its own in a view.

    ``plain``: black and white, (2, 3, 40, 28); nothing but the normalisation changes them.
    ``ramps``: red rises by 4 a column, blue by 4 a row, green has stripes of width 4.
    ``stripes``: columns of dark grey, bright grey and a colour in turn, see ``colour_marks``.
    ``grey``: one grey level, which only a change of brightness changes.
    """
    k = torch.arange(32)
    columns, rows = k.expand(32, 32), k.unsqueeze(1).expand(32, 32)
    colours = torch.tensor([[50, 50, 50], [110, 110, 110], [100, 60, 70]])
    return {
        "plain": torch.tensor([0, 255]).view(2, 1, 1, 1).expand(2, 3, 40, 28).to(torch.uint8),
        "ramps": torch.stack([40 + 4 * columns, 60 + 120 * (columns // 4 % 2), 40 + 4 * rows]).to(torch.uint8),
        "stripes": colours[columns // 3 % 3].permute(2, 0, 1).to(torch.uint8),
        "grey": torch.full((3, 32, 32), 128, dtype=torch.uint8),
    }


@contextmanager
def fixed_randomness() -> Iterator[None]:
    """Seed all generators, so that grading twice gives the same result, and put their states back."""
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])  # noqa: NPY002


def view(transform: Transform, image: Tensor, size: int) -> Tensor:
    """``transform(image)`` of an image (3, H, W): (3, size, size), a plain tensor (torchvision's ``Image`` is a subclass).

    Raises:
        WrongView: it is no tensor, or has another shape.
    """
    result = transform(image.clone())
    if not isinstance(result, Tensor):
        raise WrongView(f"the view is {described(result)}, expected a float32 tensor")
    if tuple(result.shape) != (3, size, size):
        raise WrongView(f"the view has shape {tuple(result.shape)}, expected {(3, size, size)}")
    return result.as_subclass(Tensor)


def views(transform: Transform, image: Tensor, size: int, repeats: int) -> Tensor:
    """``repeats`` views of an image: (repeats, 3, size, size) float32. Raises WrongView."""
    return torch.stack([view(transform, image, size).detach().float() for _ in range(repeats)])


def as_bytes(normalised: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Views (n, 3, H, W) on the scale of bytes, 0 to 255, in float32.

    ``mean`` and ``std`` (3,) are those that they were normalised with.
    """
    scale, shift = ((255 * part.double()).float().view(3, 1, 1) for part in (std, mean))
    return (normalised.float() * scale).add_(shift)


class Watched:
    """Views (3, 32, 32) of one image by one transform, taken in rounds and kept."""

    def __init__(self, transform: Transform, image: Tensor) -> None:
        self.transform, self.image = transform, image
        self.parts: list[Tensor] = []

    def watch(self, number: int) -> None:
        """Take the views that are still missing for this number in all."""
        missing = number - sum(len(part) for part in self.parts)
        self.parts.append(views(self.transform, self.image, SIZE, missing))

    @property
    def seen(self) -> Tensor:
        """All views so far: (n, 3, 32, 32)."""
        return torch.cat(self.parts)


def all_settled(marks: Mapping[str, Tensor], settled: Tensor) -> bool:
    """Whether every mark lies between its two values, (marks, 2) in the same order; nan does not."""
    values = torch.stack([mark.to(settled.dtype) for mark in marks.values()])
    return bool(((values >= settled[:, 0]) & (values <= settled[:, 1])).all())


def _without_grey(seen: Tensor) -> Tensor:
    """The views with colours in them, of views (n, 3, H, W) on the scale of bytes."""
    return seen[(seen.amax(1) - seen.amin(1)).amax((1, 2)) >= 4]


def _crop_sides(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of the crop behind each view of ``ramps``, as parts of the image; negative where flipped.

    They are the slopes of red along the columns and of blue along the rows, taken in the middle of the view.
    """
    positions = torch.arange(4.0, 28.0, dtype=seen.dtype) - 15.5
    middle = seen[:, :, 4:28, 4:28]
    scale = 4 * positions.square().sum()
    return (middle[:, 0].mean(1) * positions).sum(1) / scale, (middle[:, 2].mean(2) * positions).sum(1) / scale


def geometry_marks(seen: Tensor) -> dict[str, Tensor]:
    """Frequencies of grey views and of flips, and the areas of the crops, from views (n, 3, 32, 32) of ``ramps``."""
    coloured = _without_grey(seen)
    width, height = _crop_sides(coloured)
    areas = (width * height).abs()
    return {
        "grey": seen.new_tensor(1 - len(coloured) / len(seen)),
        "flipped": (width < 0).double().mean(),
        "upside_down": (height < 0).double().mean(),
        "mean_area": areas.mean(),
        "smallest_area": _extreme(areas, torch.amin),
        "largest_area": _extreme(areas, torch.amax),
    }


def blurred_part(seen: Tensor) -> Tensor:
    """The share of views of ``ramps`` seen to be blurred: their green edges are less steep than the crop allows.

    Grey views, and crops narrower than 0.6, hide a blur (enlarging softens an edge as well) and are left out.
    """
    coloured = _without_grey(seen)
    width = _crop_sides(coloured)[0].abs()
    steepest = coloured[:, 1].diff(dim=2).abs().mean(1).amax(1) / (120 * width)
    return (steepest < 0.8)[width >= 0.6].double().mean()


def coloured_part(seen: Tensor) -> Tensor:
    """The share of coloured views of ``ramps`` (n, 3, H, W) whose green is far from its range of 60 to 180, or whose red or
    blue is not the ramp that every crop of it is: another hue puts stripes of green into them."""
    coloured = _without_grey(seen)
    green = coloured[:, 1].flatten(1)  # a sharper interpolation than a linear one overshoots
    stripes = torch.maximum(*(_beside_a_plane(coloured[:, c, 4:28, 4:28]) for c in (0, 2)))
    return ((green.amin(1) < 36) | (green.amax(1) > 204) | (stripes > 12)).double().mean()


def _beside_a_plane(channel: Tensor) -> Tensor:
    """The largest distance of a channel (n, k, k) from the plane through it by least squares, (n,)."""
    line = torch.arange(channel.shape[-1], dtype=channel.dtype)
    line = line - line.mean()
    beside = channel - channel.mean((1, 2), keepdim=True)
    for along in (line, line.unsqueeze(1)):
        grid = along.expand(channel.shape[1:])
        beside = beside - (channel * grid).sum((1, 2), keepdim=True) / grid.square().sum() * grid
    return beside.abs().amax((1, 2))


def _extreme(values: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    return reduce(values) if values.numel() else values.new_tensor(float("nan"))


def colour_marks(seen: Tensor) -> dict[str, Tensor]:
    """How often each part of the colour jitter shows, from views of ``stripes``: greys 50, 110, colour (100, 60, 70).

    Brightness scales the middle of the greys, contrast changes their ratio, saturation the colour's chroma against
    their distance, hue the colour's angle. Each counts where it shows by a quarter of what the jitter allows.
    """
    luma = (seen * seen.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1).flatten(1)
    bright, dark = luma.amax(1), luma.amin(1)
    chromas = (seen.amax(1) - seen.amin(1)).flatten(1)
    chroma, where = chromas.max(1)
    coloured = chroma >= 4
    red, green, blue = seen.flatten(2).gather(2, where.view(-1, 1, 1).expand(-1, 3, 1)).squeeze(2).unbind(1)
    turn = _hue(red, green, blue) - _hue(*seen.new_tensor([100.0, 60.0, 70.0]))
    turn = ((turn + 180) % 360 - 180).abs()
    saturation = chroma / (bright - dark) * 60 / 40
    return {
        "brightness": (((bright + dark) / 160 - 1).abs() > 0.1).double().mean(),
        "contrast": ((dark / bright - 50 / 110).abs() > 0.04).double().mean(),
        "saturation": ((saturation - 1).abs() > 0.15)[coloured].double().mean(),
        "hue": (turn > 9)[coloured].double().mean(),
    }


def colour_reaches(seen: Tensor) -> dict[str, Tensor]:
    """How far each part of the colour jitter goes, from views of ``stripes``, see ``colour_marks``.

    ``contrast``, ``saturation``: the largest distance of the factor from 1; ``hue``: the largest turn, in circles. Only
    views whose colours survive the rounding to bytes count.
    """
    luma = (seen * seen.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1).flatten(1)
    bright, dark = luma.amax(1), luma.amin(1)
    chroma, where = (seen.amax(1) - seen.amin(1)).flatten(1).max(1)
    low, high = luma.quantile(luma.new_tensor([0.15, 0.85]), dim=1)  # a sharp interpolation overshoots at edges
    ratio, mean = low / high, 78.0  # of the greys and the colour, on average
    contrast = mean * (1 - ratio) / (110 * ratio - 50 + mean * (1 - ratio))
    saturation = chroma / (bright - dark) * 60 / 40
    red, green, blue = seen.flatten(2).gather(2, where.view(-1, 1, 1).expand(-1, 3, 1)).squeeze(2).unbind(1)
    turn = _hue(red, green, blue) - _hue(*seen.new_tensor([100.0, 60.0, 70.0]))
    turn = ((turn + 180) % 360 - 180).abs() / 360
    clear = (chroma >= 20) & (bright - dark >= 36)
    return {
        "contrast": _extreme((contrast - 1).abs(), torch.amax),
        "saturation": _extreme((saturation - 1).abs()[clear], torch.amax),
        "hue": _extreme(turn[clear], torch.amax),
    }


def _hue(red: Tensor, green: Tensor, blue: Tensor) -> Tensor:
    """Angle of a colour in degrees, on the circle whose axis is grey."""
    return torch.rad2deg(torch.atan2(3**0.5 * (green - blue), 2 * red - green - blue))


def order_marks(orders: Tensor, batch_sizes: Tensor) -> dict[str, Tensor]:
    """How well some orders are shuffled, from the places 0 to n - 1 of the same images in stored order, (passes, n).

    Returns:
        ``displaced``: the share of the places whose image is not the stored one.
        ``orders``: how many of the orders differ.
        ``neighbours``: the share of images that follow or precede a neighbour of the stored order, the last one and the
            first being neighbours: 2 / (n - 1) by chance, 1 where whole pieces are moved or turned around.
        ``mates``: the share of pairs of one batch, of ``batch_sizes`` (batches,), that are in one batch of the stored order.
    """
    passes, n = orders.shape
    steps = orders.diff(dim=1) % n
    batch = torch.repeat_interleave(torch.arange(len(batch_sizes)), batch_sizes)
    together = (batch[:, None] == batch) & ~torch.eye(n, dtype=torch.bool)
    stored = batch[orders]
    return {
        "displaced": (orders != torch.arange(n)).float().mean(),
        "orders": torch.tensor(orders.unique(dim=0).shape[0]),
        "neighbours": ((steps == 1) | (steps == n - 1)).float().mean(),
        "mates": (stored[:, :, None] == stored[:, None])[:, together].float().mean(),
    }


class NumberedTransform:
    """A given random transform: (3, H, W) uint8 -> float32 (3, H + 1, W), W > 3.

    It adds a row, in which it writes the number of the call and a draw from each generator of random numbers, so its output
    tells image, call and draws.

    Raises:
        WrongTransformInput: it is called with something else than one image of bytes.
    """

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: Tensor) -> Tensor:
        if not isinstance(image, Tensor) or image.dtype != torch.uint8 or image.ndim != 3:
            dtype = f" and {image.dtype}" if isinstance(image, Tensor) else ""
            raise WrongTransformInput(
                f"your code gives the transform {described(image)}{dtype}, expected one image (3, H, W) of torch.uint8"
            )
        self.calls += 1
        row = image.new_zeros((3, 1, image.shape[2]), dtype=torch.float32)
        row[0, 0, 0] = self.calls
        for part in (0, 1):  # two numbers of 24 bits, since one is often the same as another
            draws = torch.randint(DRAWS, ()).item(), random.randrange(DRAWS), np.random.randint(DRAWS)  # noqa: NPY002
            row[part, 0, 1:4] = torch.tensor(draws, dtype=torch.float32)
        return torch.cat([image.float(), row], dim=1)


def told_apart(views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a ``NumberedTransform`` wrote into views (…, 3, H + 1, W): images (…, 3, H, W), calls (…,), draws (…, 3)."""
    written = views[..., -1, :4].double()
    return views[..., :-1, :], written[..., 0, 0], DRAWS * written[..., 0, 1:] + written[..., 1, 1:]
