"""Counts of what the probes of side effects produced. They run in the engine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# By how much two results of one function may differ under two seeds.
SEED_ROUNDING = 1e-5


def side_effects(produced: Mapping[str, np.ndarray], **inputs: object) -> dict[str, np.ndarray]:
    """What ``probes.side_effects`` produced, counted.

    Returns:
        ``changed_<name>``: in how many entries each input differs after the call, see ``differing``.
        ``rng_bytes``: how many bytes of NumPy's global random state the call changed.
        ``modes_changed``: about how many kinds of floating-point error NumPy does something else after the call.
        ``heard``, ``value_seed_1``, ``value_seed_2``: as produced.
        ``differs_by_seed``: in how many entries the two results differ.
    """
    after = {name.removeprefix("after_"): array for name, array in produced.items() if name.startswith("after_")}
    first, second = produced["value_seed_1"], produced["value_seed_2"]
    return {
        **{f"changed_{name}": differing(array, inputs[name]) for name, array in after.items()},
        "rng_bytes": differing(produced["rng_before"], produced["rng_after"]),
        "modes_changed": differing(produced["modes_before"], produced["modes_after"]),
        **{"heard": produced["heard"], "value_seed_1": first, "value_seed_2": second},
        "differs_by_seed": differing(first, second, SEED_ROUNDING),
    }


def dtypes_kept(produced: Mapping[str, np.ndarray], **inputs: object) -> dict[str, np.ndarray]:
    """``dtypes_kept``: (2,), 1 where float32 inputs gave a float32 result, and where float64 inputs gave a float64 one."""
    return {"dtypes_kept": np.array([int(produced[f"of_{dtype}"].dtype == dtype) for dtype in ("float32", "float64")])}


def differing(one: np.ndarray, other: np.ndarray, atol: float = 0.0) -> np.ndarray:
    """In how many entries two arrays differ by more than ``atol``, 0-d int64; -1 if their shapes differ. NaN is NaN."""
    if one.shape != other.shape:
        return np.array(-1)
    if one.dtype == other.dtype and one.tobytes() == other.tobytes():  # as in most cases
        return np.array(0)
    return np.array(np.sum(~np.isclose(one.astype(float), other.astype(float), rtol=0, atol=atol, equal_nan=True)))
