"""Side effects around any correct function."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.model import Misconception, Namespace


def _seeding(correct: Callable) -> Callable:
    def wrong(*arguments, **settings):
        torch.manual_seed(0)
        return correct(*arguments, **settings)

    return wrong


def _drawing(correct: Callable) -> Callable:
    def wrong(*arguments, **settings):
        torch.randn_like(next(a for a in arguments if isinstance(a, Tensor) and a.is_floating_point()))
        return correct(*arguments, **settings)

    return wrong


def _setting_the_default_dtype(correct: Callable) -> Callable:
    def wrong(*arguments, **settings):
        result = correct(*arguments, **settings)
        torch.set_default_dtype(torch.float64)
        return result

    return wrong


def _switching_gradients_off(correct: Callable) -> Callable:
    def wrong(*arguments, **settings):
        result = correct(*arguments, **settings)
        torch.set_grad_enabled(False)
        return result

    return wrong


def _switching_gradients_on(correct: Callable) -> Callable:
    def wrong(*arguments, **settings):
        torch.set_grad_enabled(True)
        return correct(*arguments, **settings)

    return wrong


def _returning(dtype: torch.dtype) -> Callable[[Callable], Callable]:
    def around(correct: Callable) -> Callable:
        def wrong(*arguments, **settings):
            result = correct(*arguments, **settings)
            return result.to(dtype) if isinstance(result, Tensor) else tuple(part.to(dtype) for part in result)

        return wrong

    return around


# Kind -> what makes a correct function wrong, and the hint.
_KINDS = {
    "seeds": (
        _seeding,
        "You seed torch's global generator in {function}, so every later random draw of the notebook repeats.",
    ),
    "draws": (
        _drawing,
        "You draw random numbers in {function}, although it gets those that it needs; use only what it gets.",
    ),
    "default dtype": (
        _setting_the_default_dtype,
        "You change torch's default dtype in {function}, for everything that runs after it.",
    ),
    "gradients off": (
        _switching_gradients_off,
        "You switch gradients off in {function} (torch.set_grad_enabled(False)), for everything that runs after it.",
    ),
    "gradients on": (
        _switching_gradients_on,
        "You switch gradients on in {function}, also where its caller has switched them off; leave that to the caller.",
    ),
    "float32": (
        _returning(torch.float32),
        "You return float32 from {function} for float64 inputs; keep the dtype of the inputs.",
    ),
    "float64": (
        _returning(torch.float64),
        "You return float64 from {function} for float32 inputs; keep the dtype of the inputs.",
    ),
}


def misconceptions(function: str, correct: Namespace, kinds: Mapping[str, str]) -> tuple[Misconception, ...]:
    """Side effects of ``function``, one of the graded names that the namespace ``correct`` defines.

    Args:
        kinds: id of each misconception -> its kind: "seeds", "draws" (noise like the first floating-point argument),
            "default dtype", "gradients off", "gradients on", "float32" or "float64" (of the result).
    """
    made = []
    for id, kind in kinds.items():
        around, hint = _KINDS[kind]
        made.append(Misconception(id, hint.format(function=function), {**correct, function: around(correct[function])}))
    return tuple(made)
