"""What the probes of the assignment share: calls of functions of tensors, a given model, and stand-ins.

The stand-ins are no answers: each is some other function of all arguments of the name that it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

from autograder.questions.probing import (
    LostGradient,
    as_tensor,
    described,
    global_state_kept,
    gradients,
    holding,
    tracked,
)
from autograder.questions.side_effects.probes import by_dtype, side_effects, without_gradients

Student = Mapping[str, Callable]
LATENT = 20  # the notebook's
ARGUMENTS = {  # in their order; the gradient is taken to those of the second row
    "reparameterize": (("mu", "logvar", "eps"), ("mu", "logvar")),
    "kl_divergence": (("mu", "logvar"), ("mu", "logvar")),
    "log_likelihood_bernoulli": (("logits", "x"), ("logits",)),
    "log_likelihood_normal": (("mu", "logvar", "x"), ("mu", "logvar", "x")),
    "log_mean_exp": (("y",), ("y",)),
}


class NotThree(TypeError):
    """Three things are needed and something else was returned."""


class WrongLatent(TypeError):
    """A given model did not get the rows that it needs."""


def value(student: Student, function: str, **given: Tensor) -> dict[str, Tensor]:
    """``value``: what a function of ``ARGUMENTS`` returns, in the dtype of its inputs.

    The global seed is fixed, so that noise which the function draws itself is recognised.
    """
    with global_state_kept():
        torch.manual_seed(0)
        returned = _call(student, function, {name: tensor.clone() for name, tensor in given.items()})
    result = as_tensor(returned, f"What {function} returns")
    return {"value": result.to(_first(given).dtype)}


def gradient(student: Student, function: str, weights: Tensor, **given: Tensor) -> dict[str, Tensor]:
    """``gradient_<name>``: gradients of the sum of ``weights`` times the result, zeros where none arrives.

    A result of another shape is read as that of ``weights``, or has its sum if it has more entries or fewer: only a test of
    the value speaks of shapes.

    Raises:
        NoTensor, LostGradient, BrokenBackward: as ``probing.gradients``.
    """
    return _value_and_gradient(student, function, weights, given)[1]


def value_and_gradient(student: Student, function: str, weights: Tensor, **given: Tensor) -> dict[str, Tensor]:
    """Both of the above. Raises as ``gradient`` does."""
    result, arrived = _value_and_gradient(student, function, weights, given)
    return {"value": result, **arrived}


def in_both_precisions(student: Student, function: str, weights: Tensor, **given: Tensor) -> dict[str, Tensor]:
    """The same, and named ``double_…`` for float64 copies of the inputs."""
    found = {}
    for prefix, dtype in (("", torch.float32), ("double_", torch.float64)):
        inputs = {name: tensor.to(dtype) for name, tensor in given.items()}
        result, arrived = _value_and_gradient(student, function, weights.to(dtype), inputs)
        found |= {prefix + name: tensor for name, tensor in {"value": result, **arrived}.items()}
    return found


def conduct(student: Student, function: str, **given: Tensor) -> dict[str, Tensor]:
    """What the function does beside computing its result: see ``side_effects`` and what stands beside it."""

    def call(**copies: Tensor) -> Tensor:
        return as_tensor(_call(student, function, copies), f"What {function} returns")

    return {**side_effects(call, given), **by_dtype(call, given), **without_gradients(call, given)}


def _value_and_gradient(
    student: Student, function: str, weights: Tensor, given: Mapping[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    to = ARGUMENTS[function][1]
    pairs = {name: tracked(given[name]) for name in to}
    with global_state_kept():
        torch.manual_seed(0)
        copies = {name: tensor.clone() for name, tensor in given.items() if name not in to}
        returned = _call(student, function, {**copies, **{name: one for name, (one, _) in pairs.items()}})
        result = as_tensor(returned, f"What {function} returns")
        torch.set_grad_enabled(True)
        if not returned.requires_grad:
            raise LostGradient(f"{function} returns a tensor that carries no gradient to its inputs")
        weighted = returned.reshape(weights.shape) * weights if result.numel() == weights.numel() else returned
        arrived = gradients(weighted.sum(), function, "its inputs", [edge for _, edge in pairs.values()])
    dtype = _first(given).dtype
    return result.to(dtype), {
        f"gradient_{name}": torch.zeros_like(given[name]) if found is None else found.to(dtype)
        for name, found in zip(to, arrived, strict=True)
    }


def _call(student: Student, function: str, given: Mapping[str, Tensor]) -> object:
    return student[function](*(given[name] for name in ARGUMENTS[function][0]))


def _first(given: Mapping[str, Tensor]) -> Tensor:
    return next(iter(given.values()))


class GivenEncoder(nn.Module):
    """x (n, ...) with ``pixels`` numbers a row -> mu (n, d), logvar (n, d), at most 3 in size. 2d(pixels + 1) parameters."""

    def __init__(self, pixels: int, d: int) -> None:
        super().__init__()
        self.latent, self.mu, self.logvar = d, nn.Linear(pixels, d), nn.Linear(pixels, d)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat = x.flatten(1)
        return self.mu(flat), 3 * torch.tanh(self.logvar(flat))


class GivenDecoder(nn.Module):
    """z (n, d) -> logits (n, *image). (d + 1) parameters a pixel."""

    def __init__(self, d: int, image: tuple[int, ...]) -> None:
        super().__init__()
        self.latent, self.image = d, tuple(image)
        self.logits = nn.Linear(d, torch.Size(image).numel())

    def forward(self, z: Tensor) -> Tensor:
        return self.logits(latent_rows(z, self.latent)).view(-1, *self.image)


def given_parts(start: Tensor, d: int, image: tuple[int, ...]) -> tuple[GivenEncoder, GivenDecoder]:
    """Encoder and decoder whose parameters are ``start``, (2d(pixels + 1) + pixels(d + 1),), in its dtype."""
    parts = nn.ModuleList([GivenEncoder(torch.Size(image).numel(), d), GivenDecoder(d, image)]).to(start.dtype)
    vector_to_parameters(start.clone(), parts.parameters())
    return parts[0], parts[1]


def parameters_of(d: int, image: tuple[int, ...]) -> int:
    """How many numbers ``given_parts`` takes."""
    return 2 * d * (torch.Size(image).numel() + 1) + torch.Size(image).numel() * (d + 1)


def three(answer: object, what: str, form: str) -> tuple:
    """The three parts of a tuple or list; ``what`` names it, ``form`` says how it should look. Raises NotThree."""
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        raise NotThree(f"{what} should be {form}; it is {described(answer)}{holding(answer)}")
    return tuple(answer)


def latent_rows(z: object, d: int) -> Tensor:
    """``z`` as rows (m, d), as the notebook's decoder takes it: (..., d) with one leading axis or more.

    Raises:
        WrongLatent: it is something else.
    """
    if not isinstance(z, Tensor) or z.ndim < 2 or z.shape[-1] != d:
        raise WrongLatent(f"the decoder gets {described(z)}; it needs a tensor of shape (rows, {d})")
    return z.reshape(-1, d)


def other_reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """A stand-in for ``reparameterize``."""
    return 0.5 * mu - 0.2 * logvar + 2 * eps


def other_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """A stand-in for ``kl_divergence``: (..., d) -> (...)."""
    return (torch.sin(mu) + 0.3 * logvar.square() * mu).mean(-1) + 4


def other_bernoulli(logits: Tensor, x: Tensor) -> Tensor:
    """A stand-in for ``log_likelihood_bernoulli``: (n, ...) -> (n,)."""
    return (torch.tanh(logits) * (2 - x) + x).flatten(1).mean(1) - 3


def other_normal(mu: Tensor, logvar: Tensor, x: Tensor) -> Tensor:
    """A stand-in for ``log_likelihood_normal``: (..., d) -> (...)."""
    return (torch.cos(x - 2 * mu) + 0.4 * logvar * x).mean(-1)


def other_log_mean_exp(y: Tensor) -> Tensor:
    """A stand-in for ``log_mean_exp``: (n, k) -> (n,)."""
    return torch.tanh(y / 3).mean(-1) + 0.1 * y[..., 0]


def other_loss(
    logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor, beta: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """A stand-in for ``vae_loss``, of the other log-likelihood and the other KL divergence."""
    reconstruction, kl = -other_bernoulli(logits, x).mean(), other_kl(mu, logvar).mean()
    return reconstruction + beta * kl, reconstruction, kl
