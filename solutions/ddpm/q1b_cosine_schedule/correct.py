"""Correct cosine schedules in the styles that people write: each must earn all points."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from ..probes import Schedule


def float64_until_beta(T, s=0.008):
    """The plain form, of which ``mistakes`` are changes: no rounding of β hides whether it is clipped."""
    u = torch.arange(T + 1, dtype=torch.float64)
    f = torch.cos((u / T + s) / (1 + s) * torch.pi / 2) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999).float()
    alpha = 1.0 - beta
    alpha_bar = torch.cumprod(alpha, dim=0)
    previous = F.pad(alpha_bar[:-1], (1, 0), value=1.0)
    posterior = beta * (1.0 - previous) / (1.0 - alpha_bar)
    return Schedule(beta, alpha, alpha_bar, posterior)


def _from_beta(beta):
    alpha = 1 - beta
    alpha_bar = torch.cumprod(alpha, dim=0)
    previous = F.pad(alpha_bar[:-1], (1, 0), value=1.0)
    return Schedule(beta, alpha, alpha_bar, beta * (1 - previous) / (1 - alpha_bar))


def float32_all_through(T, s=0.008):
    u = torch.arange(T + 1)
    f = torch.cos((u / T + s) / (1 + s) * torch.pi / 2) ** 2
    return _from_beta(torch.clamp(1 - f[1:] / f[:-1], max=0.999))


def normalised_first(T, s=0.008):
    """The way of a well-known repository: T + 1 points of [0, 1], ᾱ normalised before the ratio is taken."""
    steps = T + 1
    t = torch.linspace(0, T, steps, dtype=torch.float64) / T
    alphas_cumprod = torch.cos((t + s) / (1 + s) * math.pi * 0.5) ** 2
    alphas_cumprod = alphas_cumprod / alphas_cumprod[0]
    betas = 1 - (alphas_cumprod[1:] / alphas_cumprod[:-1])
    return _from_beta(torch.clip(betas, 0, 0.999).float())


def function_of_the_fraction(T, s=0.008):
    def alpha_bar(time):
        return math.cos((time + s) / (1 + s) * math.pi / 2) ** 2

    betas = [min(1 - alpha_bar((i + 1) / T) / alpha_bar(i / T), 0.999) for i in range(T)]
    return tuple(_from_beta(torch.tensor(betas, dtype=torch.float32)))


def numpy_arrays(T, s=0.008):
    f = np.cos((np.linspace(0, 1, T + 1) + s) / (1 + s) * np.pi / 2) ** 2
    beta = np.minimum(1 - f[1:] / f[:-1], 0.999)
    alpha = 1 - beta
    alpha_bar = np.cumprod(alpha)
    posterior = beta * (1 - np.append(1, alpha_bar[:-1])) / (1 - alpha_bar)
    return Schedule(*(torch.tensor(a, dtype=torch.float32) for a in (beta, alpha, alpha_bar, posterior)))


def half_angle(T, s=0.008):
    """cos² x = (1 + cos 2x)/2, and β as a fraction of the difference."""
    twice = torch.linspace(0, 1, T + 1, dtype=torch.double).add(s).div(1 + s).mul(math.pi)
    f = 0.5 * (1 + twice.cos())
    beta = ((f[:-1] - f[1:]) / f[:-1]).minimum(torch.tensor(0.999, dtype=torch.double))
    return _from_beta(beta.to(torch.float32))


def masked(T, s=0.008):
    f = torch.cos((torch.arange(T + 1) / T + s) / (1 + s) * math.pi / 2).pow(2)
    beta = 1 - f[1:].div(f[:-1])
    beta[beta > 0.999] = 0.999
    return list(_from_beta(beta))


CORRECT = {
    function.__name__.replace("_", " "): {"cosine_schedule": function}
    for function in (
        float64_until_beta,
        float32_all_through,
        normalised_first,
        function_of_the_fraction,
        numpy_arrays,
        half_angle,
        masked,
    )
}
