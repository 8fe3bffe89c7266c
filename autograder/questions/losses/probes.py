"""Probes of losses of several tensors.

A case holds ``function``; ``arguments``, the names of what the loss gets by position, between blanks; and the inputs of
several batches, each name with the letter of its batch: ``z1_a``, ``margin_a``, ``z1_b`` … Inputs that are not among the
arguments are handed over by name. Gradients are those to the floating-point tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from autograder.questions.probing import as_value, described, global_state_kept, gradients, holding, tracked
from autograder.questions.side_effects.probes import side_effects

Student = Mapping[str, Callable]
INCOMING = 8.0  # gradients are taken of a multiple of the loss: a backward by hand may forget what comes in


class WrongParts(TypeError):
    """Several results are needed and something else was returned."""


def parts_of(answer: object, names: tuple[str, ...], what: str) -> tuple:
    """The parts of a tuple or list, as many as ``names``; ``what`` names it. Raises WrongParts."""
    if not isinstance(answer, tuple | list) or len(answer) != len(names):
        raise WrongParts(f"{what} should be ({', '.join(names)}); it is {described(answer)}{holding(answer)}")
    return tuple(answer)


def batches(given: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Letter of each batch -> its inputs by name."""
    found: dict[str, dict[str, object]] = {}
    for name, value in given.items():
        name, _, letter = name.rpartition("_")
        found.setdefault(letter, {})[name] = value
    return dict(sorted(found.items()))


def embeddings(inputs: Mapping[str, object]) -> dict[str, Tensor]:
    """The inputs of a batch that a gradient goes to."""
    return {name: x for name, x in inputs.items() if isinstance(x, Tensor) and x.is_floating_point()}


def values(student: Student, function: str, arguments: str, **given: Tensor | float) -> dict[str, Tensor]:
    """``loss_<batch>``: what the loss returns for each batch, in the dtype of its inputs. Numbers become 0-d tensors."""
    found = {}
    for letter, inputs in batches(given).items():
        with global_state_kept():
            loss = _called(student[function], arguments, _copies(inputs))
        found[f"loss_{letter}"] = _number(loss, function).to(_dtype(inputs))
    return found


def gradient(student: Student, function: str, arguments: str, **given: Tensor | float) -> dict[str, Tensor]:
    """``gradient_<input>_<batch>``: gradients of the loss to the embeddings, zeros where none arrives.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.gradients``.
    """
    found = {}
    for letter, inputs in batches(given).items():
        pairs = {name: tracked(x) for name, x in embeddings(inputs).items()}
        with global_state_kept():
            torch.set_grad_enabled(True)
            loss = _called(student[function], arguments, inputs | {name: one for name, (one, _) in pairs.items()})
            torch.set_grad_enabled(True)
            arrived = gradients(loss, function, "its inputs", [edge for _, edge in pairs.values()], INCOMING)
        for name, one in zip(pairs, arrived, strict=True):
            like = inputs[name]
            found[f"gradient_{name}_{letter}"] = (
                torch.zeros_like(like) if one is None else one.to(like.dtype) / INCOMING
            )
    return found


def values_and_gradient(student: Student, **given: Tensor | float | str) -> dict[str, Tensor]:
    """Both of the above."""
    return {**values(student, **given), **gradient(student, **given)}


def in_both_precisions(student: Student, **given: Tensor | float | str) -> dict[str, Tensor]:
    """The same, and named ``double_…`` for float64 copies of the embeddings."""
    double = given | {name: x.double() for name, x in embeddings(given).items()}
    twice = values_and_gradient(student, **double)
    return {**values_and_gradient(student, **given), **{f"double_{name}": found for name, found in twice.items()}}


def conduct(student: Student, function: str, arguments: str, **given: Tensor | float) -> dict[str, Tensor]:
    """What ``side_effects`` returns for the first batch; ``value_other``: the loss of other numbers, 0-d."""
    inputs = batches(given)["a"]
    tensors = {name: x for name, x in inputs.items() if isinstance(x, Tensor)}

    def call(**copies: Tensor) -> Tensor:
        return _number(_called(student[function], arguments, inputs | copies), function)

    effects = side_effects(call, tensors)
    other = {name: x + x.flip(0).sin() / 4 for name, x in embeddings(inputs).items()}
    with global_state_kept():
        return {**effects, "value_other": call(**_copies(tensors | other))}


def _called(loss: Callable, arguments: str, inputs: Mapping[str, object]) -> object:
    names = arguments.split()
    return loss(*(inputs[name] for name in names), **{name: x for name, x in inputs.items() if name not in names})


def _dtype(inputs: Mapping[str, object]) -> torch.dtype:
    return next(iter(embeddings(inputs).values())).dtype


def _copies(inputs: Mapping[str, object]) -> dict[str, object]:
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in inputs.items()}


def _number(loss: object, function: str) -> Tensor:
    return as_value(loss, f"The loss of {function}", torch.float32)
