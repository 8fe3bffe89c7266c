"""What the probes of the assignment share: the arguments of its losses, a small encoder, and stand-ins.

The stand-ins are no answers: each is some other function of all arguments of the name that it stands for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ARGUMENTS = {
    "negative_cosine": ("p", "z"),
    "simsiam_loss": ("p1", "p2", "z1", "z2"),
    "vicreg_loss": ("z1", "z2"),
    "byol_loss": ("p1", "p2", "t1", "t2"),
    "directed_loss": ("p_heavy", "z_heavy", "p1", "p2", "z1", "z2"),
}
PARTS = {"vicreg_loss": "loss invariance variance covariance"}  # the others return the loss alone


class GivenEncoder(nn.Module):
    """(n, ...) with ``features`` numbers a row -> (n, width), by one layer and tanh."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.width, self.layer = width, nn.Linear(features, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.layer(x.flatten(1)))


def other_negative_cosine(p: Tensor, z: Tensor) -> Tensor:
    """A stand-in for ``negative_cosine``; no gradient to z."""
    z = z.detach()
    return (torch.sin(p) * (2 + z) + 0.3 * z).mean()


def other_simsiam_loss(p1: Tensor, p2: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
    """A stand-in for ``simsiam_loss``; no gradient to z1 and z2."""
    return (torch.tanh(p1) * (1 + z2.detach()) - 2 * torch.sin(p2) * (3 - z1.detach())).mean()


OTHER_LOSSES = {"negative_cosine": other_negative_cosine, "simsiam_loss": other_simsiam_loss}


class OtherSimSiam(nn.Module):
    """A stand-in for ``SimSiam``, with the same attributes."""

    def __init__(self, encoder: nn.Module, width: int = 512, bottleneck: int = 128) -> None:
        super().__init__()
        self.encoder, self.projector = encoder, nn.Linear(encoder.width, width, bias=False)
        self.predictor = nn.Sequential(
            nn.Linear(width, bottleneck, bias=False), nn.Tanh(), nn.Linear(bottleneck, width, bias=False)
        )

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        z1, z2 = (torch.sin(self.projector(self.encoder(x))) for x in (x1, x2))
        return self.predictor(z1), self.predictor(z2), z1, z2
