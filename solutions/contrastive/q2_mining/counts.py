"""Counts of what the probes of q2 produced: how often a rule is broken, and how far draws are from uniform ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Unreadable
from autograder.questions.side_effects.counts import differing, rng_bytes

from .probes import HARD, PAIRS, SEVERAL, TRIPLETS

BOUND = 6.0  # standard deviations: uniform draws are above it with a chance of about 1e-9


def unevenness(chosen: Tensor, possible: Tensor) -> Tensor:
    """How far counts lie above what uniform draws give: Pearson's statistic, in standard deviations.

    Args:
        chosen: how often each column was drawn in each row, (rows, columns). possible: where it could be, bool.

    Returns:
        About standard normal for independent uniform draws (Wilson and Hilferty 1931); 0 where there is no choice.
    """
    chosen = chosen.double() * possible
    expected = chosen.sum(1, keepdim=True) / possible.sum(1, keepdim=True).clamp(min=1)
    rows = (expected > 0).squeeze(1)
    df = float((possible.sum(1) - 1)[rows].sum())
    if df <= 0:
        return torch.zeros(())
    statistic = float(
        torch.where(possible & (expected > 0), (chosen - expected) ** 2 / expected, 0.0).nan_to_num().sum()
    )
    return torch.tensor(((statistic / df) ** (1 / 3) - 1 + 2 / (9 * df)) / (2 / (9 * df)) ** 0.5)


def kinds(y: Tensor) -> tuple[Tensor, Tensor]:
    """For each image, which others are of its class, and which are of another one, (n, n) bool each."""
    alike = y[:, None] == y
    return alike & ~torch.eye(len(y), dtype=torch.bool), ~alike


def _table(rows: Tensor, columns: Tensor, n: int) -> Tensor:
    """How often each column came with each row, (n, n)."""
    return (rows * n + columns).bincount(minlength=n * n).view(n, n)


def pairs(produced: Mapping[str, Tensor], y: Tensor, calls: int, seed: int) -> dict[str, Tensor]:
    """Events that should not be, how same pairs are spread, and ``unevenness`` of the partners of either kind.

    Returns:
        ``order``, ``itself``, ``mismatched``: in how many entries i is not its place, j is i, same is not that of the labels.
        ``impossible``: how many images that have one kind of partner alone did not get it.
        ``share``: of same pairs, where both kinds exist, 0.5 if they do nowhere; ``coins``: the variance over the calls of how
            many there are, relative to that of independent coins, 1 if there are none.
        ``alike``, ``apart``: see above. ``repeat_differs``, ``rng_bytes``, ``changed_y``.

    Raises:
        Unreadable: j is no index of an image.
    """
    i, j, same = (produced[name] for name in PAIRS)
    n = len(y)
    if i.shape != (calls, n) or j.shape != i.shape or same.shape != i.shape or ((j < 0) | (j >= n)).any():
        raise Unreadable("j of pairs_from_labels should hold indices of images, 0 to n - 1, one for each image")
    alike, apart = kinds(y)
    both = alike.any(1) & apart.any(1)
    truly, place = y[j] == y, torch.arange(n).expand_as(j)
    truly = truly & (j != place)
    tosses = truly[:, both].double()
    independent = 0.25 * int(both.sum())
    again = [differing(produced[name][:SEVERAL], produced[f"again_{name}"]) for name in PAIRS]
    return {
        "order": (i != place).sum(),
        "itself": (j == place).sum(),
        "mismatched": (same.bool() != (y[i.clamp(0, n - 1)] == y[j])).sum(),
        "impossible": ((truly != alike.any(1)) & ~both & (j != place)).sum(),
        "share": tosses.mean().float() if both.any() else torch.tensor(0.5),
        "coins": (tosses.sum(1).var() / independent).float() if both.any() else torch.ones(()),
        "alike": unevenness(_table(place[truly], j[truly], n), alike).float(),
        "apart": unevenness(_table(place[y[j] != y], j[y[j] != y], n), apart).float(),
        "repeat_differs": torch.stack(again).abs().sum(),
        "rng_bytes": rng_bytes(produced),
        "changed_y": differing(produced["after_y"], y),
    }


def triplets(produced: Mapping[str, Tensor], X: Tensor, y: Tensor, batch_size: int, **inputs: int) -> dict[str, Tensor]:
    """Events that should not be, and ``unevenness`` of anchors, positives and negatives; ``repeats``: how often neighbours in a
    batch have one anchor, relative to independent draws, 1 in batches of one.

    Raises:
        Unreadable: the three parts of a batch differ in length.
    """
    n = len(y)
    if len({len(produced[name]) for name in TRIPLETS}) > 1:
        raise Unreadable("X_a, X_p and X_n of a batch should have one row for each triplet")
    found = [(produced[name].flatten(1)[:, None] == X.flatten(1)).all(2) for name in TRIPLETS]
    known = torch.stack([rows.any(1) for rows in found]).all(0)
    anchor, positive, negative = (rows.int().argmax(1)[known] for rows in found)
    alike, apart = kinds(y)
    able = alike.any(1) & apart.any(1)
    slots = anchor.view(-1, batch_size) if len(anchor) % batch_size == 0 else anchor[None]
    neighbours = (slots[:, 1:] == slots[:, :-1]).double() * able.sum()
    return {
        "repeats": (neighbours.mean() if neighbours.numel() else torch.ones(())).float(),
        "sizes": (produced["sizes"] != batch_size).sum(),
        "unknown": (~known).sum(),
        "itself": (positive == anchor).sum(),
        "other_class": (y[positive] != y[anchor]).sum(),
        "own_class": (y[negative] == y[anchor]).sum(),
        "anchors": unevenness(anchor.bincount(minlength=n)[None], able[None]).float(),
        "positives": unevenness(_table(anchor, positive, n), alike).float(),
        "negatives": unevenness(_table(anchor, negative, n), apart).float(),
    }


def fresh(produced: Mapping[str, Tensor], X: Tensor, y: Tensor, batches: int, **inputs: int) -> dict[str, Tensor]:
    """``unknown``: how many rows are no images; ``repeated``: how many batches are the first one again; ``same_in_next``: 1 if a second stream is the first one again;
    ``repeat_differs``: in how many rows one with an equal rng differs; ``not_refused``: of two impossible sets of labels."""

    def rows(prefix: str) -> Tensor:
        return torch.cat([produced[prefix + name].flatten(1) for name in TRIPLETS], dim=1)

    first, following, again = rows(""), rows("next_"), rows("again_")
    each = first.view(batches, -1) if len(first) % batches == 0 else first[:0].view(0, 1)
    known = (first.view(-1, 1, X[0].numel()) == X.flatten(1)).all(2).any(1) if len(first) else torch.zeros(1).bool()
    changed = [differing(produced[f"after_{name}"], given) for name, given in (("X", X), ("y", y))]
    return {
        "unknown": (~known).sum(),
        "repeated": (each[1:] == each[:1]).all(1).sum(),
        "same_in_next": torch.tensor(int(torch.equal(first, following))),
        "repeat_differs": differing(first, again).abs(),
        "rng_bytes": rng_bytes(produced),
        "changed": torch.stack(changed).sum(),
        "not_refused": (produced["refused"] != 1).sum(),
    }


def hard(produced: Mapping[str, Tensor], **given: Tensor) -> dict[str, Tensor]:
    """The indices as produced; ``changed``: in how many entries inputs differ after the calls; ``rng_bytes``."""
    indices = {name: tensor for name, tensor in produced.items() if name.split("_")[0] in HARD}
    changed = [differing(produced[f"after_{name}"], value) for name, value in given.items()]
    return {**indices, "changed": torch.stack(changed).sum(), "rng_bytes": rng_bytes(produced)}
