"""Shapes for the pictures in a notebook's text: boxes, arrows and images on a canvas whose unit is the inch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

Place = tuple[float, float]
INK = "#333333"
BLUE, ORANGE, GREEN, GREY = "#cfe2f3", "#f9cb9c", "#d9ead3", "#e6e6e6"
DOTS_PER_INCH = 130


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A white figure of ``width`` by ``height`` inches, and axes over all of it."""
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(0, height), autoscale_on=False)
    return figure, axes


def label(axes: Axes, place: Place, text: str, size: float = 11, **how: object) -> None:
    """A text around a place; ``how`` goes to ``Axes.text``."""
    axes.text(*place, text, fontsize=size, **{"ha": "center", "va": "center", "color": INK, **how})


def box(axes: Axes, centre: Place, width: float, height: float, text: str = "", colour: str = BLUE) -> None:
    """A box with rounded corners and a text in it."""
    corner = centre[0] - width / 2, centre[1] - height / 2
    shape = FancyBboxPatch(
        corner, width, height, boxstyle="round,pad=0,rounding_size=0.08", facecolor=colour, edgecolor=INK
    )
    axes.add_patch(shape)
    label(axes, centre, text)


def arrow(axes: Axes, start: Place, end: Place, **how: object) -> None:
    """An arrow from a place to another; ``how`` goes to matplotlib's ``arrowprops``."""
    properties = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, **how}
    axes.annotate("", end, start, arrowprops=properties)


def image(axes: Axes, centre: Place, side: float, pixels: np.ndarray) -> None:
    """An image (H, W) or (H, W, 3) of bytes as a square of ``side`` inches."""
    (x, y), half = centre, side / 2
    extent = (x - half, x + half, y - half, y + half)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest", aspect="auto")


def save(figure: Figure, path: Path, colours: int = 64) -> None:
    """Write a figure as a PNG of few colours, which is a small file."""
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH)
    Image.open(path).convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
