"""Correct ``SimCLR`` models in the styles that people write: each must earn all points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock, ResNet


class IdentityLayers(nn.Module):
    """The plain form; the mistakes are edits of it."""

    def __init__(self, projection_dim=128):
        super().__init__()
        self.encoder = torchvision.models.resnet18(weights=None)
        self.encoder.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        self.encoder.maxpool = nn.Identity()
        self.encoder.fc = nn.Identity()
        self.projector = nn.Sequential(nn.Linear(512, 512), nn.ReLU(inplace=True), nn.Linear(512, projection_dim))

    def forward(self, x):
        h = self.encoder(x)
        return h, self.projector(h)


class SequentialOfChildren(nn.Module):
    """The children of a ResNet-18 in one ``Sequential``, the head functional and made before it."""

    def __init__(self, projection_dim=128):
        super().__init__()
        self.linear2 = nn.Linear(512, projection_dim)
        self.linear1 = nn.Linear(512, 512)
        layers = []
        for name, module in torchvision.models.resnet18().named_children():
            if name == "conv1":
                module = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
            if not isinstance(module, nn.Linear | nn.MaxPool2d):
                layers.append(module)
        self.f = nn.Sequential(*layers)

    def forward(self, x):
        feature = torch.flatten(self.f(x), start_dim=1)
        return feature, self.linear2(F.relu(self.linear1(feature)))


class HeadInPlaceOfFc(nn.Module):
    """The head replaces ``fc``; a hook keeps what it is given."""

    def __init__(self, projection_dim=128):
        super().__init__()
        self.net = resnet18(weights=None)
        self.net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.net.maxpool = nn.MaxPool2d(kernel_size=1, stride=1)
        self.net.fc = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, projection_dim))
        self.net.avgpool.register_forward_hook(self._keep)

    def _keep(self, module, inputs, output):
        self.pooled = output

    def forward(self, x):
        z = self.net(x)
        return [self.pooled.flatten(1), z]


class SubclassWithOwnForward(ResNet):
    """Overrides forward and leaves the unused ``fc`` and max-pool where they are."""

    def __init__(self, projection_dim=128):
        super().__init__(BasicBlock, [2, 2, 2, 2])
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.g1, self.g2 = nn.Linear(512, 512), nn.Linear(512, projection_dim)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        h = F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0]
        return h, self.g2(self.g1(h).relu())


class _Block(nn.Module):
    """Two 3 x 3 convolutions and their shortcut: (n, inputs, H, W) -> (n, outputs, H / stride, W / stride)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.bn2 = nn.BatchNorm2d(outputs)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)

    def forward(self, x):
        shortcut = self.shortcut(x)  # first, where torchvision computes it last
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class OwnResNet(nn.Module):
    """A ResNet-18 written by hand, with the head's weights as bare parameters and a bias on the first convolution."""

    def __init__(self, projection_dim=128):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, padding="same"), nn.BatchNorm2d(64), nn.ReLU())
        widths = (64, 64, 128, 256, 512)
        self.blocks = nn.ModuleList()
        for k in range(4):
            self.blocks.append(_Block(widths[k], widths[k + 1], 1 if k == 0 else 2))
            self.blocks.append(_Block(widths[k + 1], widths[k + 1], 1))
        self.w1, self.b1 = nn.Parameter(torch.randn(512, 512) / 16), nn.Parameter(torch.zeros(512))
        self.w2, self.b2 = (
            nn.Parameter(torch.randn(projection_dim, 512) / 16),
            nn.Parameter(torch.zeros(projection_dim)),
        )

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        h = F.avg_pool2d(x, 4).reshape(len(x), -1)
        return h, F.linear(F.relu(F.linear(h, self.w1, self.b1)), self.w2, self.b2)


CORRECT = {
    "identity layers": {"SimCLR": IdentityLayers},
    "sequential of children": {"SimCLR": SequentialOfChildren},
    "head in place of fc": {"SimCLR": HeadInPlaceOfFc},
    "subclass with its own forward": {"SimCLR": SubclassWithOwnForward},
    "resnet by hand": {"SimCLR": OwnResNet},
}
