"""What the probes of the assignment share: a given model, numbers and pairs that come back, and stand-ins.

The stand-ins are no answers: each is some other function of all arguments of the name that it stands for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from autograder.arrays import described
from autograder.questions.array_probing import NoArray, as_array, holding
from autograder.questions.array_side_effects.probes import side_effects

Student = Mapping[str, Callable]
Arrays = dict[str, np.ndarray]


def parts_of(answer: object, names: tuple[str, ...], what: str) -> tuple:
    """The parts of a tuple or list, as many as ``names``; ``what`` names it. Raises NoArray."""
    if not isinstance(answer, tuple | list) or len(answer) != len(names):
        raise NoArray(f"{what} should be ({', '.join(names)}); it is {described(answer)}{holding(answer)}")
    return tuple(answer)


@contextmanager
def warnings_counted() -> Iterator[list]:
    """The warnings of NumPy's arithmetic that the block gives, under the settings that a notebook starts with."""
    with np.errstate(all="warn", under="ignore"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def effects_of_each(calls: Mapping[str, Callable[..., np.ndarray]], given: Arrays) -> Arrays:
    """What ``side_effects`` returns for each call, after its name and ``_``."""
    return {f"{name}_{output}": a for name, call in calls.items() for output, a in side_effects(call, given).items()}


def value(student: Student, function: str, x: np.ndarray) -> Arrays:
    """``value``: what a function of one array returns for ``x``; ``warnings``: how many warnings NumPy gave, 0-d int64."""
    with warnings_counted() as caught:
        found = _of_one_array(student, function, x.copy())
    return {"value": found, "warnings": np.array(len(caught))}


def conduct(student: Student, function: str, x: np.ndarray) -> Arrays:
    """What ``side_effects`` returns for a function of one array."""
    return side_effects(lambda x: _of_one_array(student, function, x), {"x": x})


def _of_one_array(student: Student, function: str, x: np.ndarray) -> np.ndarray:
    return as_array(student[function](x), f"What {function} returns")


class GivenModel:
    """A trained model as the notebook describes it: ``W``, ``b``, and the probabilities of the rows of ``X``, which are given.

    It knows no other rows.
    """

    def __init__(self, W: np.ndarray, b: np.ndarray, X: np.ndarray, P: np.ndarray) -> None:
        self.W, self.b, self._rows, self._P = W, b, X.copy(), P.copy()

    def forward(self, X: np.ndarray) -> np.ndarray:
        same = (X[:, None, :] == self._rows[None]).all(axis=2)
        if not same.any(axis=1).all():
            raise ValueError("model(X) was called with other rows than those of X")
        return self._P[same.argmax(axis=1)]

    def kept_in(self, W: np.ndarray, b: np.ndarray) -> None:
        """Write what the model holds now into ``W`` and ``b``, which show then whether it was changed."""
        np.copyto(W, self.W)
        np.copyto(b, self.b)

    __call__ = forward


def other_sigmoid(x: np.ndarray) -> np.ndarray:
    """A stand-in for ``sigmoid``."""
    return 0.5 + np.arctan(x) / np.pi


def other_softmax(x: np.ndarray) -> np.ndarray:
    """A stand-in for ``softmax``."""
    share = 0.6 + np.arctan(x) / np.pi
    return share / share.sum(axis=1, keepdims=True)


class OtherModel:
    """A model of other probabilities, (n, k), or (n, 1) if ``is_binary``."""

    def __init__(self, W: np.ndarray, b: np.ndarray, is_binary: bool) -> None:
        self.W, self.b, self._answer = W.copy(), b.copy(), other_sigmoid if is_binary else other_softmax

    def forward(self, X: np.ndarray) -> np.ndarray:
        return self._answer(X @ self.W + self.b)

    __call__ = forward


def other_batch(X: np.ndarray, y: np.ndarray, batch_size: int, rng: np.random.Generator) -> tuple:
    """A stand-in for ``get_data_batch``: rows that follow each other, from a random one on."""
    rows = (int(rng.integers(len(X))) + np.arange(batch_size)) % len(X)
    return X[rows], y[rows]


def other_loss(model: object, X: np.ndarray, y: np.ndarray, is_binary: bool) -> float:
    """A stand-in for ``calculate_loss``."""
    return float((np.sin(X @ model.W).sum(axis=1) + (2 + model.b.sum()) * y).mean()) + 0.5 * is_binary


def other_accuracy(model: object, X: np.ndarray, y: np.ndarray, is_binary: bool) -> float:
    """A stand-in for ``calculate_accuracy``."""
    return float((model(X)[:, 0] * (3 + y)).mean()) - 0.25 * is_binary


def other_gradients(model: object, X: np.ndarray, y: np.ndarray, l2_lambda: float, is_binary: bool) -> tuple:
    """A stand-in for ``gradients``."""
    errors = model(X) * 2 - 3.0 * (y[:, None] == np.arange(model.b.size) + is_binary)
    return X.T @ errors + l2_lambda * np.tanh(model.W), errors.max(axis=0) - l2_lambda * model.b


def other_clipping(grad_W: np.ndarray, grad_b: np.ndarray, max_norm: float) -> tuple:
    """A stand-in for ``clip_gradients``."""
    return grad_W / (3 + 1 / max_norm), grad_b / (4 + 2 / max_norm)


def other_evaluation(model: object, X: np.ndarray, y: np.ndarray, batch_size: int, is_binary: bool) -> tuple:
    """A stand-in for ``evaluate_model``; the size of a batch changes nothing."""
    return other_loss(model, X, y, is_binary) - 1, other_accuracy(model, X, y, is_binary) + 0 * batch_size


PROBABILITIES = {"sigmoid": other_sigmoid, "softmax": other_softmax}
MEASURES = {"calculate_loss": other_loss, "calculate_accuracy": other_accuracy}
STEPS = {
    **PROBABILITIES,
    **MEASURES,
    "get_data_batch": other_batch,
    "gradients": other_gradients,
    "clip_gradients": other_clipping,
    "evaluate_model": other_evaluation,
}
