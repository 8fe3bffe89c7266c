"""Correct parts of BYOL in the styles that people write: each must earn all points."""

import math

import numpy as np
import torch
import torch.nn.functional as F


def two_distances(p1, p2, t1, t2):
    """The plain form: ``mistakes`` are changes of it."""
    p1, p2 = F.normalize(p1, dim=1), F.normalize(p2, dim=1)
    t2 = F.normalize(t2.detach(), dim=1)
    t1 = F.normalize(t1.detach(), dim=1)
    first, second = (p1 - t2).pow(2).sum(dim=1), (p2 - t1).pow(2).sum(dim=1)
    return (first + second).mean()


def in_place(online, target, tau):
    """The plain form: ``mistakes`` are changes of it."""
    with torch.no_grad():
        for new, old in zip(online.parameters(), target.parameters()):
            old.mul_(tau).add_(new, alpha=1 - tau)
        for new, old in zip(online.buffers(), target.buffers()):
            old.copy_(new)


def schedule(step, total, tau0):
    """The plain form: ``mistakes`` are changes of it."""
    return 1 - (1 - tau0) * (math.cos(math.pi * step / total) + 1) / 2


def cosines(p1, p2, t1, t2):
    with torch.no_grad():
        t = torch.cat([t2, t1])
    return 2 * (2 - 2 * F.cosine_similarity(torch.cat([p1, p2]), t, dim=1)).mean()


def row_by_row(p1, p2, t1, t2):
    loss = 0
    for p, t in ((p1, t2.data), (p2, t1.data)):
        for k in range(len(p)):
            loss = loss + (2 - 2 * p[k] @ t[k] / (p[k].norm() * t[k].norm())) / len(p)
    return loss


@torch.no_grad()
def lerped(online, target, tau):
    torch._foreach_lerp_(list(target.parameters()), list(online.parameters()), 1 - tau)
    theirs = dict(target.named_buffers())
    for name, buffer in online.named_buffers():
        theirs[name].data = buffer.detach().clone()


def data_assigned(online, target, tau):
    for theta, xi in zip(online.parameters(), target.parameters()):
        xi.data = tau * xi.data + (1.0 - tau) * theta.data
    for theta, xi in zip(online.buffers(), target.buffers()):
        xi.data = theta.data.clone()
    return target


def state_dict_loaded(online, target, tau):
    parameters = {name for name, _ in target.named_parameters()}
    ours, theirs = online.state_dict(), target.state_dict()
    mixed = {name: tau * theirs[name] + (1 - tau) * ours[name] if name in parameters else ours[name] for name in theirs}
    target.load_state_dict(mixed)


def schedule_of_numpy(step, total, tau0):
    return tau0 + (1 - tau0) * (1 - np.cos(np.pi * step / total)) / 2


def schedule_of_a_tensor(step, total, tau0):
    return 1 - (1 - tau0) * torch.cos(torch.tensor(step / total * math.pi / 2)) ** 2


CORRECT = {
    "plain": {"byol_loss": two_distances, "ema_update": in_place, "tau_schedule": schedule},
    "cosines and lerp": {"byol_loss": cosines, "ema_update": lerped, "tau_schedule": schedule_of_numpy},
    "loops and data": {"byol_loss": row_by_row, "ema_update": data_assigned, "tau_schedule": schedule_of_a_tensor},
    "state dict": {"byol_loss": cosines, "ema_update": state_dict_loaded, "tau_schedule": schedule},
}
