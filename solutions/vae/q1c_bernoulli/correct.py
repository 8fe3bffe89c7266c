"""Correct Bernoulli log-likelihoods in the styles that people write: each must earn all points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Bernoulli


def bce_with_logits(logits, x):
    """The plain form: ``mistakes`` are changes of it."""
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return -bce.flatten(1).sum(1)


def two_logsigmoids(logits, x):
    terms = x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)
    return terms.reshape(len(x), -1).sum(dim=-1)


def softplus(logits, x):
    return (x * logits - F.softplus(logits)).sum(dim=tuple(range(1, logits.dim())))


def bernoulli(logits, x):
    return Bernoulli(logits=logits, validate_args=False).log_prob(x).view(x.shape[0], -1).sum(1)


def maximum_by_hand(logits, x):
    stable = logits.clamp(min=0) - logits * x + torch.log1p(torch.exp(-logits.abs()))
    return stable.flatten(start_dim=1).sum(dim=1).neg()


def row_by_row(logits, x):
    criterion = nn.BCEWithLogitsLoss(reduction="sum")
    return torch.stack([-criterion(row, pixels) for row, pixels in zip(logits, x)])


def logaddexp_in_float64(logits, x):
    logits, x64 = logits.double(), x.double()
    terms = x64 * logits - torch.logaddexp(logits, torch.zeros_like(logits))
    return terms.flatten(1).sum(1).to(x.dtype)


CORRECT = {
    function.__name__.replace("_", " "): {"log_likelihood_bernoulli": function}
    for function in (
        bce_with_logits,
        two_logsigmoids,
        softplus,
        bernoulli,
        maximum_by_hand,
        row_by_row,
        logaddexp_in_float64,
    )
}
