"""Counts of what the probes of q7 produced."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograder.questions.model import Unreadable


def batches(
    produced: Mapping[str, np.ndarray], y_train: np.ndarray, num_iters: int, batch_size: int, **inputs: object
) -> dict[str, np.ndarray]:
    """How often each training row was in a batch. The rows are those of the identity, so each changes its own row of W.

    Returns:
        ``never``: how many rows were in no batch of a training, 0-d int64.
        ``rarest``, ``commonest``: the smallest and the largest number of times of a row, as shares of the expected one.
        ``variance``: of these numbers, as a share of that of independent batches.
        ``same``: 1 if trainings with two generators draw all rows equally often.

    Raises:
        Unreadable: W has another shape, or no row of it changes.
    """
    changes, n = produced["changes"], len(y_train)
    if changes.ndim != 3 or changes.shape[:2] != (2, n) or y_train.max() >= changes.shape[2]:
        raise Unreadable("the weights have another shape after the training than before it")
    sizes = np.abs(changes[:, np.arange(n), y_train])
    if not sizes.sum(axis=1).all():
        raise Unreadable("fit_model does not change W")
    share = batch_size / n
    times = sizes / sizes.sum(axis=1, keepdims=True) * num_iters * batch_size
    return {
        "never": np.array((times < 0.5).sum()),
        "rarest": times.min() / (num_iters * share),
        "commonest": times.max() / (num_iters * share),
        "variance": times.var(axis=1).mean() / (num_iters * share * (1 - share)),
        "same": np.array(int(np.allclose(*times, atol=0.1))),
    }
