"""Correct contrastive losses in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F


def by_parts(z1, z2, same, margin):
    """The plain form: ``mistakes`` are changes of it."""
    square = (z1 - z2).pow(2).sum(dim=1)
    d = torch.sqrt(square + 1e-12)
    y = same.float()
    pull = y * square
    push = (1 - y) * F.relu(margin - d).pow(2)
    return 0.5 * (pull + push).mean()


def pairwise_distance(z1, z2, same, margin):
    d = F.pairwise_distance(z1, z2)
    return torch.where(same, d**2, (margin - d).clamp(min=0) ** 2).mean() / 2


def norm_of_the_difference(z1, z2, same, margin):
    d = torch.linalg.vector_norm(z1 - z2, dim=-1)
    loss = z1.new_zeros(len(z1))
    loss[same] = d[same].square()
    loss[~same] = torch.maximum(margin - d[~same], torch.zeros(())).square()
    return 0.5 * loss.sum() / same.numel()


def row_by_row(z1, z2, same, margin):
    total = 0.0 * z1.sum()
    for k in range(z1.size(0)):
        d = (z1[k] - z2[k]).norm()
        total = total + (d * d / 2 if same[k] else max(margin - d, 0 * d) ** 2 / 2)
    return total / z1.size(0)


class InFloat64(torch.nn.Module):
    """A module in place of a function."""

    def forward(self, z1, z2, same, margin):
        difference = z1.double() - z2.double()
        d = difference.norm(dim=1)
        return (0.5 * (same * d**2 + ~same * (margin - d).relu() ** 2)).mean().to(z1.dtype)


_ALL = (by_parts, pairwise_distance, norm_of_the_difference, row_by_row)
CORRECT = {f.__name__: {"contrastive_loss": f} for f in _ALL} | {"a module": {"contrastive_loss": InFloat64()}}
