"""Correct SimSiam networks in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F
from torch import nn


class Plain(nn.Module):
    """The plain form: ``mistakes`` are changes of it."""

    def __init__(self, encoder, width=512, bottleneck=128):
        super().__init__()
        self.encoder = encoder
        # fmt: off
        self.projector = nn.Sequential(
            nn.Linear(encoder.width, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width), nn.BatchNorm1d(width, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(width, bottleneck), nn.BatchNorm1d(bottleneck), nn.ReLU(),
            nn.Linear(bottleneck, width),
        )
        # fmt: on

    def forward(self, x1, x2):
        z1, z2 = self.projector(self.encoder(x1)), self.projector(self.encoder(x2))
        return self.predictor(z1), self.predictor(z2), z1, z2


class Projector(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.Linear(n, width, bias=False) for n in (features, width, width))
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm1d(width), nn.BatchNorm1d(width), nn.BatchNorm1d(width, affine=False)

    def forward(self, h):
        h = F.relu(self.bn1(self.fc1(h)))
        return self.bn3(self.fc3(F.relu(self.bn2(self.fc2(h)))))


class Predictor(nn.Sequential):
    def __init__(self, width, bottleneck):
        hidden = nn.Linear(width, bottleneck, bias=False)
        super().__init__(
            hidden, nn.BatchNorm1d(bottleneck), nn.ReLU(inplace=True), nn.Linear(bottleneck, width, bias=False)
        )


class OwnClasses(nn.Module):
    def __init__(self, encoder, width=512, bottleneck=128):
        super().__init__()
        self.encoder, self.projector = encoder, Projector(encoder.width, width)
        self.predictor = Predictor(width, bottleneck)

    def forward(self, x1, x2):
        n = x1.shape[0]
        z = self.projector(self.encoder(torch.cat([x1, x2])))
        p = self.predictor(z)
        return [p[:n], p[n:], z[:n], z[n:]]


class ViewByView(OwnClasses):
    def _view(self, x):
        h = self.encoder(x)
        z = self.projector(h)
        return self.predictor(z), z

    def forward(self, x1, x2):
        (p1, z1), (p2, z2) = self._view(x1), self._view(x2)
        return p1, p2, z1, z2


class ByLoop(nn.Module):
    def __init__(self, encoder, width=512, bottleneck=128):
        super().__init__()
        self.encoder, layers = encoder, []
        for k, n in enumerate((encoder.width, width, width)):
            layers += [nn.Linear(n, width, bias=k == 2), nn.BatchNorm1d(width, affine=k < 2), nn.ReLU(True)]
        self.projector = nn.Sequential(*layers[:-1])
        self.predictor = Predictor(width, bottleneck)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x1, x2):
        z2 = self.projector(self.encoder(x2))
        z1 = self.projector(self.encoder(x1))
        return self.predictor(z1), self.predictor(z2), z1, z2


CORRECT = {form.__name__: {"SimSiam": form} for form in (Plain, OwnClasses, ViewByView, ByLoop)}
