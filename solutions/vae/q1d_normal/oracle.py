"""The log density of a normal distribution, one number at a time."""

import math

import torch


def log_likelihood_normal(mu, logvar, x) -> torch.Tensor:
    r"""$-\frac12 \sum_j \left(\log 2\pi + \text{logvar}_j + (x_j - \mu_j)^2 / e^{\text{logvar}_j}\right)$."""
    rows = []
    for means, log_variances, numbers in zip(mu, logvar, x, strict=True):
        total = 0.0
        for mean, log_variance, number in zip(means, log_variances, numbers, strict=True):
            square = (number - mean) * (number - mean) / torch.exp(log_variance)
            total = total - (math.log(2 * math.pi) + log_variance + square) / 2
        rows.append(total)
    return torch.stack(rows)


ORACLE = {"log_likelihood_normal": log_likelihood_normal}
