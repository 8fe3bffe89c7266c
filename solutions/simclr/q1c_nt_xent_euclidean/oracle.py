"""The softmax of NT-Xent over negative Euclidean distances, one anchor and one distance at a time."""

from __future__ import annotations

import torch


def distance(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """‖u − v‖₂ of two vectors (d,), with 0 as the subgradient where it is 0."""
    squares = ((u - v) ** 2).sum()
    return torch.sqrt(squares) if squares > 0 else torch.zeros((), dtype=torch.float64)


def nt_xent_euclidean(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> torch.Tensor:
    r"""$\frac{1}{2n}\sum_a \lVert a-p\rVert/\tau + \log\sum_{k\neq a} e^{-\lVert a-k\rVert/\tau}$, in float64."""
    views = torch.cat([z_i, z_j]).unbind()
    n = len(z_i)
    # The sum with 0 keeps a graph behind the loss where every distance is 0.
    losses = [0 * (z_i.sum() + z_j.sum())]
    for anchor in range(2 * n):
        scaled = [distance(views[anchor], view) / temperature for view in views]
        positive = scaled[(anchor + n) % (2 * n)]
        denominator = sum(torch.exp(-s) for k, s in enumerate(scaled) if k != anchor)
        losses.append(positive + torch.log(denominator))
    return sum(losses) / (2 * n)


ORACLE = {"nt_xent_euclidean": nt_xent_euclidean}
