"""Correct normal log-likelihoods in the styles that people write: each must earn all points."""

import math

import torch
from torch.distributions import MultivariateNormal, Normal


def in_one_sum(mu, logvar, x):
    """The plain form: ``mistakes`` are changes of it."""
    square = (x - mu) ** 2 / logvar.exp()
    return -0.5 * (math.log(2 * math.pi) + logvar + square).sum(dim=1)


def by_distributions(mu, logvar, x):
    return Normal(mu, torch.exp(logvar / 2)).log_prob(x).sum(-1)


def multivariate(mu, logvar, x):
    return MultivariateNormal(mu, torch.diag_embed(logvar.exp())).log_prob(x)


def standardised(mu, logvar, x):
    z = (x - mu) * torch.exp(-0.5 * logvar)
    constant = mu.shape[-1] * torch.tensor(2 * torch.pi).log()
    return -0.5 * constant - logvar.sum(-1) / 2 - torch.einsum("nd,nd->n", z, z) / 2


CORRECT = {f.__name__: {"log_likelihood_normal": f} for f in (in_one_sum, by_distributions, multivariate, standardised)}
