"""Correct pair losses in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F


def by_logsumexp(z_i, z_j, same, temperature):
    """The plain form: ``mistakes`` are changes of it."""
    s = z_i @ z_j.T / temperature
    pair = s.diagonal()
    masked = s.masked_fill(torch.eye(len(s), dtype=torch.bool), float("-inf"))
    total = torch.logsumexp(s, dim=1)
    others = torch.where(same, pair, torch.logsumexp(masked, dim=1))
    loss = torch.where(same, total - pair, total - others)
    return loss.mean()


def log_softmax_of_rows(z_i, z_j, same, temperature):
    log_p = F.log_softmax(z_i.mm(z_j.t()) / temperature, dim=-1)
    off = log_p - torch.diag(torch.full((len(log_p),), 1e9))
    return -torch.where(same, log_p.diag(), off.logsumexp(1)).mean()


def row_by_row(z_i, z_j, same, temperature):
    losses = []
    for k in range(len(z_i)):
        s = (z_j * z_i[k]).sum(1) / temperature
        chosen = s[k] if same[k] else torch.cat([s[:k], s[k + 1 :]]).logsumexp(0)
        losses.append(s.logsumexp(0) - chosen)
    return sum(losses) / len(losses)


def cross_entropy_and_softplus(z_i, z_j, same, temperature):
    """1 - p is a logistic function of the pair's score against the others: -log(1 - p) = softplus(pair - log-sum of the others)."""
    s = torch.einsum("kd,ld->kl", z_i, z_j).div(temperature)
    loss = F.cross_entropy(s, torch.arange(len(s)), reduction="none")
    apart = ~same
    if apart.any():
        others = s[apart].masked_fill(F.one_hot(torch.where(apart)[0], len(s)).bool(), -torch.inf).logsumexp(1)
        loss = loss.masked_scatter(apart, F.softplus(s.diagonal()[apart] - others))
    return loss.mean()


_ALL = (by_logsumexp, log_softmax_of_rows, row_by_row, cross_entropy_and_softplus)
CORRECT = {f.__name__: {"pair_nll_loss": f} for f in _ALL}
