"""Probes of q3: ``vae_loss`` of given logits, images, means and log variances."""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.questions.probing import as_tensor, as_value, global_state_kept, gradients, tracked
from autograder.questions.side_effects.probes import side_effects, without_gradients

from ..probes import Student, three

PARTS, GRADIENT_TO = ("loss", "reconstruction", "kl"), ("logits", "mu", "logvar")


def _parts(student: Student, given: dict[str, Tensor], beta: float | None) -> tuple:
    """What ``vae_loss`` returns; without ``beta`` it takes its own. Raises NotThree."""
    inputs = [given[name] for name in ("logits", "x", "mu", "logvar")]
    returned = student["vae_loss"](*inputs, **({} if beta is None else {"beta": beta}))
    return three(returned, "What vae_loss returns", "(loss, reconstruction, kl)")


def values(student: Student, beta: float | None = None, **given: Tensor) -> dict[str, Tensor]:
    """``loss``, ``reconstruction``, ``kl``, in the dtype of the inputs. Numbers are taken as 0-d tensors.

    Args:
        given: logits and x, (n, ...); mu and logvar, (n, d).
    """
    dtype = given["logits"].dtype
    with global_state_kept():
        torch.manual_seed(0)
        parts = _parts(student, {name: tensor.clone() for name, tensor in given.items()}, beta)
    return {name: as_value(part, f"The {name} of vae_loss", dtype).to(dtype) for name, part in zip(PARTS, parts)}


def gradient(student: Student, beta: float | None = None, **given: Tensor) -> dict[str, Tensor]:
    """``gradient_logits``, ``gradient_mu``, ``gradient_logvar`` of the loss, zeros where none arrives.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.gradients``.
    """
    pairs = {name: tracked(given[name]) for name in GRADIENT_TO}
    with global_state_kept():
        torch.manual_seed(0)
        loss, *_ = _parts(student, {"x": given["x"].clone(), **{name: one for name, (one, _) in pairs.items()}}, beta)
        torch.set_grad_enabled(True)
        arrived = gradients(loss, "vae_loss", "its inputs", [edge for _, edge in pairs.values()])
    return {
        f"gradient_{name}": torch.zeros_like(given[name]) if found is None else found.to(given[name].dtype)
        for name, found in zip(GRADIENT_TO, arrived, strict=True)
    }


def conduct(student: Student, beta: float, **given: Tensor) -> dict[str, Tensor]:
    """What ``side_effects`` and ``without_gradients`` return, of the three results in one vector.

    ``loss``, ``reconstruction``, ``kl``: as the function returns them, for other inputs; a number is of their dtype.
    """

    def call(**copies: Tensor) -> Tensor:
        parts = [
            as_value(part, "A part of what vae_loss returns", torch.float32) for part in _parts(student, copies, beta)
        ]
        return torch.cat([part.flatten() for part in parts])

    effects = {**side_effects(call, given), **without_gradients(call, given)}
    with global_state_kept():
        other = _parts(student, {name: 0.5 * tensor for name, tensor in given.items()}, beta)
    dtype = given["logits"].dtype
    return {
        **effects,
        **{name: as_value(part, "A part of what vae_loss returns", dtype) for name, part in zip(PARTS, other)},
    }
