"""Barlow Twins as printed, one entry of the cross-correlation at a time (Zbontar et al. 2021, equations 1 and 2).

The gradient is written out by hand. With G = ∂loss/∂C, α_i = √Σ_b a_bi² and β_j likewise,
∂loss/∂a_bi = Σ_j G_ij (b_bj / (α_i β_j) − C_ij a_bi / α_i²), and the same with the roles of a and b exchanged.
"""

from __future__ import annotations

import numpy as np
import torch


def loss_and_gradients(a: np.ndarray, b: np.ndarray, lambd: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss and its gradients to ``a`` and ``b``, both (n, d)."""
    d = a.shape[1]
    loss, gradient_a, gradient_b = 0.0, np.zeros_like(a), np.zeros_like(b)
    for i in range(d):
        for j in range(d):
            alpha, beta = np.sqrt(np.sum(a[:, i] ** 2)), np.sqrt(np.sum(b[:, j] ** 2))
            c = np.sum(a[:, i] * b[:, j]) / (alpha * beta)
            loss += (1 - c) ** 2 if i == j else lambd * c**2
            g = -2 * (1 - c) if i == j else 2 * lambd * c
            gradient_a[:, i] += g * (b[:, j] / (alpha * beta) - c * a[:, i] / alpha**2)
            gradient_b[:, j] += g * (a[:, i] / (alpha * beta) - c * b[:, j] / beta**2)
    return loss, gradient_a, gradient_b


class _BarlowTwins(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z_a, z_b, lambd):
        loss, *gradients = loss_and_gradients(z_a.detach().numpy(), z_b.detach().numpy(), lambd)
        ctx.save_for_backward(*(torch.from_numpy(gradient) for gradient in gradients))
        return torch.tensor(loss, dtype=torch.float64)

    @staticmethod
    def backward(ctx, upstream):
        gradient_a, gradient_b = ctx.saved_tensors
        return upstream * gradient_a, upstream * gradient_b, None


def barlow_twins(z_a: torch.Tensor, z_b: torch.Tensor, lambd: float) -> torch.Tensor:
    r"""$\sum_i (1 - C_{ii})^2 + \lambda \sum_i \sum_{j \ne i} C_{ij}^2$, in float64."""
    return _BarlowTwins.apply(z_a, z_b, lambd)


ORACLE = {"barlow_twins": barlow_twins}
