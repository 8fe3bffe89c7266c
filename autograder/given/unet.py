"""The network of the diffusion assignment: students get it in their notebook, and the grader uses it for checkpoints."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def sinusoids(t: torch.Tensor, width: int) -> torch.Tensor:
    """Sines and cosines of ``t`` (n,) at frequencies from 1 down to 1/10000: (n, width)."""
    frequencies = torch.exp(-math.log(10_000) * torch.arange(width // 2, device=t.device) / (width // 2))
    angles = t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Block(nn.Module):
    """Two 3x3 convolutions around a residual connection; ``condition`` (n, c) scales and shifts between them."""

    def __init__(self, inputs: int, width: int, condition: int):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, inputs), nn.Conv2d(inputs, width, 3, padding=1)
        self.condition = nn.Linear(condition, 2 * width)
        self.norm2, self.conv2 = nn.GroupNorm(8, width), nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, width, 1) if inputs != width else nn.Identity()

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        scale, shift = self.condition(condition)[:, :, None, None].chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.shortcut(x) + h


class Attention(nn.Module):
    """Self-attention over all positions of an image, with a residual connection."""

    def __init__(self, width: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.norm, self.qkv, self.out = (
            nn.GroupNorm(8, width),
            nn.Conv2d(width, 3 * width, 1),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, width, height, breadth = x.shape
        # (n, 3, heads, width per head, positions) -> q, k, v: (n, heads, positions, width per head)
        parts = self.qkv(self.norm(x)).reshape(n, 3, self.heads, width // self.heads, height * breadth)
        q, k, v = parts.transpose(3, 4).unbind(1)
        h = F.scaled_dot_product_attention(q, k, v).transpose(2, 3)
        return x + self.out(h.reshape(n, width, height, breadth))


class UNet(nn.Module):
    """Predicts the noise in ``x`` at step ``t``: (n, c, h, w), (n,) int64 -> (n, c, h, w), for images of any size.

    ``widths`` are the channels at full, half, quarter … resolution (multiples of 8); attention sits at the lowest one.
    With ``classes`` > 0 the network also takes labels (n,); label ``classes`` means "no label", and so does None.
    A small version of the network of Ho et al. (2020), appendix B.
    """

    def __init__(self, channels: int = 1, widths: tuple[int, ...] = (32, 64, 128), classes: int = 0):
        super().__init__()
        self.channels, self.widths, self.classes = channels, tuple(widths), classes
        condition, lowest = 4 * widths[0], widths[-1]
        self.time = nn.Sequential(nn.Linear(widths[0], condition), nn.SiLU(), nn.Linear(condition, condition))
        self.label = nn.Embedding(classes + 1, condition) if classes else None
        self.stem = nn.Conv2d(channels, widths[0], 3, padding=1)
        before = (widths[0], *widths[:-1])
        self.down = nn.ModuleList(Block(inputs, width, condition) for inputs, width in zip(before, widths))
        self.shrink = nn.ModuleList(nn.Conv2d(width, width, 3, stride=2, padding=1) for width in widths[:-1])
        self.middle = nn.ModuleList([Block(lowest, lowest, condition), Block(lowest, lowest, condition)])
        self.attention = Attention(lowest)
        self.up = nn.ModuleList(
            Block(2 * width, inputs, condition) for inputs, width in reversed(list(zip(before, widths)))
        )
        self.norm, self.out = nn.GroupNorm(8, widths[0]), nn.Conv2d(widths[0], channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor, t: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        condition = self.time(sinusoids(t, self.widths[0]))
        if self.label is not None:
            none = torch.full_like(t, self.classes)
            condition = condition + self.label(none if labels is None else labels)
        condition = F.silu(condition)
        h, skips = self.stem(x), []
        for level, block in enumerate(self.down):
            h = block(h, condition)
            skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
        h = self.middle[1](self.attention(self.middle[0](h, condition)), condition)
        for block in self.up:
            skip = skips.pop()
            if h.shape[2:] != skip.shape[2:]:
                h = F.interpolate(h, size=skip.shape[2:], mode="nearest")
            h = block(torch.cat([h, skip], dim=1), condition)
        return self.out(F.silu(self.norm(h)))
