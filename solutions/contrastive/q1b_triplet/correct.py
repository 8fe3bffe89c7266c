"""Correct triplet losses in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F


def by_distances(anchor, positive, negative, margin):
    """The plain form: ``mistakes`` are changes of it."""
    d_pos = torch.sqrt((anchor - positive).pow(2).sum(dim=1) + 1e-12)
    d_neg = torch.sqrt((anchor - negative).pow(2).sum(dim=1) + 1e-12)
    loss = F.relu(d_pos - d_neg + margin)
    return loss.mean()


def of_torch(anchor, positive, negative, margin):
    return F.triplet_margin_loss(anchor, positive, negative, margin=max(margin, 1e-30))


def norms(anchor, positive, negative, margin):
    slack = (anchor - positive).norm(dim=-1) - (anchor - negative).norm(dim=-1)
    return torch.clamp(slack + margin, min=0).sum() / len(anchor)


def active_rows_over_all(anchor, positive, negative, margin):
    slack = F.pairwise_distance(anchor, positive) - F.pairwise_distance(anchor, negative) + margin
    return slack[slack > 0].sum() / anchor.shape[0]


def row_by_row(*, anchor=None, positive=None, negative=None, margin=1.0):
    losses = []
    for a, p, n in zip(anchor, positive, negative):
        slack = torch.dist(a, p) - torch.dist(a, n) + margin
        losses.append(torch.max(slack, torch.zeros_like(slack)))
    return torch.stack(losses).mean()


def given_by_position(anchor, positive, negative, margin):
    return row_by_row(anchor=anchor, positive=positive, negative=negative, margin=margin)


_ALL = (by_distances, of_torch, norms, active_rows_over_all, given_by_position)
CORRECT = {f.__name__: {"triplet_loss": f} for f in _ALL}
