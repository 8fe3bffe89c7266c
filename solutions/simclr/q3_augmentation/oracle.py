"""The augmentations of SimCLR in NumPy, the two-view data set as plain loops, momentum SGD and its schedule by formula.

Chen et al., *A simple framework for contrastive learning of visual representations* (2020), appendix A and B.9.
"""

from __future__ import annotations

import colorsys
import math

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
LUMA = np.array([0.299, 0.587, 0.114])


def uniform(low: float, high: float) -> float:
    """A draw from torch's global generator."""
    return low + (high - low) * torch.rand((), dtype=torch.float64).item()


def normalised(pixels: np.ndarray) -> Tensor:
    """(3, H, W) in [0, 1] -> float32, with the mean and deviation of CIFAR-10 taken out."""
    mean, std = np.array(MEAN).reshape(3, 1, 1), np.array(STD).reshape(3, 1, 1)
    return torch.from_numpy((pixels - mean) / std).float()


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """Bilinear, pixel centres at half integers: (3, h, w) -> (3, size, size)."""
    return np.einsum(
        "ah,chw,bw->cab", _interpolation(pixels.shape[1], size), pixels, _interpolation(pixels.shape[2], size)
    )


def _interpolation(before: int, after: int) -> np.ndarray:
    """Weights of the pixels before for each pixel after: (after, before)."""
    centre = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    return np.maximum(0, 1 - np.abs(centre[:, None] - np.arange(before)[None, :]))


def random_resized_crop(pixels: np.ndarray, size: int) -> np.ndarray:
    """A crop of 0.2 to 1 of the area with sides 3:4 to 4:3, resized; the whole image where ten draws do not fit."""
    height, width = pixels.shape[1:]
    for _ in range(10):
        area = height * width * uniform(0.2, 1)
        ratio = math.exp(uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if w <= width and h <= height:
            top, left = round(uniform(-0.5, height - h + 0.5)), round(uniform(-0.5, width - w + 0.5))
            return resize(pixels[:, top : top + h, left : left + w], size)
    return resize(pixels, size)


def greyscale(pixels: np.ndarray) -> np.ndarray:
    """Luma in all three channels."""
    return np.broadcast_to(np.tensordot(LUMA, pixels, axes=1), pixels.shape)


def turn_hue(pixels: np.ndarray, turn: float) -> np.ndarray:
    """Hue moved by ``turn`` of a full circle, pixel by pixel; equal pixels are looked up once."""
    colours, index = np.unique(pixels.reshape(3, -1).T.round(12), axis=0, return_inverse=True)
    turned = np.empty_like(colours)
    for k, colour in enumerate(colours):
        hue, saturation, value = colorsys.rgb_to_hsv(*colour)
        turned[k] = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    return turned[index.ravel()].T.reshape(pixels.shape)


def colour_jitter(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Brightness, contrast, saturation by factors within 0.8 strength of 1, hue within 0.2 strength, in any order."""
    for part in torch.randperm(4).tolist():
        factor = uniform(max(0, 1 - 0.8 * strength), 1 + 0.8 * strength)
        if part == 0:
            pixels = factor * pixels
        elif part == 1:
            pixels = factor * pixels + (1 - factor) * greyscale(pixels).mean()
        elif part == 2:
            pixels = factor * pixels + (1 - factor) * greyscale(pixels)
        elif strength > 0:
            pixels = turn_hue(pixels, uniform(-0.2 * strength, 0.2 * strength))
        pixels = pixels.clip(0, 1)
    return pixels


def blurred(pixels: np.ndarray) -> np.ndarray:
    """Three-tap Gaussian with deviation 0.1 to 2 pixels along both axes."""
    side = math.exp(-0.5 / uniform(0.1, 2) ** 2)
    for axis in (1, 2):
        around = np.pad(pixels, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="reflect")
        before, after = np.roll(around, 1, axis), np.roll(around, -1, axis)
        pixels = ((side * before + around + side * after) / (1 + 2 * side)).take(range(1, pixels.shape[axis] + 1), axis)
    return pixels


def simclr_transform(size: int = 32, strength: float = 0.5, blur: bool = False):
    """Returns a random transform: (3, H, W) uint8 -> (3, size, size) float32."""

    def transform(image: Tensor) -> Tensor:
        pixels = random_resized_crop(image.numpy() / 255, size)
        if uniform(0, 1) < 0.5:
            pixels = pixels[:, :, ::-1]
        if uniform(0, 1) < 0.8:
            pixels = colour_jitter(pixels, strength)
        if uniform(0, 1) < 0.2:
            pixels = greyscale(pixels)
        if blur and uniform(0, 1) < 0.5:
            pixels = blurred(pixels)
        return normalised(pixels)

    return transform


class TwoViews(Dataset):
    """Item k is ((view_i, view_j), label)."""

    def __init__(self, images: Tensor, labels: Tensor, transform) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, k: int) -> tuple[tuple[Tensor, Tensor], int]:
        first = self.transform(self.images[k])
        second = self.transform(self.images[k])
        return (first, second), self.labels[k].item()


def pretrain_loader(images, labels, transform, batch_size, num_workers=0) -> DataLoader:
    """Batches ((x_i, x_j), labels) in a new order at each pass."""
    return DataLoader(TwoViews(images, labels, transform), batch_size=batch_size, shuffle=True, num_workers=num_workers)


def rate(step: int, lr: float, warmup_steps: int, total_steps: int) -> float:
    """Learning rate used for ``step``: linear warm-up that ends at ``lr``, then half a cosine."""
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return lr * (1 + math.cos(math.pi * (step - warmup_steps) / (total_steps - warmup_steps))) / 2


class PlainSGD:
    """v <- 0.9 v + g + decay p, p <- p - lr v; Sutskever et al. (2013) with the learning rate outside the velocity."""

    def __init__(self, model, lr: float, weight_decay: float) -> None:
        self.parameters = list(model.parameters())
        self.velocities = [torch.zeros_like(p) for p in self.parameters]
        self.weight_decay = weight_decay
        self.param_groups = [{"lr": lr}]

    def step(self) -> None:
        with torch.no_grad():
            for parameter, velocity in zip(self.parameters, self.velocities, strict=True):
                velocity.copy_(0.9 * velocity + parameter.grad + self.weight_decay * parameter)
                parameter.copy_(parameter - self.param_groups[0]["lr"] * velocity)


class PlainSchedule:
    """Sets the rate of step 0, 1, 2, … in turn."""

    def __init__(self, optimizer: PlainSGD, *schedule) -> None:
        self.optimizer, self.schedule, self.count = optimizer, schedule, 0
        optimizer.param_groups[0]["lr"] = rate(0, *schedule)

    def step(self) -> None:
        self.count += 1
        self.optimizer.param_groups[0]["lr"] = rate(self.count, *self.schedule)


def make_optimizer(model, lr, weight_decay, warmup_steps, total_steps):
    """Optimizer and scheduler by formula."""
    optimizer = PlainSGD(model, lr, weight_decay)
    return optimizer, PlainSchedule(optimizer, lr, warmup_steps, total_steps)


ORACLE = {
    "simclr_transform": simclr_transform,
    "TwoViews": TwoViews,
    "pretrain_loader": pretrain_loader,
    "make_optimizer": make_optimizer,
}
