"""Draws the pictures of the notebook's text into ``pictures/``: ``python solutions/ddpm/draw.py``.

It needs the prepared MNIST (``./kit data mnist``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autograder.course import find_course
from autograder.datasets import find_data
from autograder.release.drawing import BLUE, GREEN, ORANGE, arrow, box, canvas, image, label, save

PICTURES = Path(__file__).parent / "pictures"
DIGIT = 18  # a clear test image
STEPS, ENDS = 200, (1e-4, 0.05)  # a schedule at whose end nothing is left of the image


def digit() -> np.ndarray:
    """One test image of MNIST, (28, 28) in [-1, 1]."""
    data = find_data("mnist", None, find_course(None))
    if data is None:
        raise SystemExit("there is no prepared MNIST: type ./kit data mnist first")
    return np.load(data.folder / "test.npy")[DIGIT, 1:].reshape(28, 28) / 127.5 - 1


def draw_chain(x0: np.ndarray) -> None:
    """From an image to noise, and back."""
    left = np.cumprod(1 - np.linspace(*ENDS, STEPS))
    noise = np.random.default_rng(0).standard_normal(x0.shape)
    shown = (0, 20, 50, 90, 200)
    figure, axes = canvas(8.6, 2.7)
    places = np.linspace(0.95, 7.65, len(shown))
    for x, t in zip(places, shown):
        kept = left[t - 1] if t else 1.0
        x_t = kept**0.5 * x0 + (1 - kept) ** 0.5 * noise
        image(axes, (x, 1.4), 1.1, np.clip(127.5 * (x_t + 1), 0, 255))
        name = {0: "$x_0$", STEPS: "$x_T$"}.get(t, f"$x_{{{t}}}$")
        label(axes, (x, 0.68), name)
    for start, end in zip(places, places[1:]):
        arrow(axes, (start + 0.25, 2.02), (end - 0.25, 2.02), connectionstyle="arc3,rad=-0.25")
        arrow(axes, (end - 0.25, 0.5), (start + 0.25, 0.5), connectionstyle="arc3,rad=-0.25", color="#b45f06")
    middle = (places[0] + places[-1]) / 2
    label(axes, (middle, 2.5), "forward: a little noise in each step, nothing to learn", 10.5)
    label(axes, (middle, 0.15), "back: a network says what to take away, step by step", 10.5, color="#b45f06")
    save(figure, PICTURES / "chain.png", 64)


def draw_unet() -> None:
    """The U-Net: three resolutions, skip connections, the step t for every block."""
    figure, axes = canvas(8.6, 3.7)
    rows = {28: 3.2, 14: 2.2, 7: 1.2}
    down, up = (2.0, 2.75, 3.4), (6.5, 5.75, 5.1)
    label(axes, (0.55, 3.2), "$x_t$", 13)
    label(axes, (8.05, 3.2), r"$\epsilon_\theta(x_t, t)$", 13)
    arrow(axes, (0.8, 3.2), (1.42, 3.2))
    arrow(axes, (7.08, 3.2), (7.5, 3.2))
    for k, (side, y) in enumerate(rows.items()):
        channels = 32 * 2**k
        for x in (down[k], up[k]):
            box(axes, (x, y), 1.1, 0.6, "", BLUE)
            label(axes, (x, y + 0.12), f"{side}×{side}")
            label(axes, (x, y - 0.13), f"{channels} channels", 8.5)
        arrow(axes, (down[k] + 0.58, y), (up[k] - 0.58, y), linestyle=(0, (4, 3)), color="#777777")
        if k < 2:
            arrow(axes, (down[k] + 0.1, y - 0.3), (down[k + 1] - 0.1, y - 0.7))
            arrow(axes, (up[k + 1] + 0.1, y - 0.7), (up[k] - 0.1, y - 0.3))
    label(axes, (4.25, 3.36), "skip: the details stay sharp", 9.5, color="#555555")
    box(axes, (4.25, 0.42), 2.4, 0.5, "blocks and attention", GREEN)
    arrow(axes, (3.45, 0.9), (3.7, 0.69))
    arrow(axes, (4.8, 0.69), (5.05, 0.9))
    box(axes, (7.55, 1.2), 1.5, 0.75, "embedding\nof $t$ (and label)", ORANGE)
    label(axes, (7.55, 0.6), "to every block", 9.5, style="italic")
    save(figure, PICTURES / "unet.png", 32)


if __name__ == "__main__":
    draw_chain(digit())
    draw_unet()
