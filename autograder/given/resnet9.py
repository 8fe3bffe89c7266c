"""The residual network of the contrastive assignment: students get it in their notebook, and the grader uses it for checkpoints."""

import torch
from torch import nn


def convolution(inputs: int, outputs: int, pooled: bool = False) -> nn.Sequential:
    """A 3x3 convolution with batch norm and ReLU; ``pooled`` halves height and width."""
    layers = (nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
    return nn.Sequential(*layers, *[nn.MaxPool2d(2)] * pooled)


class Residual(nn.Module):
    """x + two convolutions of x."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(convolution(width, width), convolution(width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class ResNet9(nn.Module):
    """Images (n, 3, h, w), h and w at least 8 -> features (n, width): the largest value of each of the last channels."""

    def __init__(self, widths: tuple[int, int, int, int] = (32, 64, 128, 256)):
        super().__init__()
        first, second, third, self.width = widths
        self.layers = nn.Sequential(
            convolution(3, first),
            convolution(first, second, pooled=True),
            Residual(second),
            convolution(second, third, pooled=True),
            convolution(third, self.width, pooled=True),
            Residual(self.width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).amax(dim=(2, 3))
