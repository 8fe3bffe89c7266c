"""Probes of losses of several tensors.

A case holds ``function``; ``arguments``, the names of what the loss gets by position, between blanks; and the inputs of
several batches, each name with the letter of its batch: ``z1_a``, ``margin_a``, ``z1_b`` … Inputs that are not among the
arguments are handed over by name. ``parts`` are the names of what the loss returns, if that is more than the loss itself,
which comes first. Gradients are those to the floating-point tensors.
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


def values(
    student: Student, function: str, arguments: str, parts: str = "loss", **given: Tensor | float
) -> dict[str, Tensor]:
    """``<part>_<batch>``: what the loss returns for each batch, in the dtype of its inputs. Numbers become 0-d tensors."""
    found = {}
    for letter, inputs in batches(given).items():
        with global_state_kept():
            called = _called(student[function], function, arguments, parts, _copies(inputs))
        dtype = next(iter(embeddings(inputs).values())).dtype
        found |= {f"{name}_{letter}": _number(part, name, function).to(dtype) for name, part in called.items()}
    return found


def gradient(
    student: Student, function: str, arguments: str, parts: str = "loss", **given: Tensor | float
) -> dict[str, Tensor]:
    """``gradient_<input>_<batch>``: gradients of the loss to the embeddings, zeros where none arrives.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.gradients``.
    """
    return {
        f"gradient_{name}_{letter}": found
        for letter, inputs in batches(given).items()
        for name, found in loss_and_gradients(student[function], function, arguments, inputs, parts)[1].items()
    }


def loss_and_gradients(
    loss: Callable, function: str, arguments: str, inputs: Mapping[str, object], parts: str = "loss"
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of one batch without its graph, and its gradient to each of the embeddings. Raises as ``gradient`` does."""
    pairs = {name: tracked(x) for name, x in embeddings(inputs).items()}
    with global_state_kept():
        torch.set_grad_enabled(True)
        given = {**inputs, **{name: one for name, (one, _) in pairs.items()}}
        value = next(iter(_called(loss, function, arguments, parts, given).values()))
        torch.set_grad_enabled(True)
        arrived = gradients(value, function, "its inputs", [edge for _, edge in pairs.values()], INCOMING)
    return value.detach(), {
        name: torch.zeros_like(inputs[name]) if found is None else found.to(inputs[name].dtype) / INCOMING
        for name, found in zip(pairs, arrived, strict=True)
    }


def values_and_gradient(student: Student, **given: Tensor | float | str) -> dict[str, Tensor]:
    """Both of the above."""
    return {**values(student, **given), **gradient(student, **given)}


def in_both_precisions(student: Student, **given: Tensor | float | str) -> dict[str, Tensor]:
    """The same, and named ``double_…`` for float64 copies of the embeddings."""
    double = given | {name: x.double() for name, x in embeddings(given).items()}
    twice = values_and_gradient(student, **double)
    return {**values_and_gradient(student, **given), **{f"double_{name}": found for name, found in twice.items()}}


def conduct(
    student: Student, function: str, arguments: str, parts: str = "loss", **given: Tensor | float
) -> dict[str, Tensor]:
    """What ``side_effects`` returns, of all parts for the first batch in one vector; ``value_other``: of other numbers."""
    inputs = batches(given)["a"]
    tensors = {name: x for name, x in inputs.items() if isinstance(x, Tensor)}

    def call(**copies: Tensor) -> Tensor:
        called = _called(student[function], function, arguments, parts, {**inputs, **copies})
        return torch.cat([_number(part, name, function).flatten() for name, part in called.items()])

    effects = side_effects(call, tensors)
    other = {name: x + x.flip(0).sin() / 4 for name, x in embeddings(inputs).items()}
    with global_state_kept():
        return {**effects, "value_other": call(**_copies(tensors | other))}


def _called(
    loss: Callable, function: str, arguments: str, parts: str, inputs: Mapping[str, object]
) -> dict[str, object]:
    """The parts that a loss returns by name."""
    names, wanted = arguments.split(), tuple(parts.split())
    further = {name: x for name, x in inputs.items() if name not in names}
    returned = loss(*(inputs[name] for name in names), **further)
    if len(wanted) > 1:
        returned = parts_of(returned, wanted, f"What {function} returns")
    return dict(zip(wanted, returned if len(wanted) > 1 else (returned,), strict=True))


def _copies(inputs: Mapping[str, object]) -> dict[str, object]:
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in inputs.items()}


def _number(part: object, name: str, function: str) -> Tensor:
    return as_value(part, f"The {name} of {function}", torch.float32)
