"""The four variants: SimSiam's network and loss, and what differs."""

import torch
from torch import nn

from ..q1a_negative_cosine.oracle import negative_cosine
from ..q2_network.oracle import ORACLE as NETWORK

SimSiam = NETWORK["SimSiam"]


def simsiam_loss(p1, p2, z1, z2) -> torch.Tensor:
    """That of question 1b, here so that another ``negative_cosine`` can be put into it."""
    return (negative_cosine(p1, z2) + negative_cosine(p2, z1)) / 2


def _with_all_gradients(p1, p2, z1, z2) -> torch.Tensor:
    rows = [(p, z) for ps, zs in ((p1, z2), (p2, z1)) for p, z in zip(ps, zs, strict=True)]
    return -sum((p @ z) / torch.sqrt((p @ p) * (z @ z)) for p, z in rows) / len(rows)


def variant(name, encoder, width=512, bottleneck=128) -> tuple:
    widths = {"full": width, "no stop-gradient": width, "identity predictor": width, "double width": 2 * width}
    if name not in widths:
        raise ValueError(f"there is no variant {name!r}")
    model = SimSiam(encoder, widths[name], bottleneck)
    if name == "identity predictor":
        model.predictor = nn.Sequential()
    return model, _with_all_gradients if name == "no stop-gradient" else simsiam_loss


ORACLE = {"variant": variant}
