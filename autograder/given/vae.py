"""The networks of the VAE assignment: students get them in their notebook, and the grader uses them for checkpoints."""

import torch
from torch import nn

LATENT = 20  # the width of a latent vector


def dense(*widths: int) -> nn.Sequential:
    """Linear layers from each width to the next, with a ReLU after each."""
    layers = ((nn.Linear(inputs, outputs), nn.ReLU()) for inputs, outputs in zip(widths, widths[1:]))
    return nn.Sequential(*(part for pair in layers for part in pair))


class Encoder(nn.Module):
    """Images (n, 1, 28, 28) in [0, 1] -> mu and logvar of their latent vectors, (n, latent) each; logvar is log σ²."""

    def __init__(self, latent: int = LATENT, hidden: tuple[int, ...] = (512, 512)):
        super().__init__()
        self.latent, self.hidden = latent, tuple(hidden)
        self.body = dense(28 * 28, *hidden)
        self.mu, self.logvar = nn.Linear(hidden[-1], latent), nn.Linear(hidden[-1], latent)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.body(x.flatten(1))
        return self.mu(h), self.logvar(h)


class Decoder(nn.Module):
    """Latent vectors (n, latent) -> logits of the pixels, (n, 1, 28, 28); ``hidden`` is listed from the latent side."""

    def __init__(self, latent: int = LATENT, hidden: tuple[int, ...] = (512, 512)):
        super().__init__()
        self.latent, self.hidden = latent, tuple(hidden)
        self.body = dense(latent, *hidden)
        self.logits = nn.Linear(hidden[-1], 28 * 28)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.logits(self.body(z)).view(-1, 1, 28, 28)
