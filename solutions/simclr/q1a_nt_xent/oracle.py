"""NT-Xent as printed, one anchor and one similarity at a time (Chen et al. 2020, equation 1)."""

from __future__ import annotations

import torch


def similarity(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Cosine of the angle between two vectors (d,)."""
    return (u * v).sum() / ((u * u).sum().sqrt() * (v * v).sum().sqrt())


def nt_xent(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> torch.Tensor:
    r"""$\frac{1}{2n}\sum_a -\log\frac{e^{\mathrm{sim}(a,p)/\tau}}{\sum_{k\ne a} e^{\mathrm{sim}(a,k)/\tau}}$."""
    n = len(z_i)
    views = [*z_i, *z_j]
    total = torch.zeros((), dtype=torch.float64)
    for anchor in range(2 * n):
        positive = anchor + n if anchor < n else anchor - n
        weight = {k: torch.exp(similarity(views[anchor], views[k]) / temperature) for k in range(2 * n) if k != anchor}
        total = total - torch.log(weight[positive] / sum(weight.values()))
    return total / (2 * n)


ORACLE = {"nt_xent": nt_xent}
