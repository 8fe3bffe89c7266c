"""Correct VAEs in the styles that people write: each must earn all points."""

import torch
from torch import nn


def _reparameterize(mu, logvar, eps):
    return mu + torch.exp(logvar / 2) * eps


class Plain(nn.Module):
    """The plain form: ``mistakes`` are changes of it."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, decoder.latent

    def encode(self, x):
        return self.encoder(x)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x, eps):
        mu, logvar = self.encode(x)
        z = _reparameterize(mu, logvar, eps)
        return self.decode(z), mu, logvar


class InADict(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.parts = nn.ModuleDict({"encoder": encoder, "decoder": decoder})

    @property
    def latent(self):
        return self.parts["decoder"].latent

    def encode(self, x):
        return list(self.parts["encoder"](x))

    def decode(self, z):
        return self.parts["decoder"].forward(z)

    def forward(self, x, eps=None):
        mu, logvar = self.parts["encoder"](x)
        return [self.parts["decoder"](logvar.exp().sqrt() * eps + mu), mu, logvar]


class ImageByImage(Plain):
    def forward(self, x, eps):
        rows = [Plain.forward(self, x[k : k + 1], eps[k : k + 1]) for k in range(len(x))]
        return tuple(torch.cat(parts) for parts in zip(*rows))


class TwiceEncoded(Plain):
    def forward(self, x, eps):
        return (self.decode(self.encode(x)[0] + self.encode(x)[1].exp().sqrt() * eps), *self.encode(x))


CORRECT = {form.__name__: {"VAE": form} for form in (Plain, InADict, ImageByImage, TwiceEncoded)}
