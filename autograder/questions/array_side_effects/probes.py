"""What a call does beside computing its result, and what it computes under other seeds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache

import numpy as np

KINDS = ("divide", "over", "under", "invalid")
MODES = ("ignore", "warn", "raise", "call", "print", "log")


def side_effects(call: Callable[..., np.ndarray], given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Drive ``call(**copies of given)``, which returns one array, under two global seeds. Afterwards NumPy's global
    generator is seeded anew.

    Returns:
        ``after_<name>``: each input after the call.
        ``rng_before``, ``rng_after``: NumPy's global random state around the call, uint8.
        ``modes_before``, ``modes_after``: what NumPy does about floating-point errors around it, (4,) int64.
        ``heard``: how many of one warning arrive after it, 0-d int64.
        ``value_seed_1``, ``value_seed_2``: the result under each seed.
    """
    copies, modes = _copies(given), np.geterr()
    try:
        rng, before = _seeded(1), _modes()
        np.random.seed(1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            first = call(**copies)
            heard = _arrived(caught)
        rng_after, after = _random_state(), _modes()
        np.seterr(**modes)
        np.random.seed(2)
        second = call(**_copies(given))
    finally:
        np.random.seed(0)
        np.seterr(**modes)
    return {
        **{f"after_{name}": copy for name, copy in copies.items()},
        **{"rng_before": rng, "rng_after": rng_after, "modes_before": before, "modes_after": after, "heard": heard},
        **{"value_seed_1": first, "value_seed_2": second},
    }


def by_dtype(call: Callable[..., np.ndarray], given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """``of_float32``, ``of_float64``: the result for inputs of each dtype."""
    return {f"of_{dtype}": call(**_copies(given, dtype)) for dtype in ("float32", "float64")}


@cache
def _seeded(seed: int) -> np.ndarray:
    """The global random state under a seed. To ask NumPy for it takes longer than most functions that are tested."""
    np.random.seed(seed)
    return _random_state()


def _random_state() -> np.ndarray:
    found = np.random.get_state(legacy=False)
    rest = np.array([found["state"]["pos"], found["has_gauss"], found["gauss"]])
    return np.frombuffer(found["state"]["key"].tobytes() + rest.tobytes(), np.uint8)


def _modes() -> np.ndarray:
    found = np.geterr()
    return np.array([MODES.index(found[kind]) for kind in KINDS])


def _arrived(caught: list) -> np.ndarray:
    """How many warnings are caught of one that is given now, 0-d int64."""
    before = len(caught)
    with suppress(RuntimeWarning):  # where warnings raise now
        warnings.warn("of NumPy's kind", RuntimeWarning, stacklevel=1)
    return np.array(len(caught) - before)


def _copies(given: Mapping[str, np.ndarray], dtype: str = "") -> dict[str, np.ndarray]:
    """Copies that may be written to, floating ones in ``dtype`` if it is given."""
    return {
        name: array.astype(dtype) if dtype and np.issubdtype(array.dtype, np.floating) else array.copy()
        for name, array in given.items()
    }
