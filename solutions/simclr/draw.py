"""Draws the pictures of the notebook's text into ``pictures/``: ``python solutions/simclr/draw.py``.

It needs the prepared CIFAR-10 (``./kit data cifar10``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torchvision.transforms import v2

from autograder.course import find_course
from autograder.datasets import find_data
from autograder.release.drawing import BLUE, GREEN, GREY, ORANGE, arrow, box, canvas, image, label, save

PICTURES = Path(__file__).parent / "pictures"
TRUCK, BIRD, CAT = 5875, 5250, 6875  # test images of few, clear colours


def photographs() -> torch.Tensor:
    """The test images of CIFAR-10, (10000, 3, 32, 32) uint8."""
    data = find_data("cifar10", None, find_course(None))
    if data is None:
        raise SystemExit("there is no prepared CIFAR-10: type ./kit data cifar10 first")
    return torch.from_numpy(np.load(data.folder / "test.npy")[:, 1:].reshape(-1, 3, 32, 32))


def crop_of(photo: torch.Tensor, top: int, left: int, side: int) -> torch.Tensor:
    """A square of a photo, enlarged to 32 by 32 pixels."""
    return v2.functional.resized_crop(photo, top, left, side, side, [32, 32], antialias=True)


def coloured(photo: torch.Tensor, brightness: float, hue: float) -> torch.Tensor:
    """A photo with another brightness and hue."""
    return v2.functional.adjust_hue(v2.functional.adjust_brightness(photo, brightness), hue)


def pixels(photo: torch.Tensor) -> np.ndarray:
    return photo.permute(1, 2, 0).numpy()


def draw_pipeline(photos: torch.Tensor) -> None:
    """From an image to the loss: two views, one network for both."""
    photo = photos[TRUCK]
    views = (
        coloured(crop_of(photo, 0, 2, 24), 1.15, -0.06),
        v2.functional.horizontal_flip(coloured(crop_of(photo, 8, 6, 22), 0.8, 0.09)),
    )
    figure, axes = canvas(8.6, 2.9)
    image(axes, (0.75, 1.45), 1.1, pixels(photo))
    label(axes, (0.75, 0.68), "image $x$")
    for view, y, name, step in zip(views, (2.2, 0.7), "ij", ("t", "t'")):
        arrow(axes, (1.35, 1.45), (2.15, y))
        label(axes, (1.66, 1.45 + (y - 1.45) * 0.75), f"${step}$", ha="right")
        image(axes, (2.7, y), 1.0, pixels(view))
        label(axes, (3.32, y + 0.38), f"$x_{name}$", ha="left")
        box(axes, (4.35, y), 1.1, 0.7, "encoder\n$f$", BLUE)
        box(axes, (6.05, y), 1.1, 0.7, "head\n$g$", GREEN)
        for start, end in ((3.22, 3.78), (4.92, 5.48)):
            arrow(axes, (start, y), (end, y))
        label(axes, (5.2, y + 0.18), f"$h_{name}$")
        arrow(axes, (6.62, y), (7.35, 1.45 + (y - 1.45) * 0.35))
        label(axes, (7.02, 1.45 + (y - 1.45) * 0.98), f"$z_{name}$")
    label(axes, (4.35, 1.45), "the same\nweights", 9, style="italic")
    label(axes, (6.05, 1.45), "the same\nweights", 9, style="italic")
    box(axes, (7.85, 1.45), 0.95, 0.8, "loss:\nagree!", ORANGE)
    save(figure, PICTURES / "pipeline.png")


def draw_pairs() -> None:
    """A batch of three images: what one anchor is compared with."""
    n = 3
    figure, axes = canvas(6.4, 3.5)
    names = [f"$z_{{{view},{k}}}$" for view in "ij" for k in range(1, n + 1)]
    colours = {"self": "#555555", "positive": "#f6a03c", "negative": BLUE}
    side, left, top = 0.46, 0.85, 2.7
    for anchor in range(2 * n):
        label(axes, (left - 0.3, top - side * anchor), names[anchor])
        label(axes, (left + side * (anchor + 0.5), top + 0.42), names[anchor])
        for other in range(2 * n):
            kind = "self" if anchor == other else "positive" if anchor % n == other % n else "negative"
            text = {"self": "", "positive": "+", "negative": "–"}[kind]
            box(axes, (left + side * (other + 0.5), top - side * anchor), side * 0.94, side * 0.94, text, colours[kind])
    label(axes, (0.17, top - side * 2.5), "anchor", rotation=90)
    rows = (("self", "the anchor itself: left out"), ("positive", "the other view of its image"))
    for y, (kind, text) in zip((2.6, 2.1, 1.6), (*rows, ("negative", "all other rows: both views"))):
        box(axes, (4.05, y), 0.3, 0.3, "", colours[kind])
        label(axes, (4.3, y), text, 9.5, ha="left")
    label(
        axes, (3.9, 0.95), "each row: a softmax over its\ncoloured squares; the orange\none should win", 9.5, ha="left"
    )
    save(figure, PICTURES / "pairs.png", 32)


def draw_shortcut(photos: torch.Tensor) -> None:
    """Two crops of one image have the same colours; with colour jitter they do not."""
    bird, cat = photos[BIRD], photos[CAT]
    crops = crop_of(bird, 2, 4, 20), crop_of(bird, 9, 9, 22)
    jittered = coloured(crops[0], 1.4, 0.17), coloured(crops[1], 0.75, -0.17)
    figure, axes = canvas(8.6, 3.7)
    columns = (
        (0.95, crops[0], "one crop"),
        (2.6, crops[1], "another crop"),
        (4.25, crop_of(cat, 4, 4, 24), "another image"),
        (5.95, jittered[0], "the crops with"),
        (7.6, jittered[1], "colour jitter"),
    )
    for x, photo, title in columns:
        label(axes, (x, 3.52), title, 10)
        image(axes, (x, 2.7), 1.3, pixels(photo))
        chart = figure.add_axes(((x - 0.7) / 8.6, 0.5 / 3.7, 1.4 / 8.6, 1.3 / 3.7))
        for channel, colour in zip(photo, ("#cc3333", "#339944", "#3355cc")):
            counts, edges = np.histogram(channel.numpy(), bins=16, range=(0, 256))
            chart.stairs(counts, edges, color=colour, fill=True, alpha=0.3)
            chart.stairs(counts, edges, color=colour)
        chart.set(xticks=(), yticks=(), ylim=(0, 420))
        chart.spines[["top", "right", "left"]].set_visible(False)
    axes.plot((5.1, 5.1), (0.1, 3.6), color=GREY)
    label(axes, (1.78, 0.25), "almost the same histogram:\nno need to look at shapes", 10)
    label(axes, (6.78, 0.25), "the colours do not tell:\nthe network must look at shapes", 10)
    label(axes, (4.25, 0.25), "another histogram", 10)
    save(figure, PICTURES / "shortcut.png")


if __name__ == "__main__":
    photos = photographs()
    draw_pipeline(photos)
    draw_pairs()
    draw_shortcut(photos)
