"""Pairs, triplets and the hardest triplets, one image at a time."""

import math

import torch


def _any_of(candidates, rng) -> int:
    return candidates[int(torch.randint(len(candidates), (), generator=rng))]


def _candidates(labels, k) -> tuple[list[int], list[int]]:
    """The other images of the class of image k, and all images of other classes."""
    alike = [other for other, label in enumerate(labels) if label == labels[k] and other != k]
    return alike, [other for other, label in enumerate(labels) if label != labels[k]]


def pairs_from_labels(y, rng):
    labels, partners, same = y.tolist(), [], []
    for k in range(len(labels)):
        alike, apart = _candidates(labels, k)
        together = bool(torch.randint(2, (), generator=rng)) if alike and apart else bool(alike)
        partners.append(_any_of(alike if together else apart, rng))
        same.append(together)
    return torch.arange(len(labels)), torch.tensor(partners), torch.tensor(same)


def triplet_batches(X, y, batch_size, rng):
    labels = y.tolist()
    able = [k for k in range(len(labels)) if all(_candidates(labels, k))]
    if not able:
        raise ValueError("no anchor has a positive and a negative")
    while True:
        anchors = [_any_of(able, rng) for _ in range(batch_size)]
        chosen = [(k, *(_any_of(kind, rng) for kind in _candidates(labels, k))) for k in anchors]
        yield tuple(torch.stack([X[k] for k in column]) for column in zip(*chosen))


def batch_hard(z, y):
    rows, labels, found = z.tolist(), y.tolist(), []
    for k, row in enumerate(rows):
        alike, apart = _candidates(labels, k)
        if alike and apart:
            distance = {other: math.dist(row, rows[other]) for other in (*alike, *apart)}
            found.append((k, max(alike, key=distance.get), min(apart, key=distance.get)))
    return tuple(torch.tensor([triplet[part] for triplet in found], dtype=torch.int64) for part in range(3))


ORACLE = {"pairs_from_labels": pairs_from_labels, "triplet_batches": triplet_batches, "batch_hard": batch_hard}
