"""Reparameterisation, one number at a time."""

import torch


def reparameterize(mu, logvar, eps) -> torch.Tensor:
    r"""$z = \mu + \sigma\,\epsilon$ with $\sigma^2 = e^{\text{logvar}}$, entry by entry."""
    numbers = []
    for mean, log_variance, noise in zip(mu.flatten(), logvar.flatten(), eps.flatten(), strict=True):
        numbers.append(mean + torch.sqrt(torch.exp(log_variance)) * noise)
    return torch.stack(numbers).reshape(mu.shape)


ORACLE = {"reparameterize": reparameterize}
