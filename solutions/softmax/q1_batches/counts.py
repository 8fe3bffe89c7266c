"""Counts of what the probes of q1 produced."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from autograder.questions.model import Unreadable

from ..counts import effects_of_each

FAR = 0.19  # over five standard deviations of a share in 220 draws


def partition(produced: Mapping[str, np.ndarray], X: np.ndarray, y: np.ndarray, **inputs: object) -> dict:
    """What is in the parts of a split or of a batch, for rows of X that are all different.

    Returns, each 0-d int64:
        ``rows_<part>``: the rows of each part.
        ``strange``: rows that X does not have. ``repeated``: by how much rows come too often, in all parts together.
        ``labels``: rows whose label is not theirs.

    Raises:
        Unreadable: rows have another length, or a part has not as many labels as rows.
    """
    found, at, wrong, strange = {}, [], 0, 0
    for name in (name for name in produced if name.startswith("X_")):
        rows, labels = produced[name], produced[name.replace("X", "y")]
        if rows.ndim != 2 or rows.shape[1] != X.shape[1]:
            raise Unreadable(f"{name} has shape {rows.shape}; it should hold rows of X")
        if labels.shape != rows.shape[:1]:
            raise Unreadable(f"{name} has {len(rows)} rows, and its labels have shape {labels.shape}")
        place = places(rows, X)
        strange += int((place < 0).sum())
        wrong += int((labels != y[place])[place >= 0].sum())
        at.append(place[place >= 0])
        found[f"rows_{name[2:]}"] = np.array(len(rows))
    together = np.concatenate(at)
    repeated = len(together) - len(np.unique(together))
    return {**found, "strange": np.array(strange), "repeated": np.array(repeated), "labels": np.array(wrong)}


def conduct(produced: Mapping[str, np.ndarray], **inputs: object) -> dict[str, np.ndarray]:
    """What ``effects_of_each`` counts, and ``<function>_whole``: 1 if the labels that it returned are whole numbers."""
    labels = {name.removesuffix("_labels"): found for name, found in produced.items() if name.endswith("_labels")}
    whole = {f"{name}_whole": np.array(int(found.dtype.kind in "iu")) for name, found in labels.items()}
    return {**effects_of_each(produced, **inputs), **whole}


def places(rows: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Which row of X each of ``rows`` (m, d) is, (m,); -1 for none."""
    same = (rows[:, None, :] == X[None]).all(axis=2)
    return np.where(same.any(axis=1), same.argmax(axis=1), -1)


def chances(produced: Mapping[str, np.ndarray], X: np.ndarray, **inputs: object) -> dict[str, np.ndarray]:
    """Whether each row of X and each set of rows is drawn as often as it should be.

    Returns, each 0-d int64:
        ``far_off``: how many rows are drawn in a share of the calls that is far from the expected one.
        ``missing``: how many sets of rows were never drawn.
        ``at_an_end``: 1 if most draws are the first or the last rows of X.

    Raises:
        Unreadable: a draw holds rows that X does not have.
    """
    rows = produced["rows"]
    if rows.ndim != 3 or rows.shape[2] != X.shape[1] or not rows.size:
        raise Unreadable(f"the draws have shape {rows.shape}; they should hold rows of X")
    place = places(rows.reshape(-1, X.shape[1]), X).reshape(rows.shape[:2])
    if (place < 0).any():
        raise Unreadable("the draws hold rows that X does not have")
    shares = np.array([(place == row).any(axis=1).mean() for row in range(len(X))])
    order = np.sort(place, axis=1)
    size, sets = place.shape[1], len(np.unique(order, axis=0))
    ends = [(order == rows).all(axis=1) for rows in (np.arange(size), np.arange(len(X) - size, len(X)))]
    return {
        "far_off": np.array((np.abs(shares - size / len(X)) > FAR).sum()),
        "missing": np.array(math.comb(len(X), size) - sets),
        "at_an_end": np.array(int(np.logical_or(*ends).mean() > 0.5)),
    }
