"""Classifier-free guidance, one label and one row at a time (Ho & Salimans 2021, algorithm 1 and equation 6).

The scale is the one of most code, ε(∅) + s (ε(y) − ε(∅)): it is 1 + w in the paper's letters.
"""

from __future__ import annotations

import torch


def drop_labels(labels, uniform, p, null_label):
    """Labels (n,) with ``null_label`` wherever ``uniform`` (n,) lies below ``p``."""
    kept = [null_label if u < p else y for y, u in zip(labels.tolist(), uniform.tolist(), strict=True)]
    return torch.tensor(kept, dtype=torch.int64)


def guided_eps(eps_model, x_t, t, labels, scale, null_label):
    """ε(x, t, ∅) + scale (ε(x, t, y) − ε(x, t, ∅)), of the shape of ``x_t``."""
    rows = []
    for k in range(len(x_t)):
        x, step, null = x_t[k : k + 1], t[k : k + 1], torch.tensor([null_label])
        conditional = eps_model(x, step, labels[k : k + 1])
        unconditional = eps_model(x, step, null)
        rows.append(unconditional[0] + scale * (conditional[0] - unconditional[0]))
    return torch.stack(rows)


ORACLE = {"drop_labels": drop_labels, "guided_eps": guided_eps}
