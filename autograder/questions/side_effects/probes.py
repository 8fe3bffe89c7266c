"""What a call does beside computing its result, and what it computes under other seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import global_state_kept


def side_effects(call: Callable[..., Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drive ``call(**copies of given)``, which returns one tensor, under two global seeds.

    The default dtype is float32, that of the notebook: what a call computes under another one is not part of any task.

    Returns:
        ``after_<name>``: each input after the call.
        ``rng_before``, ``rng_after``: torch's global random state around the call, uint8.
        ``new_number``: a number that is made after the call, in the default dtype, which was float32 before it.
        ``gradients_on``: whether gradients are computed after the call, as they were before it, 0-d bool.
        ``value_seed_1``, ``value_seed_2``: the result under each seed.
    """
    copies = _copies(given)
    with global_state_kept():
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first = call(**copies)
        after, new_number, gradients_on = torch.get_rng_state(), torch.tensor(0.5), torch.is_grad_enabled()
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.manual_seed(2)
        second = call(**_copies(given))
    return {
        **{f"after_{name}": copy.detach() for name, copy in copies.items()},
        "rng_before": before,
        "rng_after": after,
        "new_number": new_number,
        "gradients_on": torch.tensor(gradients_on),
        "value_seed_1": first,
        "value_seed_2": second,
    }


def by_dtype(call: Callable[..., Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``of_float32``, ``of_float64``: the result for inputs of each dtype."""
    results = {}
    with global_state_kept():
        for dtype in (torch.float32, torch.float64):
            torch.set_default_dtype(torch.float32)
            results[f"of_{str(dtype).removeprefix('torch.')}"] = call(**_copies(given, dtype))
    return results


def without_gradients(call: Callable[..., Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``gradients_kept_off``: whether gradients are off after a call before which they were, 0-d bool."""
    with global_state_kept():
        torch.set_grad_enabled(False)
        call(**_copies(given))
        return {"gradients_kept_off": torch.tensor(not torch.is_grad_enabled())}


def _copies(given: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Copies that may be written to, floating ones in ``dtype`` if it is given."""
    return {
        name: tensor.to(dtype, copy=True) if dtype and tensor.is_floating_point() else tensor.clone()
        for name, tensor in given.items()
    }
