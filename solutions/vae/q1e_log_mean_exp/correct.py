"""Correct logarithms of means of exponentials in the styles that people write: each must earn all points."""

from __future__ import annotations

import math

import torch


def maximum_subtracted(y):
    """The plain form: ``mistakes`` are changes of it."""
    largest = y.max(dim=1, keepdim=True).values
    return (y - largest).exp().mean(dim=1).log() + largest.squeeze(1)


def logsumexp(y):
    return torch.logsumexp(y, dim=1) - math.log(y.shape[1])


def logsumexp_of_shifted(y):
    return (y - torch.tensor(y.size(-1), dtype=y.dtype).log()).logsumexp(-1)


def through_log_softmax(y):
    return y[:, 0] - y.log_softmax(dim=-1)[:, 0] - math.log(y.shape[-1])


def detached_maximum(y):
    largest = y.detach().amax(1)
    return largest + torch.log(torch.exp(y - largest[:, None]).sum(1) / y.shape[1])


def in_turn(y):
    total = y[:, 0]
    for column in y.T[1:]:
        total = torch.logaddexp(total, column)
    return total - math.log(y.shape[1])


CORRECT = {
    function.__name__.replace("_", " "): {"log_mean_exp": function}
    for function in (
        maximum_subtracted,
        logsumexp,
        logsumexp_of_shifted,
        through_log_softmax,
        detached_maximum,
        in_turn,
    )
}
