"""Counts of what the probes of side effects produced. They run in the engine; a test may name one as it is."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autograder.questions.model import Scalar

# By how much two results of one function may differ under two seeds.
SEED_ROUNDING = 1e-5


def side_effects(produced: Mapping[str, Tensor], prefix: str = "", **inputs: Tensor | Scalar) -> dict[str, Tensor]:
    """What ``probes.side_effects`` produced, counted; ``prefix`` is before its names, and before those of the counts.

    Returns:
        ``changed_<name>``: in how many entries each input differs after the call, see ``differing``.
        ``rng_bytes``: how many bytes of torch's global random state the call changed.
        ``default_changed``: 1 if the default dtype was not float32 after the call.
        ``gradients_off``: after how many calls gradients were switched off.
        ``value_seed_1``, ``value_seed_2``: as produced.
        ``differs_by_seed``: in how many entries the two results differ.
    """
    own = own_part(produced, prefix)
    after = {name.removeprefix("after_"): tensor for name, tensor in own.items() if name.startswith("after_")}
    first, second = own["value_seed_1"], own["value_seed_2"]
    counts = {
        **{f"changed_{name}": differing(tensor, inputs[name]) for name, tensor in after.items()},
        "rng_bytes": rng_bytes(own),
        "default_changed": torch.tensor(int(own["new_number"].dtype is not torch.float32)),
        "gradients_off": (~own["gradients_on"].bool()).sum(),
        "value_seed_1": first,
        "value_seed_2": second,
        "differs_by_seed": differing(first, second, SEED_ROUNDING),
    }
    return {prefix + name: value for name, value in counts.items()}


def dtype_kept(produced: Mapping[str, Tensor], like: Tensor, prefix: str = "") -> dict[str, Tensor]:
    """``dtype_kept``: 1 if the result of a probe of side effects has the dtype of the input ``like``.

    ``prefix`` is before its name, and before the names of what was produced.
    """
    return {f"{prefix}dtype_kept": torch.tensor(int(produced[f"{prefix}value_seed_1"].dtype is like.dtype))}


def dtypes_kept(produced: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """``dtypes_kept``: (2,), 1 where float32 inputs gave a float32 result, and where float64 inputs gave a float64 one."""
    results = own_part(produced, prefix)
    kept = (results["of_float32"].dtype is torch.float32, results["of_float64"].dtype is torch.float64)
    return {f"{prefix}dtypes_kept": torch.tensor(kept).long()}


def side_effects_and_dtypes(
    produced: Mapping[str, Tensor], prefix: str = "", **inputs: Tensor | Scalar
) -> dict[str, Tensor]:
    """Both of the above."""
    return {**side_effects(produced, prefix, **inputs), **dtypes_kept(produced, prefix)}


def gradients_switched_on(produced: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """``gradients_switched_on``: 1 if ``probes.without_gradients`` found gradients on after its call."""
    name = f"{prefix}gradients_switched_on"
    return {name: (~produced[f"{prefix}gradients_kept_off"].bool()).sum()}


def own_part(produced: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in produced.items() if name.startswith(prefix)}


def rng_bytes(produced: Mapping[str, Tensor]) -> Tensor:
    """In how many bytes torch's global random state differs after a call from what it was before, 0-d int64."""
    return differing(produced["rng_before"], produced["rng_after"])


def differing(one: Tensor, other: Tensor, atol: float = 0.0) -> Tensor:
    """In how many entries two tensors differ by more than ``atol``, 0-d int64; -1 if their shapes differ. NaN is NaN."""
    if one.shape != other.shape:
        return torch.tensor(-1)
    one, other = one.double(), other.double()
    same = (one == other) | ((one - other).abs() <= atol) | (one.isnan() & other.isnan())
    return (~same).sum()
