"""The SimSiam loss of two views (Chen and He 2020, equations 2 and 4)."""

import torch

from ..q1a_negative_cosine.oracle import negative_cosine


def simsiam_loss(p1, p2, z1, z2) -> torch.Tensor:
    r"""$\frac12 D(p_1, z_2) + \frac12 D(p_2, z_1)$."""
    return sum(negative_cosine(p, z) for p, z in ((p1, z2), (p2, z1))) / 2


ORACLE = {"simsiam_loss": simsiam_loss}
