"""Correct SimSiam losses in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F


def _cosine(p, z):
    return F.cosine_similarity(p, z, dim=1).mean()


def both_directions(p1, p2, z1, z2):
    """The plain form: ``mistakes`` are changes of it."""
    first = _cosine(p1, z2.detach())
    second = _cosine(p2, z1.detach())
    return -(first + second) / 2


def concatenated(p1, p2, z1, z2):
    p, z = torch.cat([p1, p2]), torch.cat([z2, z1]).detach()
    return -(F.normalize(p, dim=1) * F.normalize(z, dim=1)).sum() / len(p)


def paper_style(p1, p2, z1, z2):
    criterion = torch.nn.CosineSimilarity(dim=1)
    z1, z2 = z1.detach(), z2.detach()
    return -(criterion(p1, z2).mean() + criterion(p2, z1).mean()) * 0.5


def loop(p1, p2, z1, z2):
    losses = []
    with torch.no_grad():
        targets = [z / z.norm(dim=1, keepdim=True) for z in (z2, z1)]
    for p, z in zip((p1, p2), targets):
        losses += [-(row @ target) / row.norm() for row, target in zip(p, z)]
    return sum(losses) / len(losses)


def stacked_einsum(p1, p2, z1, z2):
    p = torch.stack([p1, p2]).double()
    z = torch.stack([z2, z1]).double().detach()
    cosines = torch.einsum("vnd,vnd->vn", p, z) / torch.sqrt(p.square().sum(-1) * z.square().sum(-1))
    return cosines.mean().float().neg()


_ALL = (both_directions, concatenated, paper_style, loop, stacked_einsum)
CORRECT = {f.__name__: {"simsiam_loss": f} for f in _ALL}
