"""Correct linear schedules in the styles that people write: each must earn all points."""

from __future__ import annotations

import itertools
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ..probes import Schedule


def linspace_and_cumprod(T, beta_start=1e-4, beta_end=0.02):
    """The plain form: ``mistakes`` are changes of it."""
    beta = torch.linspace(beta_start, beta_end, T)
    alpha = 1.0 - beta
    alpha_bar = torch.cumprod(alpha, dim=0)
    previous = F.pad(alpha_bar[:-1], (1, 0), value=1.0)
    posterior = beta * (1.0 - previous) / (1.0 - alpha_bar)
    return Schedule(beta, alpha, alpha_bar, posterior)


def float64_inside_and_a_tuple(T, beta_start=1e-4, beta_end=0.02):
    betas = torch.linspace(beta_start, beta_end, T, dtype=torch.float64)
    alphas_cumprod = torch.cumprod(1 - betas, 0)
    previous = torch.cat((torch.ones(1, dtype=torch.float64), alphas_cumprod[:-1]))
    variance = (1 - previous) / (1 - alphas_cumprod) * betas
    return tuple(x.to(torch.float32) for x in (betas, 1 - betas, alphas_cumprod, variance))


def numpy_arrays(T, beta_start=1e-4, beta_end=0.02):
    beta = np.linspace(beta_start, beta_end, T)
    alpha = 1 - beta
    alpha_bar = np.cumprod(alpha)
    before = np.append(1.0, alpha_bar[:-1])
    posterior = beta * (1 - before) / (1 - alpha_bar)
    return Schedule(*(torch.from_numpy(a).float() for a in (beta, alpha, alpha_bar, posterior)))


def python_loop(T, beta_start=1e-4, beta_end=0.02):
    beta, alpha_bar, posterior, product = [], [], [], 1.0
    for t in range(T):
        b = beta_start if T == 1 else beta_start + t * (beta_end - beta_start) / (T - 1)
        before, product = product, product * (1 - b)
        beta.append(b)
        alpha_bar.append(product)
        posterior.append(b * (1 - before) / (1 - product))
    return [torch.tensor(x) for x in (beta, [1 - b for b in beta], alpha_bar, posterior)]


def sums_of_logarithms(T, beta_start=1e-4, beta_end=0.02):
    beta = torch.linspace(beta_start, beta_end, steps=T)
    log_alpha = torch.log1p(-beta)
    alpha_bar = log_alpha.cumsum(0).exp()
    before = (log_alpha.cumsum(0) - log_alpha).exp()
    return Schedule(beta, log_alpha.exp(), alpha_bar, beta * (1 - before) / (1 - alpha_bar))


def clamped_like_a_library(T, beta_start=1e-4, beta_end=0.02):
    """The first variance is kept off 0, for logarithms to be taken of it."""
    beta = torch.linspace(beta_start, beta_end, T)
    alpha = torch.ones(T) - beta
    alpha_bar = alpha.cumprod(-1)
    posterior = torch.zeros(T)
    for t in range(T):
        before = alpha_bar[t - 1] if t > 0 else torch.tensor(1.0)
        posterior[t] = (1 - before) / (1 - alpha_bar[t]) * (1 - alpha_bar[t] / before)
    return Schedule(beta=beta, alpha=alpha, alpha_bar=alpha_bar, posterior_variance=posterior.clamp(min=1e-20))


def previous_by_division(T, beta_start=1e-4, beta_end=0.02):
    gaps = max(T - 1, 1)
    beta = torch.lerp(torch.tensor(beta_start), torch.tensor(beta_end), torch.arange(T) / gaps)
    alpha = 1 - beta
    alpha_bar = torch.tensor(list(itertools.accumulate(alpha.tolist(), lambda a, b: a * b)))
    return Schedule(beta, alpha, alpha_bar, (1 - alpha_bar / alpha) * beta / (1 - alpha_bar))


OwnSchedule = namedtuple("OwnSchedule", "posterior_variance alpha_bar alpha beta")


def own_named_tuple(T, beta_start=1e-4, beta_end=0.02):
    """The names of a schedule in an order of its own; ᾱ from the full table of products."""
    beta = torch.linspace(beta_start, beta_end, T)
    alpha = 1 - beta
    alpha_bar = torch.stack([alpha[: t + 1].prod() for t in range(T)])
    shifted = torch.roll(alpha_bar, 1)
    shifted[0] = 1
    return OwnSchedule(beta * (1 - shifted) / (1 - alpha_bar), alpha_bar, alpha, beta)


@dataclass
class LazySchedule:
    beta: torch.Tensor

    @property
    def alpha(self):
        return 1 - self.beta

    @property
    def alpha_bar(self):
        return self.alpha.cumprod(0)

    @property
    def posterior_variance(self):
        posterior = torch.zeros_like(self.beta)
        posterior[1:] = self.beta[1:] * (1 - self.alpha_bar[:-1]) / (1 - self.alpha_bar[1:])
        return posterior


def computed_when_asked(T, beta_start=1e-4, beta_end=0.02):
    return LazySchedule(torch.linspace(beta_start, beta_end, T, requires_grad=True))


CORRECT = {
    function.__name__.replace("_", " "): {"noise_schedule": function}
    for function in (
        linspace_and_cumprod,
        float64_inside_and_a_tuple,
        numpy_arrays,
        python_loop,
        sums_of_logarithms,
        clamped_like_a_library,
        previous_by_division,
        own_named_tuple,
        computed_when_asked,
    )
}
