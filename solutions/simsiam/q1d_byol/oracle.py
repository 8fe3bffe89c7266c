"""BYOL's loss, moving average and schedule (Grill et al. 2020, equations 1 to 3 and section 3.3)."""

import cmath

import torch

from ..q1a_negative_cosine.oracle import negative_cosine


def simsiam_loss(p1, p2, z1, z2) -> torch.Tensor:
    """That of question 1b, here so that other losses can be put into both."""
    return sum(negative_cosine(p, z) for p, z in ((p1, z2), (p2, z1))) / 2


def byol_loss(p1, p2, t1, t2) -> torch.Tensor:
    """The squared distance of unit rows is 2 - 2 cos, and there are two directions."""
    return 4 + 4 * simsiam_loss(p1, p2, t1, t2)


def ema_update(online, target, tau) -> None:
    """One number at a time."""
    for new, old in zip(online.parameters(), target.parameters(), strict=True):
        numbers = [tau * b + (1 - tau) * a for a, b in zip(new.flatten().tolist(), old.flatten().tolist())]
        old.data.copy_(torch.tensor(numbers, dtype=old.dtype).view(old.shape))
    for new, old in zip(online.buffers(), target.buffers(), strict=True):
        old.data.copy_(new.data)


def tau_schedule(step, total, tau0) -> float:
    """Half a turn of the unit circle: its real part falls from 1 to -1."""
    return 1 - (1 - tau0) * (1 + cmath.exp(1j * cmath.pi * step / total).real) / 2


ORACLE = {"byol_loss": byol_loss, "ema_update": ema_update, "tau_schedule": tau_schedule}
