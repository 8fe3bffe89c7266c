"""What a call does beside computing its result, and what it computes under other seeds of ``np.random``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np


@contextmanager
def global_state_kept() -> Iterator[None]:
    """Undo what a call does to ``np.random`` and to the settings of warnings; the block begins with NumPy's own settings."""
    state = np.random.get_state()
    try:
        with np.errstate(all="warn", under="ignore"):
            yield
    finally:
        np.random.set_state(state)


def side_effects(
    call: Callable[..., np.ndarray], given: Mapping[str, np.ndarray], prefix: str = ""
) -> dict[str, np.ndarray]:
    """Drive ``call(**copies of given)``, which returns one array, under two seeds of ``np.random``.

    Returns, each name after ``prefix``:
        ``after_<name>``: each input after the call.
        ``random_before``, ``random_after``: the state of ``np.random`` around the call, (625,) int64.
        ``settings``: which of NumPy's kinds of errors are warned of after the call, as they were before it, (3,) bool.
        ``value_seed_1``, ``value_seed_2``: the result under each seed.
    """
    copies = {name: array.copy() for name, array in given.items()}
    with global_state_kept():
        np.random.seed(1)
        before = _state()
        first = call(**copies)
        after, settings = _state(), np.geterr()
    with global_state_kept():
        np.random.seed(2)
        second = call(**{name: array.copy() for name, array in given.items()})
    produced = {
        **{f"after_{name}": copy for name, copy in copies.items()},
        "random_before": before,
        "random_after": after,
        "settings": np.array([settings[kind] == "warn" for kind in ("divide", "over", "invalid")]),
        "value_seed_1": first,
        "value_seed_2": second,
    }
    return {prefix + name: array for name, array in produced.items()}


def _state() -> np.ndarray:
    _, keys, position, *_ = np.random.get_state()
    return np.append(keys, position).astype(np.int64)
