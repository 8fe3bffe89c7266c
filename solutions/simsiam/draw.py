"""Draws the picture of the notebook's text into ``pictures/``: ``python solutions/simsiam/draw.py``.

It needs the prepared CIFAR-10 (``./kit data cifar10``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torchvision.transforms import v2

from autograder.course import find_course
from autograder.datasets import find_data
from autograder.release.drawing import BLUE, GREEN, ORANGE, arrow, box, canvas, image, label, save

PICTURES = Path(__file__).parent / "pictures"
TRUCK = 5875  # a test image of few, clear colours


def view(photo: torch.Tensor, top: int, left: int, side: int, hue: float) -> np.ndarray:
    """A square of a photo, enlarged to 32 by 32 pixels, in other colours."""
    crop = v2.functional.resized_crop(photo, top, left, side, side, [32, 32], antialias=True)
    return v2.functional.adjust_hue(crop, hue).permute(1, 2, 0).numpy()


def draw_network(photo: torch.Tensor) -> None:
    """Both views, one network; one side predicts, the other side is stopped."""
    figure, axes = canvas(8.6, 2.9)
    image(axes, (0.6, 1.45), 1.0, photo.permute(1, 2, 0).numpy())
    label(axes, (0.6, 0.75), "image $x$")
    for y, k, pixels in ((2.2, 1, view(photo, 0, 2, 24, -0.06)), (0.7, 2, view(photo, 6, 6, 24, 0.09))):
        arrow(axes, (1.15, 1.45), (1.6, y))
        image(axes, (2.1, y), 0.9, pixels)
        label(axes, (2.1, y + 0.55), f"$x_{k}$")
        box(axes, (3.4, y), 1.0, 0.7, "encoder", BLUE)
        box(axes, (5.0, y), 1.05, 0.7, "projector", GREEN)
        arrow(axes, (2.58, y), (2.87, y))
        arrow(axes, (3.93, y), (4.44, y))
        label(axes, (4.18, y + 0.18), f"$h_{k}$")
    box(axes, (6.65, 2.2), 1.05, 0.7, "predictor", GREEN)
    arrow(axes, (5.56, 2.2), (6.09, 2.2))
    label(axes, (5.82, 2.38), "$z_1$")
    arrow(axes, (7.2, 2.2), (7.75, 1.8))
    label(axes, (7.6, 2.2), "$p_1$")
    arrow(axes, (5.56, 0.7), (6.26, 0.7))
    label(axes, (5.82, 0.88), "$z_2$")
    box(axes, (6.65, 0.7), 0.7, 0.4, "stop", ORANGE)
    arrow(axes, (7.03, 0.7), (7.75, 1.08))
    box(axes, (8.0, 1.45), 0.95, 0.7, r"$-\cos$", ORANGE)
    label(axes, (3.4, 1.45), "the same\nweights", 9, style="italic")
    label(axes, (5.0, 1.45), "the same\nweights", 9, style="italic")
    label(axes, (7.0, 0.2), "and the same with 1 and 2 exchanged", 9.5, style="italic")
    save(figure, PICTURES / "simsiam.png")


if __name__ == "__main__":
    data = find_data("cifar10", None, find_course(None))
    if data is None:
        raise SystemExit("there is no prepared CIFAR-10: type ./kit data cifar10 first")
    draw_network(torch.from_numpy(data.images("test")[TRUCK].copy()))
