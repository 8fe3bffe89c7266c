"""Correct negative cosines in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F


def by_normalize(p, z):
    """The plain form: ``mistakes`` are changes of it."""
    p = F.normalize(p, dim=1)
    z = F.normalize(z.detach(), dim=1)
    return -(p * z).sum(dim=1).mean()


def cosine_similarity(p, z):
    return -F.cosine_similarity(p, z.detach(), dim=-1).mean()


def by_hand_in_float64(p, z):
    p64, z64 = p.double(), z.data.double()
    dots = torch.einsum("nd,nd->n", p64, z64)
    return (-dots / (p64.pow(2).sum(1).sqrt() * z64.pow(2).sum(1).sqrt())).mean().to(p.dtype)


def distance_of_unit_rows(p, z):
    unit_p = p / torch.linalg.vector_norm(p, dim=1, keepdim=True)
    unit_z = (z / z.norm(dim=1, keepdim=True)).detach()
    return ((unit_p - unit_z).square().sum(1) / 2 - 1).mean()


def row_by_row(p, z):
    total = 0
    for k in range(p.shape[0]):
        total = total - torch.dot(p[k], z[k].detach()) / (p[k].norm() * z[k].detach().norm())
    return total / len(p)


def diagonal_of_all_pairs(p, z):
    table = F.normalize(p) @ F.normalize(z).detach().T
    return -torch.trace(table) / len(table)


_ALL = (by_normalize, cosine_similarity, by_hand_in_float64, distance_of_unit_rows, row_by_row, diagonal_of_all_pairs)
CORRECT = {f.__name__: {"negative_cosine": f} for f in _ALL}
