"""Correct implementations of NT-Xent over Euclidean distances: each must earn all points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def _partners(size):
    return torch.arange(size).roll(size // 2)


def log_sum_of_each_row(z_i, z_j, temperature):
    """The plain form of q1a with another similarity: ``mistakes`` are changes of it."""
    n = len(z_i)
    z = torch.cat([z_i, z_j])
    logits = -(z[:, None] - z).norm(dim=2) / temperature
    itself = torch.eye(2 * n, dtype=torch.bool)
    partner = torch.arange(2 * n).roll(n)
    positive = logits.gather(1, partner[:, None]).squeeze(1)
    denominator = logits.masked_fill(itself, -torch.inf).logsumexp(1)
    return (denominator - positive).mean()


def broadcast_norm(z_i, z_j, temperature):
    """torch.norm has the subgradient 0 at 0."""
    z = torch.cat([z_i, z_j])
    logits = -(z[:, None] - z[None, :]).norm(dim=2) / temperature
    logits.fill_diagonal_(float("-inf"))
    return F.cross_entropy(logits, _partners(len(z)))


def masked_square_root(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    squares = (z.unsqueeze(1) - z.unsqueeze(0)).square().sum(-1)
    zero = squares == 0
    distances = torch.where(zero, 1.0, squares).sqrt().masked_fill(zero, 0.0)
    logits = (-distances / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -9e15)
    return F.cross_entropy(logits, _partners(len(z)))


def clamped_square_root(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    distances = (z[:, None, :] - z[None, :, :]).pow(2).sum(dim=-1).clamp(min=1e-16).sqrt()
    similarities = -distances / temperature
    size = len(z)
    off_diagonal = ~torch.eye(size, dtype=torch.bool)
    denominator = similarities[off_diagonal].view(size, size - 1).logsumexp(1)
    positive = torch.cat([similarities.diagonal(size // 2), similarities.diagonal(-(size // 2))])
    return (denominator - positive).mean()


def tiny_epsilon_under_the_root(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    sim = -torch.sqrt(((z.unsqueeze(0) - z.unsqueeze(1)) ** 2).sum(2) + 1e-14)
    exp = torch.exp(sim / temperature)
    exp = exp * ~torch.eye(len(z), dtype=torch.bool)
    return -torch.log(exp[torch.arange(len(z)), _partners(len(z))] / exp.sum(1)).mean()


def cdist_without_matmul(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    logits = -torch.cdist(z, z, p=2, compute_mode="donot_use_mm_for_euclid_dist") / temperature
    return F.cross_entropy(logits.masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf), _partners(len(z)))


def cdist_of_blocks(z_i, z_j, temperature):
    """cdist as it comes: for at most 25 rows it takes differences."""
    n = len(z_i)
    positive = -torch.linalg.vector_norm(z_i - z_j, dim=1) / temperature
    losses = []
    for own, other in ((z_i, z_j), (z_j, z_i)):
        same = -torch.cdist(own, own)[~torch.eye(n, dtype=torch.bool)].view(n, n - 1) / temperature
        across = -torch.cdist(own, other) / temperature
        losses.append(torch.cat([same, across], dim=1).logsumexp(1) - positive)
    return torch.cat(losses).mean()


def loops_with_condition(z_i, z_j, temperature):
    views = [*z_i, *z_j]
    n = len(z_i)

    def similarity(u, v):
        square = torch.sum((u - v) ** 2)
        return -torch.sqrt(square) / temperature if square > 0 else 0.0 * square

    losses = []
    for k, anchor in enumerate(views):
        others = [similarity(anchor, view) for m, view in enumerate(views) if m != k]
        losses.append(torch.stack(others).logsumexp(0) - similarity(anchor, views[(k + n) % (2 * n)]))
    return torch.stack(losses).mean()


class EuclideanNTXent(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, z_i, z_j):
        z = torch.stack([z_i, z_j], dim=1).flatten(0, 1)
        rows, columns = torch.where(~torch.eye(len(z), dtype=torch.bool))
        distances = torch.linalg.norm(z[rows] - z[columns], dim=1).view(len(z), -1)
        weights = F.softmax(-distances / self.temperature, dim=1)
        partner = (torch.arange(len(z)) ^ 1).view(-1, 1)
        index = partner - (partner > torch.arange(len(z)).view(-1, 1)).long()
        return -weights.gather(1, index).log().mean()


def interleaved_module(z_i, z_j, temperature):
    return EuclideanNTXent(temperature)(z_i, z_j)


def float64_inside(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j]).double()
    distances = torch.stack([(z - z.roll(shift, 0)).norm(dim=1) for shift in range(1, len(z))])
    loss = (-distances / temperature).logsumexp(0) + distances[len(z) // 2 - 1] / temperature
    return loss.mean().to(z_i.dtype)


def pairwise_distance(z_i, z_j, temperature):
    z = torch.cat([z_i, z_j])
    logits = -F.pairwise_distance(z[:, None], z[None, :]) / temperature
    logits = logits - 1e9 * torch.eye(len(z), dtype=z.dtype)
    return -logits.log_softmax(1).gather(1, _partners(len(z))[:, None]).mean()


CORRECT = {
    function.__name__: {"nt_xent_euclidean": function}
    for function in (
        log_sum_of_each_row,
        broadcast_norm,
        masked_square_root,
        clamped_square_root,
        tiny_epsilon_under_the_root,
        cdist_without_matmul,
        cdist_of_blocks,
        loops_with_condition,
        interleaved_module,
        float64_inside,
        pairwise_distance,
    )
}
