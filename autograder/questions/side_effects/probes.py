"""What a call does beside computing its result, and whether global settings reach that result."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import global_state_kept

# By how much two results of one function may differ: under two seeds, and under two default dtypes.
SEED_ROUNDING, DEFAULT_ROUNDING = 1e-5, 1e-4


def side_effects(call: Callable[..., Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drive ``call(**copies of given)``, which returns one tensor, under several global settings.

    Returns:
        ``changed_<name>``: in how many entries each input differs after the call, see ``differing``.
        ``rng_bytes``: how many bytes of torch's global random state the call changed.
        ``default_is_float64``: 1 if the default dtype, float32 before the call, is float64 after it.
        ``value_seed_1``, ``value_seed_2``: the result under two global seeds.
        ``value_default_float64``: the result while the default dtype is float64, in the dtype of the first: a constant
            that is made without a dtype turns a correct result into float64 then, which is no mistake.
        ``differs_by_seed``, ``differs_by_default``: in how many entries the first result differs from the other two.
    """
    copies = _copies(given)
    with global_state_kept():
        torch.set_default_dtype(torch.float32)
        torch.manual_seed(1)
        state = torch.get_rng_state()
        first = call(**copies)
        changed_bytes = rng_bytes(state)
        default_is_float64 = torch.tensor(int(torch.get_default_dtype() is torch.float64))
        torch.set_default_dtype(torch.float32)
        torch.manual_seed(2)
        second = call(**_copies(given))
        torch.set_default_dtype(torch.float64)
        double = call(**_copies(given)).to(first.dtype)
    return {
        **{f"changed_{name}": differing(copies[name], given[name]) for name in given},
        "rng_bytes": changed_bytes,
        "default_is_float64": default_is_float64,
        "value_seed_1": first,
        "value_seed_2": second,
        "value_default_float64": double,
        "differs_by_seed": differing(first, second, SEED_ROUNDING),
        "differs_by_default": differing(first, double, DEFAULT_ROUNDING),
    }


def dtypes_kept(call: Callable[..., Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``dtypes_kept``: (2,), 1 where float32 inputs give a float32 result and where float64 inputs give a float64 one."""
    kept = []
    with global_state_kept():
        for dtype in (torch.float32, torch.float64):
            torch.set_default_dtype(torch.float32)
            kept.append(int(call(**_copies(given, dtype)).dtype is dtype))
    return {"dtypes_kept": torch.tensor(kept)}


def rng_bytes(before: Tensor) -> Tensor:
    """In how many bytes torch's global random state differs from what it was ``before``, 0-d int64."""
    return (torch.get_rng_state() != before).sum()


def differing(one: Tensor, other: Tensor, atol: float = 0.0) -> Tensor:
    """In how many entries two tensors differ by more than ``atol``, 0-d int64; -1 if their shapes differ."""
    if one.shape != other.shape:
        return torch.tensor(-1)
    one, other = one.detach().double(), other.detach().double()
    return ((one != other) & ~((one - other).abs() <= atol)).sum()


def _copies(given: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Copies that may be written to, floating ones in ``dtype`` if it is given."""
    return {
        name: tensor.to(dtype, copy=True) if dtype and tensor.is_floating_point() else tensor.clone()
        for name, tensor in given.items()
    }
