"""The simplified loss as an expanded square, summed row by row (Ho et al. 2020, equation 14)."""

from __future__ import annotations

import torch

from ..q2_noising.oracle import q_sample


def ddpm_loss(eps_model, x0, t, noise, schedule) -> torch.Tensor:
    r"""$\frac{1}{N}\left(\sum p^2 - 2 \sum p\,\epsilon + \sum \epsilon^2\right)$ over all N numbers of the batch,
    with $p = \epsilon_\theta(x_t, t)$."""
    predicted = eps_model(q_sample(x0, t, noise, schedule), t)
    total = 0.0
    for p, e in zip(predicted.flatten(1), noise.flatten(1)):
        total = total + torch.dot(p, p) - 2 * torch.dot(p, e) + torch.dot(e, e)
    return total / noise.numel()


ORACLE = {"ddpm_loss": ddpm_loss}
