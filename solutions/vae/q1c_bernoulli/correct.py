"""Correct Bernoulli log-likelihoods in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli


def bce_with_logits(logits, x):
    """The plain form: ``mistakes`` are changes of it."""
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return -bce.flatten(1).sum(1)


def two_logsigmoids(logits, x):
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).reshape(len(x), -1).sum(dim=-1)


def softplus(logits, x):
    return (x * logits - F.softplus(logits)).sum(dim=tuple(range(1, logits.dim())))


def bernoulli(logits, x):
    return Bernoulli(logits=logits, validate_args=False).log_prob(x).view(x.shape[0], -1).sum(1)


def maximum_by_hand_in_float64(logits, x):
    l64, x64 = logits.double(), x.double()
    stable = l64.clamp(min=0) - l64 * x64 + torch.log1p(torch.exp(-l64.abs()))
    return stable.flatten(start_dim=1).sum(dim=1).neg().to(x.dtype)


def row_by_row(logits, x):
    criterion = torch.nn.BCEWithLogitsLoss(reduction="sum")
    return torch.stack([-criterion(row, pixels) for row, pixels in zip(logits, x)])


_ALL = (bce_with_logits, two_logsigmoids, softplus, bernoulli, maximum_by_hand_in_float64, row_by_row)
CORRECT = {f.__name__: {"log_likelihood_bernoulli": f} for f in _ALL}
