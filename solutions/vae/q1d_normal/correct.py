"""Correct normal log-likelihoods in the styles that people write: each must earn all points."""

from __future__ import annotations

import math

import torch
from torch.distributions import Independent, MultivariateNormal, Normal


def in_one_sum(mu, logvar, x):
    """The plain form: ``mistakes`` are changes of it."""
    square = (x - mu) ** 2 / logvar.exp()
    return -0.5 * (math.log(2 * math.pi) + logvar + square).sum(dim=1)


def by_distributions(mu, logvar, x):
    return Normal(mu, torch.exp(logvar / 2)).log_prob(x).sum(-1)


def independent(mu, logvar, x):
    return Independent(Normal(mu, logvar.exp().sqrt()), 1).log_prob(x)


def multivariate(mu, logvar, x):
    return MultivariateNormal(mu, torch.diag_embed(logvar.exp())).log_prob(x)


def standardised(mu, logvar, x):
    d = mu.shape[-1]
    z = (x - mu) * torch.exp(-0.5 * logvar)
    return -0.5 * d * torch.tensor(2 * torch.pi).log() - logvar.sum(-1) / 2 - torch.einsum("nd,nd->n", z, z) / 2


CORRECT = {
    function.__name__.replace("_", " "): {"log_likelihood_normal": function}
    for function in (in_one_sum, by_distributions, independent, multivariate, standardised)
}
