"""Side effects around any correct function of NumPy arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np

from autograder.questions.model import Misconception, Namespace


def _before(effect: Callable[[], object]) -> Callable[[Callable], Callable]:
    def around(correct: Callable) -> Callable:
        def wrong(*arguments, **settings):
            effect()
            return correct(*arguments, **settings)

        return wrong

    return around


def _returning(dtype: str) -> Callable[[Callable], Callable]:
    def around(correct: Callable) -> Callable:
        def wrong(*arguments, **settings):
            result = correct(*arguments, **settings)
            if isinstance(result, tuple):
                return tuple(np.asarray(part).astype(dtype) for part in result)
            return np.asarray(result).astype(dtype)

        return wrong

    return around


# Kind -> what makes a correct function wrong, and the hint.
_KINDS = {
    "seeds": (
        _before(lambda: np.random.seed(0)),
        "You seed NumPy's global generator in {function}, so every later random draw of the notebook repeats.",
    ),
    "draws": (
        _before(np.random.rand),
        "You draw random numbers in {function}, although it gets those that it needs; use only what it gets.",
    ),
    "modes": (
        _before(lambda: np.seterr(all="ignore")),
        "You call np.seterr in {function}, for everything that runs after it; use np.errstate in a with statement.",
    ),
    "filters": (
        _before(lambda: warnings.simplefilter("ignore")),
        "You hide warnings in {function}, for everything that runs after it; use np.errstate in a with statement.",
    ),
    "float32": (
        _returning("float32"),
        "You return float32 from {function} for float64 inputs; keep the dtype of the inputs.",
    ),
    "float64": (
        _returning("float64"),
        "You return float64 from {function} for float32 inputs; keep the dtype of the inputs.",
    ),
}


def misconceptions(function: str, correct: Namespace, kinds: Mapping[str, str]) -> tuple[Misconception, ...]:
    """Side effects of ``function``, one of the graded names that the namespace ``correct`` defines.

    Args:
        kinds: id of each misconception -> its kind: "seeds", "draws", "modes", "filters", "float32" or "float64" (of the
            result).
    """
    made = []
    for id, kind in kinds.items():
        around, hint = _KINDS[kind]
        made.append(Misconception(id, hint.format(function=function), {**correct, function: around(correct[function])}))
    return tuple(made)
