"""The encoders of the SimSiam assignment: students get them in their notebook, and the grader uses them for checkpoints."""

import torch
import torchvision
from torch import nn


def convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """A 3x3 convolution with batch norm and ReLU."""
    layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


class SmallEncoder(nn.Module):
    """Images (n, 3, h, w) of any size -> features (n, width): eight convolutions, whose outputs are averaged at the end."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)):
        super().__init__()
        self.width = widths[-1]
        before = (3, *widths[:-1])
        self.body = nn.Sequential(
            *(
                nn.Sequential(convolution(inputs, outputs, 1 if inputs == 3 else 2), convolution(outputs, outputs, 1))
                for inputs, outputs in zip(before, widths)
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x).mean(dim=(2, 3))


def resnet18_encoder() -> nn.Module:
    """torchvision's ResNet-18 with the stem for small images and without its last layer: (n, 3, h, w) -> (n, 512)."""
    encoder = torchvision.models.resnet18(weights=None)
    encoder.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
    encoder.maxpool = encoder.fc = nn.Identity()
    encoder.width = 512
    return encoder
