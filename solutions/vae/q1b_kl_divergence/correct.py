"""Correct KL divergences in the styles that people write: each must earn all points."""

from __future__ import annotations

import torch
from torch.distributions import Independent, Normal, kl


def in_one_sum(mu, logvar):
    """The plain form: ``mistakes`` are changes of it."""
    terms = logvar.exp() + mu.pow(2) - 1 - logvar
    return 0.5 * terms.sum(dim=-1)


def as_in_the_example_of_pytorch(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), -1)


def by_distributions(mu, logvar):
    q = Normal(mu, torch.exp(logvar / 2))
    return kl.kl_divergence(q, Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(-1)


def independent(mu, logvar):
    q, p = (Independent(Normal(m, s), 1) for m, s in ((mu, logvar.exp().sqrt()), (0 * mu, torch.ones_like(mu))))
    return kl.kl_divergence(q, p)


def three_sums(mu, logvar):
    norms = torch.linalg.vector_norm(mu, dim=-1) ** 2
    return (norms + torch.expm1(logvar).sum(-1) - logvar.sum(-1)) / 2


def column_by_column(mu, logvar):
    total = torch.zeros(mu.shape[:-1], dtype=mu.dtype, device=mu.device)
    for m, v in zip(mu.unbind(-1), logvar.unbind(-1)):
        total += 0.5 * (v.exp() + m * m - 1 - v)
    return total


CORRECT = {
    function.__name__.replace("_", " "): {"kl_divergence": function}
    for function in (in_one_sum, as_in_the_example_of_pytorch, by_distributions, independent, three_sums, column_by_column)
}  # fmt: skip
