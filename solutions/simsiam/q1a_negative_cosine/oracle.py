"""The negative cosine, one row at a time (Chen and He 2020, equation 1)."""

import torch


def negative_cosine(p, z) -> torch.Tensor:
    r"""$-\frac1n \sum_k p_k \cdot \bar z_k / (|p_k| |\bar z_k|)$, where the target is a table of plain numbers."""
    total = 0.0
    for prediction, target in zip(p, z.tolist(), strict=True):
        dot = sum(a * b for a, b in zip(prediction, target, strict=True))
        square = sum(a * a for a in prediction)
        total = total + dot / (torch.sqrt(square) * sum(b * b for b in target) ** 0.5)
    return -total / len(p)


ORACLE = {"negative_cosine": negative_cosine}
