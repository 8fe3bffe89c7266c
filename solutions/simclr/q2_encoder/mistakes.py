"""Mistakes seen in SimCLR models, each a small change of a right one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet18, resnet34

from autograder.questions.model import Misconception


def _cifar_encoder(build=resnet18, kernel=3, stride=1, padding=1, pool=False, fc=False):
    encoder = build(weights=None)
    encoder.conv1 = nn.Conv2d(3, 64, kernel, stride, padding, bias=False)
    if not pool:
        encoder.maxpool = nn.Identity()
    if not fc:
        encoder.fc = nn.Identity()
    return encoder


class _Right(nn.Module):
    """A right model in parts that a mistake overrides: ``encoder``, ``head``, ``forward``."""

    def __init__(self, projection_dim=128):
        super().__init__()
        self.encoder = self.make_encoder()
        self.head = self.make_head(projection_dim)

    def make_encoder(self):
        return _cifar_encoder()

    def make_head(self, projection_dim):
        return nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, projection_dim))

    def forward(self, x):
        h = self.encoder(x)
        return h, self.head(h)


class ProjectionTwice(_Right):
    def forward(self, x):
        z = self.head(self.encoder(x))
        return z, z


class FeaturesTwice(_Right):
    def forward(self, x):
        h = self.encoder(x)
        return h, h


class Exchanged(_Right):
    def forward(self, x):
        h = self.encoder(x)
        return self.head(h), h


class OnlyZ(_Right):
    def forward(self, x):
        return self.head(self.encoder(x))


class AfterFc(_Right):
    def make_encoder(self):
        return _cifar_encoder(fc=True)

    def make_head(self, projection_dim):
        return nn.Sequential(nn.Linear(1000, 512), nn.ReLU(), nn.Linear(512, projection_dim))


class ImageNetStem(_Right):
    def make_encoder(self):
        encoder = resnet18(weights=None)
        encoder.fc = nn.Identity()
        return encoder


class ImageNetConvolution(_Right):
    def make_encoder(self):
        return _cifar_encoder(kernel=7, stride=2, padding=3)


class MaxPoolLeft(_Right):
    def make_encoder(self):
        return _cifar_encoder(pool=True)


class StrideTwo(_Right):
    def make_encoder(self):
        return _cifar_encoder(stride=2)


class NoPadding(_Right):
    def make_encoder(self):
        return _cifar_encoder(padding=0)


class DeeperEncoder(_Right):
    def make_encoder(self):
        return _cifar_encoder(resnet34)


class NotFlattened(_Right):
    def make_encoder(self):
        return nn.Sequential(*list(_cifar_encoder().children())[:-1])

    def forward(self, x):
        h = self.encoder(x)
        return h, self.head(h.flatten(1))


class Squeezed(NotFlattened):
    def forward(self, x):
        h = self.encoder(x).squeeze()
        return h, self.head(h)


class HeadWithoutReLU(_Right):
    def make_head(self, projection_dim):
        return nn.Sequential(nn.Linear(512, 512), nn.Linear(512, projection_dim))


class HeadOfOneLayer(_Right):
    def make_head(self, projection_dim):
        return nn.Linear(512, projection_dim)


class HeadOfThreeLayers(_Right):
    def make_head(self, projection_dim):
        return nn.Sequential(
            nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, projection_dim)
        )


class NarrowHead(_Right):
    def make_head(self, projection_dim):
        return nn.Sequential(nn.Linear(512, projection_dim), nn.ReLU(), nn.Linear(projection_dim, projection_dim))


class WideHead(_Right):
    def make_head(self, projection_dim):
        return nn.Sequential(nn.Linear(512, 2048), nn.ReLU(), nn.Linear(2048, projection_dim))


class HeadWithBatchNorm(_Right):
    def make_head(self, projection_dim):
        hidden = nn.BatchNorm1d(512)
        return nn.Sequential(nn.Linear(512, 512), hidden, nn.ReLU(), nn.Linear(512, projection_dim))


class HeadWithoutBias(_Right):
    def make_head(self, projection_dim):
        return nn.Sequential(nn.Linear(512, 512, bias=False), nn.ReLU(), nn.Linear(512, projection_dim, bias=False))


class ReLUOnZ(_Right):
    def make_head(self, projection_dim):
        return nn.Sequential(*super().make_head(projection_dim), nn.ReLU())


class FixedWidth(_Right):
    def make_head(self, projection_dim):
        return super().make_head(128)


class HeadOnNormalised(_Right):
    def forward(self, x):
        h = self.encoder(x)
        return h, self.head(F.normalize(h, dim=1))


class Detached(_Right):
    def forward(self, x):
        h = self.encoder(x)
        return h, self.head(h.detach())


class NoGradEncoder(_Right):
    def forward(self, x):
        with torch.no_grad():
            h = self.encoder(x)
        return h, self.head(h)


class ForcesEval(_Right):
    def forward(self, x):
        self.eval()
        return super().forward(x)


class ForcesTrain(_Right):
    def forward(self, x):
        self.train()
        return super().forward(x)


class NormalisedZ(_Right):
    def forward(self, x):
        h, z = super().forward(x)
        return h, F.normalize(z, dim=1)


_TABLE = (
    ("projection returned twice", ProjectionTwice,
     "The first returned tensor is the projection; it must be the encoder's output h, and the projection "
     "comes second."),
    ("h returned twice", FeaturesTwice,
     "The second returned tensor is the encoder's output; it must have gone through the projection head."),
    ("h and z exchanged", Exchanged,
     "forward returns the projection first; the order asked for is h, then z."),
    ("only z returned", OnlyZ,
     "forward returns a single tensor; it must return the encoder's output and the projection, as a pair."),
    ("h after fc", AfterFc,
     "h is taken after ResNet's classification layer fc; the representation is what that layer is given."),
    ("ImageNet stem", ImageNetStem,
     "The encoder still has the stem for 224-pixel images; look at the first convolution and at the max-pool."),
    ("ImageNet convolution", ImageNetConvolution,
     "The max-pool is gone, but the first convolution is still the 7 x 7 one with stride 2."),
    ("max-pool left in", MaxPoolLeft,
     "The first convolution is right, but the max-pool after it is still there."),
    ("stem with stride 2", StrideTwo,
     "The first convolution halves the image; look at its stride."),
    ("stem without padding", NoPadding,
     "The first convolution makes the image two pixels smaller; look at its padding."),
    ("deeper ResNet", DeeperEncoder,
     "The encoder is deeper than a ResNet-18."),
    ("h not flattened", NotFlattened,
     "h still has the two axes of size 1 that the average pooling leaves; flatten it to (n, 512)."),
    ("h squeezed", Squeezed,
     "squeeze() also removes the batch axis when the batch has one image; flatten only the axes after it."),
    ("head without ReLU", HeadWithoutReLU,
     "The two linear layers of the head have no non-linearity between them, so they amount to a single one."),
    ("head of one layer", HeadOfOneLayer,
     "The projection head has one linear layer; it needs a hidden one."),
    ("head of three layers", HeadOfThreeLayers,
     "The projection head has more than two linear layers."),
    ("narrow hidden layer", NarrowHead,
     "The hidden layer of the head has the width of z; it should be as wide as h."),
    ("wide hidden layer", WideHead,
     "The hidden layer of the head is wider than h; it should be as wide as h."),
    ("batch norm in the head", HeadWithBatchNorm,
     "The head of this assignment has no batch norm; compare it with the statement."),
    ("head without biases", HeadWithoutBias,
     "The linear layers of the head have no biases; the statement asks for them."),
    ("ReLU on z", ReLUOnZ,
     "z passes through a ReLU, so that no entry is negative; the last layer of the head is linear."),
    ("projection_dim ignored", FixedWidth,
     "The width of z does not follow the argument projection_dim."),
    ("head on normalised h", HeadOnNormalised,
     "The head is fed with a rescaled h; it takes h as forward returns it."),
    ("h detached", Detached,
     "The projection carries no gradient back into the encoder, so the loss never trains it: look for where "
     "they part."),
    ("encoder without gradients", NoGradEncoder,
     "The projection carries no gradient back into the encoder, so the loss never trains it: look for where "
     "they part."),
    ("forward sets eval mode", ForcesEval,
     "forward switches the model to eval mode; the mode belongs to whoever calls the model."),
    ("forward sets train mode", ForcesTrain,
     "forward switches the model to train mode; the mode belongs to whoever calls the model."),
)  # fmt: skip

MISCONCEPTIONS = (
    *(Misconception(name, hint, {"SimCLR": wrong}) for name, wrong, hint in _TABLE),
    Misconception(
        "z normalised",
        "forward already normalises z, and NT-Xent normalises it again: harmless, but z is meant to be the "
        "plain output.",
        {"SimCLR": NormalisedZ},
        harmless=True,
    ),
)
