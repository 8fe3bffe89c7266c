"""Draws the picture of the notebook's text into ``pictures/``: ``python solutions/softmax/draw.py``.

It needs the prepared CIFAR-10 (``./kit data cifar10``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autograder.course import find_course
from autograder.datasets import find_data
from autograder.release.drawing import BLUE, GREEN, INK, ORANGE, arrow, box, canvas, image, label, save

PICTURES = Path(__file__).parent / "pictures"
TRUCK = 5875  # a test image of few, clear colours
SCORES = {"airplane": 0.4, "automobile": 1.3, "ship": -0.5, "truck": 2.2}


def draw_model(photo: np.ndarray) -> None:
    """From an image (32, 32, 3) to probabilities."""
    figure, axes = canvas(8.6, 2.6)
    image(axes, (0.65, 1.35), 1.1, photo)
    arrow(axes, (1.25, 1.35), (1.75, 1.35))
    for k, pixel in enumerate(photo.reshape(-1, 3)[300:316] / 255):
        axes.barh(2.25 - 0.12 * k, 0.2, 0.12, 1.85, color=tuple(pixel), edgecolor=INK, linewidth=0.5)
    label(axes, (1.95, 0.22), "3,072 numbers $x$", 9)
    arrow(axes, (2.15, 1.35), (2.65, 1.35))
    box(axes, (3.25, 1.35), 1.1, 0.8, "$xW + b$", BLUE)
    probabilities = np.exp(list(SCORES.values())) / np.exp(list(SCORES.values())).sum()
    box(axes, (6.15, 1.35), 0.95, 0.8, "softmax", GREEN)
    for k, ((name, score), p) in enumerate(zip(SCORES.items(), probabilities)):
        y = 2.1 - 0.5 * k
        arrow(axes, (3.83, 1.35), (4.25, y))
        label(axes, (4.3, y), f"{name}  {score:.1f}".replace("-", "−"), 9.5, ha="left")
        arrow(axes, (5.42, y), (5.66, 1.35))
        arrow(axes, (6.65, 1.35), (6.95, y))
        axes.barh(y, 1.2 * p, 0.26, 7.0, color=ORANGE, edgecolor=INK)
        label(axes, (7.06 + 1.2 * p, y), f"{p:.2f}", 9.5, ha="left")
    label(axes, (4.85, 0.22), "scores", 9)
    label(axes, (7.4, 0.22), "probabilities", 9)
    save(figure, PICTURES / "softmax.png")


if __name__ == "__main__":
    data = find_data("cifar10", None, find_course(None))
    if data is None:
        raise SystemExit("there is no prepared CIFAR-10: type ./kit data cifar10 first")
    draw_model(data.images("test")[TRUCK].transpose(1, 2, 0))
