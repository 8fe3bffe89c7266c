"""Correct reparameterisations in the styles that people write: each must earn all points."""

from __future__ import annotations

import torch


def std_and_sum(mu, logvar, eps):
    """The plain form: ``mistakes`` are changes of it."""
    std = torch.exp(0.5 * logvar)
    return mu + std * eps


def addcmul(mu, logvar, eps):
    return torch.addcmul(mu, logvar.exp().sqrt(), eps)


def transformed(mu, logvar, eps):
    return torch.distributions.transforms.AffineTransform(mu, (logvar / 2).exp())(eps)


def written_in_place(mu, logvar, eps):
    z = eps.clone()
    z *= torch.pow(torch.full_like(logvar, 2.718281828459045), logvar / 2)
    z += mu
    return z


def one_by_one(mu, logvar, eps):
    z = torch.empty_like(mu).flatten()
    for k, (m, v, e) in enumerate(zip(mu.flatten(), logvar.flatten(), eps.flatten())):
        z[k] = m + v.div(2).exp() * e
    return z.view(mu.shape)


def in_float64(mu, logvar, eps):
    return (mu.double() + torch.exp(logvar.double()) ** 0.5 * eps.double()).to(mu.dtype)


CORRECT = {
    function.__name__.replace("_", " "): {"reparameterize": function}
    for function in (std_and_sum, addcmul, transformed, written_in_place, one_by_one, in_float64)
}
