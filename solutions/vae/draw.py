"""Draws the pictures of the notebook's text into ``pictures/``: ``python solutions/vae/draw.py``.

It needs the committed results of this assignment and of ``ddpm``.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from autograder.release.drawing import BLUE, GREEN, ORANGE, arrow, box, canvas, image, label, save

HERE = Path(__file__).parent
PICTURES, RESULTS = HERE / "pictures", HERE / "results"
DDPM = HERE.parent / "ddpm" / "results"


def draw_model() -> None:
    """An image becomes a cloud in the latent space, and a point of the cloud an image."""
    figure, axes = canvas(8.6, 2.6)
    reconstructions = strip(RESULTS / "digits.png")
    image(axes, (0.75, 1.5), 1.1, reconstructions[0])
    box(axes, (2.3, 1.5), 1.3, 0.7, "encoder", BLUE)
    box(axes, (4.3, 1.95), 0.9, 0.5, r"$\mu$", GREEN)
    box(axes, (4.3, 1.05), 0.9, 0.5, r"$\log\sigma^2$", GREEN)
    box(axes, (5.6, 1.5), 0.7, 0.55, "$z$", ORANGE)
    box(axes, (6.75, 1.5), 1.1, 0.7, "decoder", BLUE)
    image(axes, (8.0, 1.5), 0.9, reconstructions[1])
    for start, end in (
        ((1.32, 1.5), (1.62, 1.5)),
        ((2.97, 1.6), (3.83, 1.9)),
        ((2.97, 1.4), (3.83, 1.1)),
        ((4.77, 1.9), (5.23, 1.62)),
        ((4.77, 1.1), (5.23, 1.38)),
        ((5.97, 1.5), (6.18, 1.5)),
        ((7.32, 1.5), (7.53, 1.5)),
        ((5.6, 0.62), (5.6, 1.2)),
    ):
        arrow(axes, start, end)
    label(axes, (0.75, 0.75), "$x$")
    label(axes, (8.0, 0.85), r"$p_\theta(x \mid z)$")
    label(axes, (5.6, 0.45), r"$\epsilon \sim \mathcal{N}(0, I)$")
    label(axes, (4.3, 2.42), r"$q_\phi(z \mid x)$: a cloud for each image", 10.5)
    label(axes, (2.9, 0.25), "to draw a new image, take $z$ from the prior and decode it", 10.5, style="italic")
    save(figure, PICTURES / "vae.png", 64)


def draw_beside() -> None:
    """Samples of the VAE and of the DDPM side by side, with their scores and the cost of a sample."""
    figure, axes = canvas(8.6, 2.4)
    costs = dict(rows(RESULTS / "drawing.csv"))
    for centre, title, samples, scores in (
        (2.15, "VAE", RESULTS / "samples.png", last_of(RESULTS / "scores.csv", "the solution")),
        (6.45, "DDPM, 200 steps", DDPM / "samples.png", last_of(DDPM / "scores.csv", "1,024")),
    ):
        pixels = upper_half(samples)
        top = 0.95 + 4 * pixels.shape[0] / pixels.shape[1]
        extent = (centre - 2, centre + 2, 0.95, top)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, aspect="auto", extent=extent)
        label(axes, (centre, top + 0.2), title, 12)
        coverage, confidence, frechet = scores
        label(axes, (centre, 0.62), f"coverage {coverage}, confidence {confidence}, Fréchet distance {frechet}", 9.5)
        label(axes, (centre, 0.32), f"{float(costs[title]):.3g} ms for an image, one processor", 9.5)
    save(figure, PICTURES / "beside.png", 16)


def upper_half(path: Path) -> np.ndarray:
    """The upper half of a grid of samples on a white page."""
    pixels = np.asarray(Image.open(path).convert("L"))
    down, across = ((pixels < 128).mean(axis=axis) > 0.5 for axis in (1, 0))
    grid = pixels[down][:, across]
    return grid[: len(grid) // 2]


def strip(path: Path) -> list[np.ndarray]:
    """The square images of a strip."""
    pixels = np.asarray(Image.open(path).convert("L"))
    return np.split(pixels, pixels.shape[1] // pixels.shape[0], axis=1)


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def last_of(path: Path, title: str) -> tuple[str, str, str]:
    """Coverage, confidence and distance in the last row whose title begins with ``title``."""
    head, *body = rows(path)
    row = [row for row in body if row[0].startswith(title)][-1]
    return tuple(row[head.index(name)] for name in ("coverage", "confidence", "frechet"))


if __name__ == "__main__":
    draw_model()
    draw_beside()
