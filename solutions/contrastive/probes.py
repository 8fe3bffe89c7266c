"""What the probes of the training loops share: batches without an end, and a list of losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from numbers import Number

import numpy as np
import torch
from torch import Tensor

from autograder.questions.probing import as_number, described

FORGIVEN = 2  # batches that a loop may take without using them


class TooManyBatches(RuntimeError):
    """A loop does not stop after the iterations that it should make."""


class WrongLosses(TypeError):
    """Something else was returned than a list of losses."""


class OneNumber(WrongLosses):
    """A number: mistakes are told apart by the type."""


def endless(num_iters: int) -> Callable[[Iterable], Iterator]:
    """Makes of a loader a generator that goes through it again and again, and stops a loop that takes too many batches."""

    def batches(loader: Iterable) -> Iterator:
        taken = 0
        while True:
            for batch in loader:
                taken += 1
                if taken > num_iters + FORGIVEN:
                    raise TooManyBatches(f"your loop takes more than {num_iters} batches; stop after num_iters of them")
                yield batch

    return batches


def losses_of(returned: object, function: str, dtype: torch.dtype) -> Tensor:
    """The numbers of a list of losses, (losses,). Raises WrongLosses, OneNumber, NotANumber."""
    if not isinstance(returned, list | tuple | Tensor | np.ndarray) or getattr(returned, "ndim", 1) != 1:
        one = isinstance(returned, Number) or getattr(returned, "ndim", 1) == 0
        kind = OneNumber if one else WrongLosses
        raise kind(f"What {function} returns is {described(returned)}; it should be the list of the losses")
    found = [as_number(one, dtype, f"A loss of {function}") for one in returned]
    return torch.stack(found) if found else torch.empty(0, dtype=dtype)
