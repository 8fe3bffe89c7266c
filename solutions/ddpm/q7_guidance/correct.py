"""Correct implementations of guidance in the styles that people write: each must earn all points."""

from __future__ import annotations

import numpy as np
import torch


def masked_fill(labels, uniform, p, null_label):
    """The plain form: ``mistakes`` are changes of it and of ``guided_two_calls``."""
    return labels.masked_fill(uniform < p, null_label)


def guided_two_calls(eps_model, x_t, t, labels, scale, null_label):
    eps_null = eps_model(x_t, t, torch.full_like(labels, null_label))
    eps_label = eps_model(x_t, t, labels)
    return eps_null + scale * (eps_label - eps_null)


def where_with_tensor(labels, uniform, p, null_label):
    return torch.where(uniform.lt(p), torch.full_like(labels, null_label), labels)


def guided_one_batch(eps_model, x_t, t, labels, scale, null_label):
    null = torch.full(labels.shape, null_label, dtype=labels.dtype, device=labels.device)
    eps = eps_model(torch.cat([x_t, x_t]), t.repeat(2), torch.cat([labels, null]))
    conditional, unconditional = eps.chunk(2)
    return torch.lerp(unconditional, conditional, scale)


def clone_and_index(labels, uniform, p, null_label):
    dropped = labels.clone()
    dropped[uniform < p] = null_label
    return dropped


def guided_weighted_sum(eps_model, x_t, t, labels, scale, null_label):
    null_labels = torch.zeros_like(labels) + null_label
    return scale * eps_model(x_t, t, labels) + (1 - scale) * eps_model(x_t, t, null_labels)


def arithmetic_of_masks(labels, uniform, p, null_label):
    keep = (uniform >= p).long()
    return keep * labels + (1 - keep) * null_label


def guided_shortcuts(eps_model, x_t, t, labels, scale, null_label):
    """One call is enough where the other prediction has no weight."""
    if scale == 1:
        return eps_model(x_t, t, labels)
    unconditional = eps_model(x_t, t, torch.tensor([null_label] * len(x_t)))
    if scale == 0:
        return unconditional
    with torch.no_grad():
        return unconditional.add(eps_model(x_t, t, labels).sub(unconditional), alpha=scale)


def through_numpy(labels, uniform, p, null_label):
    return torch.from_numpy(np.where(uniform.numpy() < p, null_label, labels.numpy()).astype(np.int64))


def guided_row_by_row(eps_model, x_t, t, labels, scale, null_label):
    out = torch.empty_like(x_t)
    for k, label in enumerate(labels.tolist()):
        x, step = x_t[k][None], t[k][None]
        pair = eps_model(x.repeat(2, *[1] * (x.ndim - 1)), step.expand(2), torch.tensor([null_label, label]))
        out[k] = pair[0] + scale * (pair[1] - pair[0])
    return out


def list_of_labels(labels, uniform, p, null_label):
    dropped = [null_label if u < p else y for u, y in zip(uniform, labels)]
    return torch.stack([torch.as_tensor(y, dtype=torch.long) for y in dropped])


def guided_paper_weight(eps_model, x_t, t, labels, scale, null_label):
    """The paper's form, with w = scale − 1."""
    w = scale - 1
    null = torch.empty_like(labels).fill_(null_label)
    return (1 + w) * eps_model(x_t, t, labels=labels) - w * eps_model(x_t, t, labels=null)


CORRECT = {
    f"{drop.__name__} and {guided.__name__}".replace("_", " "): {"drop_labels": drop, "guided_eps": guided}
    for drop, guided in (
        (masked_fill, guided_two_calls),
        (where_with_tensor, guided_one_batch),
        (clone_and_index, guided_weighted_sum),
        (arithmetic_of_masks, guided_shortcuts),
        (through_numpy, guided_row_by_row),
        (list_of_labels, guided_paper_weight),
    )
}
