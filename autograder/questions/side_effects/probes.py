"""What a call does beside computing its result, and whether global settings reach that result."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import global_state_kept


def conduct(call: Callable[..., Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drive ``call(**copies of given)``, which returns one tensor, under several global settings.

    Returns:
        ``input_<name>``: each input after the call.
        ``rng_bytes``: how many bytes of torch's global random state the call changed.
        ``default_is_float64``: 1 if the default dtype, float32 before the call, is float64 after it.
        ``value_seed_1``, ``value_seed_2``: the result under two global seeds.
        ``value_default_float64``: the same while the default dtype is float64, in the inputs' dtype: a constant made
            without a dtype turns a right result into float64 then, which is no mistake.
        ``dtypes_kept``: (2,), 1 where float32 inputs give a float32 result and float64 inputs a float64 one.
    """
    dtype = next(tensor.dtype for tensor in given.values() if tensor.is_floating_point())
    with global_state_kept():
        torch.set_default_dtype(torch.float32)
        torch.manual_seed(1)
        state, copies = torch.get_rng_state(), _copies(given)
        first = call(**copies)
        rng_bytes = (torch.get_rng_state() != state).sum()
        default_is_float64 = torch.tensor(int(torch.get_default_dtype() is torch.float64))
        torch.set_default_dtype(torch.float32)
        torch.manual_seed(2)
        second = call(**_copies(given))
        kept = []
        for asked in (torch.float32, torch.float64):
            torch.set_default_dtype(torch.float32)
            kept.append(int(call(**_copies(given, asked)).dtype is asked))
        torch.set_default_dtype(torch.float64)
        double = call(**_copies(given))
    return {
        **{f"input_{name}": tensor.detach() for name, tensor in copies.items()},
        "rng_bytes": rng_bytes,
        "default_is_float64": default_is_float64,
        "value_seed_1": first.to(dtype),
        "value_seed_2": second.to(dtype),
        "value_default_float64": double.to(dtype),
        "dtypes_kept": torch.tensor(kept),
    }


def _copies(given: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Copies that may be written to, floating ones in ``dtype`` if it is given."""
    return {
        name: tensor.to(dtype, copy=True) if dtype and tensor.is_floating_point() else tensor.clone()
        for name, tensor in given.items()
    }
