"""Correct directed losses in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F


def _cosine(p, z):
    return -F.cosine_similarity(p, z, dim=-1).mean()


def view_by_view(p_heavy, z_heavy, p1, p2, z1, z2):
    """The plain form: ``mistakes`` are changes of it."""
    standard = (_cosine(p1, z2.detach()) + _cosine(p2, z1.detach())) / 2
    heavy = 0.0
    count = p_heavy.shape[0] * p_heavy.shape[1]
    for v, z in enumerate((z1, z2)):
        for j in range(p_heavy.shape[1]):
            heavy = heavy + _cosine(p_heavy[v, j], z.detach())
    return standard + heavy / count


def broadcast(p_heavy, z_heavy, p1, p2, z1, z2):
    z = torch.stack([z1, z2]).detach()
    p = torch.stack([p2, p1])
    return _cosine(p, z) + _cosine(p_heavy, z.unsqueeze(1).expand_as(p_heavy))


def lists_of_losses(p_heavy, z_heavy, p1, p2, z1, z2):
    z1, z2 = z1.clone().detach(), z2.clone().detach()
    of_first, of_second = ([_cosine(p, z) for p in ps] for ps, z in zip(p_heavy.unbind(0), (z1, z2)))
    return 0.5 * _cosine(p1, z2) + 0.5 * _cosine(p2, z1) + torch.stack(of_first + of_second).mean()


def einsum_of_unit_rows(p_heavy, z_heavy, p1, p2, z1, z2):
    with torch.no_grad():
        z = F.normalize(torch.stack([z1, z2]), dim=-1)
    heavy = torch.einsum("vmnd,vnd->vmn", F.normalize(p_heavy, dim=-1), z).mean()
    standard = torch.einsum("vnd,vnd->vn", F.normalize(torch.stack([p2, p1]), dim=-1), z).mean()
    return -(heavy + standard)


_ALL = (view_by_view, broadcast, lists_of_losses, einsum_of_unit_rows)
CORRECT = {f.__name__: {"directed_loss": f} for f in _ALL}
