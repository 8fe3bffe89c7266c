"""Correct reparameterisations in the styles that people write: each must earn all points."""

import torch


def std_and_sum(mu, logvar, eps):
    """The plain form: ``mistakes`` are changes of it."""
    std = torch.exp(0.5 * logvar)
    return mu + std * eps


def written_in_place(mu, logvar, eps):
    z = eps.clone()
    z *= logvar.exp().sqrt()
    z += mu
    return z


def one_by_one(mu, logvar, eps):
    z = torch.empty_like(mu).flatten()
    for k, (m, v, e) in enumerate(zip(mu.flatten(), logvar.flatten(), eps.flatten())):
        z[k] = torch.addcmul(m, v.div(2).exp(), e)
    return z.view(mu.shape)


def in_float64(mu, logvar, eps):
    z = torch.distributions.AffineTransform(mu.double(), torch.exp(logvar.double()) ** 0.5)(eps.double())
    return z.to(mu.dtype)


CORRECT = {f.__name__: {"reparameterize": f} for f in (std_and_sum, written_in_place, one_by_one, in_float64)}
