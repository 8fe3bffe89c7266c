"""Correct implementations of Barlow Twins in the styles that people write: each must earn all points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def two_sums(z_a, z_b, lambd):
    """The plain form: ``mistakes`` are changes of it."""
    a, b = (F.normalize(z, dim=0) for z in (z_a, z_b))
    c = a.T @ b
    on_diagonal = (1 - c.diagonal()).square().sum()
    off_diagonal = c[~torch.eye(len(c), dtype=torch.bool)].square().sum()
    return on_diagonal + lambd * off_diagonal


def _off_diagonal(x):
    n, m = x.shape
    assert n == m
    return x.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


def written_in_place(z_a, z_b, lambd):
    c = F.normalize(z_a, dim=0).T @ F.normalize(z_b, dim=0)
    on_diag = torch.diagonal(c).add_(-1).pow_(2).sum()
    return on_diag + lambd * _off_diagonal(c).pow_(2).sum()


def weighted_difference_to_identity(z_a, z_b, lambd):
    d = z_a.shape[1]
    c = torch.mm((z_a / z_a.norm(dim=0)).T, z_b / z_b.norm(dim=0))
    c_diff = (c - torch.eye(d, device=c.device, dtype=c.dtype)).pow(2)
    c_diff[~torch.eye(d, dtype=torch.bool)] *= lambd
    return c_diff.sum()


def divided_by_outer_product(z_a, z_b, lambd):
    numerator = torch.einsum("bi,bj->ij", z_a, z_b)
    norm_a = torch.sqrt((z_a**2).sum(dim=0))
    norm_b = torch.sqrt((z_b**2).sum(dim=0))
    c = numerator / torch.outer(norm_a, norm_b)
    diagonal = torch.diag(c)
    invariance = ((1 - diagonal) ** 2).sum()
    redundancy = (c**2).sum() - (diagonal**2).sum()
    return invariance + lambd * redundancy


def root_mean_square_then_mean(z_a, z_b, lambd):
    """Normalised by the root of the mean square; the product is then divided by n."""
    n = z_a.size(0)
    z_a = z_a / z_a.square().mean(0).sqrt()
    z_b = z_b / z_b.square().mean(0).sqrt()
    c = z_a.t().matmul(z_b) / n
    mask = torch.eye(c.size(0), dtype=torch.bool)
    return (1 - c[mask]).square().sum() + lambd * c[~mask].square().sum()


def cosine_of_columns(z_a, z_b, lambd):
    c = F.cosine_similarity(z_a.T[:, None, :], z_b.T[None, :, :], dim=-1)
    weights = torch.full_like(c, lambd).fill_diagonal_(1.0)
    return (weights * (c - torch.eye(len(c)).to(c)) ** 2).sum()


def double_loop(z_a, z_b, lambd):
    columns_a, columns_b = z_a.unbind(1), z_b.unbind(1)
    lengths_a, lengths_b = z_a.norm(dim=0), z_b.norm(dim=0)
    loss = 0.0
    for i, u in enumerate(columns_a):
        for j, v in enumerate(columns_b):
            c = torch.dot(u, v) / (lengths_a[i] * lengths_b[j])
            loss = loss + ((1 - c) ** 2 if i == j else lambd * c**2)
    return loss


def loop_over_diagonals(z_a, z_b, lambd):
    """Column i against column i + shift, for every cyclic shift: no matrix and no mask."""
    a, b = F.normalize(z_a.T), F.normalize(z_b.T)
    loss = (1 - (a * b).sum(1)).square().sum()
    for shift in range(1, len(a)):
        loss = loss + lambd * (a * b.roll(shift, 0)).sum(1).square().sum()
    return loss


class BarlowTwinsLoss(nn.Module):
    def __init__(self, lambd, epsilon=1e-8):
        super().__init__()
        self.lambd = lambd
        self.epsilon = epsilon

    def cross_correlation(self, z_a, z_b):
        norm_a = torch.linalg.norm(z_a, ord=2, dim=0, keepdim=True).clamp_min(self.epsilon)
        norm_b = torch.linalg.norm(z_b, ord=2, dim=0, keepdim=True).clamp_min(self.epsilon)
        return (z_a / norm_a).transpose(0, 1) @ (z_b / norm_b)

    def forward(self, z_a, z_b):
        c = self.cross_correlation(z_a, z_b)
        on = (c.diagonal() - 1).pow(2).sum()
        off = c.triu(1).pow(2).sum() + c.tril(-1).pow(2).sum()
        return on + self.lambd * off


def module_with_triangles(z_a, z_b, lambd):
    return BarlowTwinsLoss(lambd)(z_a, z_b)


def float64_inside(z_a, z_b, lambd):
    c = F.normalize(z_a.double(), dim=0).T @ F.normalize(z_b.double(), dim=0)
    off = c.masked_fill(torch.eye(len(c), dtype=torch.bool), 0.0)
    return ((1 - c.diagonal()).square().sum() + lambd * off.square().sum()).to(z_a.dtype)


def broadcast_product(z_a, z_b, lambd=0.005):
    products = (z_a[:, :, None] * z_b[:, None, :]).sum(dim=0)
    c = products * z_a.pow(2).sum(0).rsqrt()[:, None] * z_b.pow(2).sum(0).rsqrt()[None, :]
    return F.mse_loss(c.diagonal(), torch.ones_like(c.diagonal()), reduction="sum") + lambd * torch.sum(
        _off_diagonal(c) ** 2
    )


CORRECT = {
    function.__name__: {"barlow_twins": function}
    for function in (
        two_sums,
        written_in_place,
        weighted_difference_to_identity,
        divided_by_outer_product,
        root_mean_square_then_mean,
        cosine_of_columns,
        double_loop,
        loop_over_diagonals,
        module_with_triangles,
        float64_inside,
        broadcast_product,
    )
}
