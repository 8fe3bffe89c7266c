"""Directed pairs, one heavy view at a time (Bai et al. 2021, "Directional self-supervised learning")."""

import torch

from ..q1a_negative_cosine.oracle import negative_cosine


def simsiam_loss(p1, p2, z1, z2) -> torch.Tensor:
    """That of question 1b, here so that another ``negative_cosine`` can be put into both."""
    return (negative_cosine(p1, z2) + negative_cosine(p2, z1)) / 2


def directed_loss(p_heavy, z_heavy, p1, p2, z1, z2) -> torch.Tensor:
    r"""$L(p_1, p_2, z_1, z_2) + \frac{1}{2m} \sum_{v,j} D(p^h_{v,j}, z_v)$; ``z_heavy`` is no target."""
    heavy = [negative_cosine(p, z) for v, z in enumerate((z1, z2)) for p in p_heavy[v]]
    return simsiam_loss(p1, p2, z1, z2) + sum(heavy) / len(heavy)


ORACLE = {"directed_loss": directed_loss}
