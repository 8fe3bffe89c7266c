"""One reverse step, a row at a time in NumPy (Ho et al. 2020, equation 11, algorithm 2 with σ² = β)."""

from __future__ import annotations

import numpy as np
import torch


def p_mean_variance(eps_model, x_t, t, schedule):
    """Mean and variance of p(x_{t−1} | x_t), both of the shape of ``x_t``, (n, ...)."""
    eps = eps_model(x_t, t).detach().numpy()
    beta, alpha_bar = schedule.beta.numpy(), schedule.alpha_bar.numpy()
    mean, variance = np.empty(x_t.shape), np.empty(x_t.shape)
    for row, step in enumerate(t.tolist()):
        noise_part = beta[step] * eps[row] / np.sqrt(1.0 - alpha_bar[step])
        mean[row] = (x_t[row].numpy() - noise_part) / np.sqrt(schedule.alpha[step].item())
        variance[row] = beta[step]
    return torch.from_numpy(mean).to(x_t.dtype), torch.from_numpy(variance).to(x_t.dtype)


def p_sample(eps_model, x_t, t, schedule, noise):
    """x_{t−1}: a draw from that distribution, but its mean alone in the rows of the last step, t = 0."""
    mean, variance = p_mean_variance(eps_model, x_t, t, schedule)
    for row, step in enumerate(t.tolist()):
        if step > 0:
            mean[row] += torch.sqrt(variance[row]) * noise[row]
    return mean


ORACLE = {"p_mean_variance": p_mean_variance, "p_sample": p_sample}
