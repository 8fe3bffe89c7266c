"""The VAE: encoder, one draw, decoder, image by image."""

import torch
from torch import nn

from ..q1a_reparameterize.oracle import reparameterize


class _VAE(nn.Module):
    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, decoder.latent

    def encode(self, x):
        rows = [self.encoder(row[None]) for row in x]
        return torch.cat([mu for mu, _ in rows]), torch.cat([logvar for _, logvar in rows])

    def decode(self, z):
        return torch.cat([self.decoder(row[None]) for row in z])

    def forward(self, x, eps):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar, eps)), mu, logvar


def vae(encoder, decoder) -> nn.Module:
    """A function, so that another ``reparameterize`` can be put into its module."""
    return _VAE(encoder, decoder)


ORACLE = {"VAE": vae}
