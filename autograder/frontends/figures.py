"""Draws the figures of reports as data URIs: learning curves, images, and what a class report has."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autograder.arrays import as_numpy
from autograder.engine.report import Curve, number
from autograder.pictures import Picture

WIDEST = 8.0  # inches
GAP = 0.08  # of an image's place
INK = "#010203"  # replaced in the finished image by a colour that follows the reader's light or dark theme
INKS = "<style>:root{color:#24292f}@media screen and (prefers-color-scheme:dark){:root{color:#d0d7de}}</style>"
STYLE: Mapping[str, object] = {
    "font.size": 10, "svg.fonttype": "path", "svg.hashsalt": "kit", "text.color": INK, "axes.edgecolor": INK,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False,
    "axes.spines.right": False,
}  # fmt: skip
# Both can be told apart from white and from black paper, and from each other without colour.
LINES = (("#2f81d6", "-"), ("#c2571a", "--"))
MOST_POINTS = 400  # of a line; more are not seen
FEW_POINTS = 40  # so few get a mark each


@dataclass(frozen=True)
class Shown:
    """A figure of a report: ``source`` is a data URI, ``text`` says what it shows to readers who do not see it."""

    caption: str
    source: str
    text: str


def curve_panels(curves: Sequence[Curve]) -> list[Shown]:
    """The training loss, the fine-tuning losses and the accuracies against epochs, a figure each."""
    panels: dict[str, list[Curve]] = {}
    for curve in curves:
        alone = curve.label.endswith("training loss")
        name = curve.label if alone else "loss" if "loss" in curve.label else "accuracy"
        panels.setdefault(name, []).append(curve)
    return [
        Shown(name.capitalize(), themed(curves_figure(group)), "; ".join(map(in_words, group)))
        for name, group in panels.items()
    ]


def curves_figure(curves: Sequence[Curve]) -> Figure:
    """Lines against epochs, which are whole numbers."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.6, 2.5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for curve, (colour, dashes) in zip(curves, LINES):
            step = math.ceil(len(curve.epochs) / MOST_POINTS)
            places = [*range(0, len(curve.epochs) - 1, step), len(curve.epochs) - 1]
            axes.plot(
                [curve.epochs[place] for place in places], [curve.values[place] for place in places], dashes,
                color=colour, label=curve.label, marker="." if len(places) <= FEW_POINTS else "",
            )  # fmt: skip
        epochs = [epoch for curve in curves for epoch in curve.epochs]
        axes.set(xlabel="epoch", xlim=(min(epochs) - 0.5, max(epochs) + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        if len(curves) > 1:
            axes.legend(frameon=False)
    return figure


def in_words(curve: Curve) -> str:
    """``"test loss: 2.3 in epoch 1, 0.9 in epoch 7"``."""
    ends = dict.fromkeys((0, len(curve.epochs) - 1))
    return f"{curve.label}: " + ", ".join(f"{curve.values[end]:.3g} in epoch {curve.epochs[end]}" for end in ends)


def picture_shown(picture: Picture) -> Shown:
    """The images of a report."""
    count = len(picture.images)
    rows = math.ceil(count / picture.columns)
    text = f"{picture.title}: {number(count)} image{'s' * (count > 1)} in {number(rows)} row{'s' * (rows > 1)}"
    return Shown(picture.title, png(picture_figure(picture)), text)


def picture_figure(picture: Picture) -> Figure:
    """The images in rows, at most ``WIDEST`` wide in total and at most one inch each."""
    rows = math.ceil(len(picture.images) / picture.columns)
    height, width = picture.images.shape[2:]
    side, pitch = min(1.0, WIDEST / picture.columns), 1.05 * height / width
    figure = Figure(figsize=(side * picture.columns, side * pitch * rows))
    FigureCanvasAgg(figure)
    # All images in one pair of axes; 64 pairs would take seconds.
    axes = figure.add_axes((0, 0, 1, 1))
    for place, image in enumerate(picture.images):
        row, column = divmod(place, picture.columns)
        left, top = column + GAP / 2, (row + GAP / 2) * pitch
        extent = (left, left + 1 - GAP, top + (1 - GAP) * height / width, top)
        axes.imshow(np.broadcast_to(shades(as_numpy(image)), (3, height, width)).transpose(1, 2, 0), extent=extent)
    axes.set(xlim=(0, picture.columns), ylim=(rows * pitch, 0))
    axes.axis("off")
    return figure


def shades(image: np.ndarray) -> np.ndarray:
    """One image with values in [0, 1], float32."""
    if image.dtype == np.uint8:
        return image / np.float32(255)
    image = image.astype(np.float32)
    low, high = image.min(), image.max()
    return (image - low) / max(high - low, np.float32(1e-6))


def png(figure: Figure) -> str:
    """A figure without paper as a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, transparent=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def themed(figure: Figure) -> str:
    """A figure in ``STYLE`` as a data URI; its ink follows the reader's light or dark theme."""
    text = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    image = text.getvalue().replace(INK, "currentColor").replace("<defs>", INKS + "<defs>", 1)
    return "data:image/svg+xml;base64," + base64.b64encode(image.encode()).decode()
