"""Probes of q3: how the models begin, and what they answer with given weights."""

from __future__ import annotations

from functools import partial

import numpy as np

from autograder.questions.array_probing import as_array

from ..probes import Arrays, Student, effects_of_each

MODELS = ("LinearModel", "LogisticRegression", "SoftmaxRegression")


def begun(student: Student, d: int, k: int, seed: int) -> Arrays:
    """``<model>_W``, ``<model>_b``: the weights of a new model, and ``<model>_next``: W of another with the same generator."""
    found = {}
    with np.errstate():
        for name in MODELS:
            rng = np.random.default_rng(seed)
            first, second = (made(student, name, d, k, rng) for _ in range(2))
            for attribute in "Wb":
                found[f"{name}_{attribute}"] = as_array(getattr(first, attribute), f"{attribute} of {name}")
            found[f"{name}_next"] = as_array(second.W, f"W of {name}")
    return found


def answers(student: Student, W: np.ndarray, b: np.ndarray, X: np.ndarray) -> Arrays:
    """``<model>``: what each model with these weights answers; the logistic one with the first column of them."""
    with np.errstate():
        return {name: _answer(student, name, W.copy(), b.copy(), X.copy()) for name in MODELS}


def conduct(student: Student, **given: np.ndarray) -> Arrays:
    """What ``side_effects`` returns for each model that is made and called, after its name and ``_``."""
    return effects_of_each({name: partial(_answer, student, name) for name in MODELS}, given)


def made(student: Student, name: str, d: int, k: int, rng: np.random.Generator) -> object:
    """A new model of a name, for k classes, or for two if it is logistic."""
    return student[name](d, rng) if name == "LogisticRegression" else student[name](d, k, rng)


def with_weights(student: Student, name: str, W: np.ndarray, b: np.ndarray) -> object:
    """The same with ``W`` (d, k) and ``b`` (k,)."""
    model = made(student, name, *W.shape, np.random.default_rng(0))
    model.W, model.b = W, b
    return model


def _answer(student: Student, name: str, W: np.ndarray, b: np.ndarray, X: np.ndarray) -> np.ndarray:
    first = slice(0, 1) if name == "LogisticRegression" else slice(None)
    model = with_weights(student, name, W[:, first], b[first])
    return as_array(model(X), f"What {name} returns")
