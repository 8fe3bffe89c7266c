"""What the probes of the assignment share: losses of several tensors, a small encoder, and stand-ins.

A case of a loss holds several batches; the name of an input ends in the letter of its batch: ``p_a``, ``z_a``, ``p_b`` …

The stand-ins are no answers: each is some other function of all arguments of the name that it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from autograder.questions.probing import as_value, described, global_state_kept, gradients, holding, tracked
from autograder.questions.side_effects.probes import side_effects

Student = Mapping[str, Callable]
INCOMING = 8.0  # gradients are taken of a multiple of the loss: a backward by hand may forget what comes in
ARGUMENTS = {
    "negative_cosine": ("p", "z"),
    "simsiam_loss": ("p1", "p2", "z1", "z2"),
    "vicreg_loss": ("z1", "z2"),
    "byol_loss": ("p1", "p2", "t1", "t2"),
    "directed_loss": ("p_heavy", "z_heavy", "p1", "p2", "z1", "z2"),
}
PARTS = {"vicreg_loss": ("loss", "invariance", "variance", "covariance")}  # the others return the loss alone


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


def values(student: Student, function: str, **given: Tensor | float) -> dict[str, Tensor]:
    """``<part>_<batch>``: what the loss returns for each batch, in the dtype of its inputs. Numbers become 0-d tensors."""
    found = {}
    for letter, inputs in batches(given).items():
        with global_state_kept():
            parts = _call(student[function], function, _copies(inputs))
        dtype = inputs[ARGUMENTS[function][0]].dtype
        found |= {f"{name}_{letter}": _number(part, name, function).to(dtype) for name, part in parts.items()}
    return found


def gradient(student: Student, function: str, **given: Tensor | float) -> dict[str, Tensor]:
    """``gradient_<input>_<batch>``: gradients of the loss to each input, zeros where none arrives.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.gradients``.
    """
    return {
        f"gradient_{name}_{letter}": found
        for letter, inputs in batches(given).items()
        for name, found in loss_and_gradients(student[function], function, inputs)[1].items()
    }


def values_and_gradient(student: Student, function: str, **given: Tensor | float) -> dict[str, Tensor]:
    """Both of the above."""
    return {**values(student, function, **given), **gradient(student, function, **given)}


def in_both_precisions(student: Student, function: str, **given: Tensor | float) -> dict[str, Tensor]:
    """The same, and named ``double_…`` for float64 copies of the inputs."""
    double = {name: value.double() if isinstance(value, Tensor) else value for name, value in given.items()}
    return {
        **values_and_gradient(student, function, **given),
        **{f"double_{name}": found for name, found in values_and_gradient(student, function, **double).items()},
    }


def loss_and_gradients(
    loss_function: Callable, function: str, inputs: Mapping[str, object]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of one batch without its graph, and its gradient to each input. ``function`` tells the arguments.

    Raises as ``gradient`` does.
    """
    pairs = {name: tracked(inputs[name]) for name in ARGUMENTS[function]}
    with global_state_kept():
        torch.set_grad_enabled(True)
        loss = _call(loss_function, function, {**inputs, **{name: one for name, (one, _) in pairs.items()}})["loss"]
        torch.set_grad_enabled(True)
        arrived = gradients(loss, function, "its inputs", [edge for _, edge in pairs.values()], INCOMING)
    return loss.detach(), {
        name: torch.zeros_like(inputs[name]) if found is None else found.to(inputs[name].dtype) / INCOMING
        for name, found in zip(pairs, arrived, strict=True)
    }


def conduct(student: Student, function: str, **given: Tensor | float) -> dict[str, Tensor]:
    """What ``side_effects`` returns, of all results for the first batch in one vector; ``value_other``: the loss of other
    numbers, 0-d."""
    inputs = batches(given)["a"]
    tensors = {name: inputs[name] for name in ARGUMENTS[function]}

    def call(**copies: Tensor) -> Tensor:
        parts = _call(student[function], function, {**inputs, **copies})
        return torch.cat([_number(part, name, function).flatten() for name, part in parts.items()])

    effects = side_effects(call, tensors)
    with global_state_kept():
        return {**effects, "value_other": call(**{name: tensor.flip(0).sin() for name, tensor in tensors.items()})}


def _call(loss_function: Callable, function: str, inputs: Mapping[str, object]) -> dict[str, object]:
    """The parts that a loss returns by name. Inputs that are not in ``ARGUMENTS`` are settings."""
    settings = {name: value for name, value in inputs.items() if name not in ARGUMENTS[function]}
    returned = loss_function(*(inputs[name] for name in ARGUMENTS[function]), **settings)
    names = PARTS.get(function)
    if not names:
        return {"loss": returned}
    return dict(zip(names, parts_of(returned, names, f"What {function} returns"), strict=True))


def _copies(inputs: Mapping[str, object]) -> dict[str, object]:
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in inputs.items()}


def _number(part: object, name: str, function: str) -> Tensor:
    return as_value(part, f"The {name} of {function}", torch.float32)


class GivenEncoder(nn.Module):
    """(n, ...) with ``features`` numbers a row -> (n, width), by one layer and tanh."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.width, self.layer = width, nn.Linear(features, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.layer(x.flatten(1)))


def other_negative_cosine(p: Tensor, z: Tensor) -> Tensor:
    """A stand-in for ``negative_cosine``; no gradient to z."""
    z = z.detach()
    return (torch.sin(p) * (2 + z) + 0.3 * z).mean()


def other_simsiam_loss(p1: Tensor, p2: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
    """A stand-in for ``simsiam_loss``; no gradient to z1 and z2."""
    return (torch.tanh(p1) * (1 + z2.detach()) - 2 * torch.sin(p2) * (3 - z1.detach())).mean()


OTHER_LOSSES = {"negative_cosine": other_negative_cosine, "simsiam_loss": other_simsiam_loss}


class OtherSimSiam(nn.Module):
    """A stand-in for ``SimSiam``, with the same attributes."""

    def __init__(self, encoder: nn.Module, width: int = 512, bottleneck: int = 128) -> None:
        super().__init__()
        self.encoder, self.projector = encoder, nn.Linear(encoder.width, width, bias=False)
        self.predictor = nn.Sequential(
            nn.Linear(width, bottleneck, bias=False), nn.Tanh(), nn.Linear(bottleneck, width, bias=False)
        )

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        z1, z2 = (torch.sin(self.projector(self.encoder(x))) for x in (x1, x2))
        return self.predictor(z1), self.predictor(z2), z1, z2
