"""Probes of q7: distances and their gradients, and projections, of the inputs of several batches: ``u_a``, ``v_a``, ``M_a`` …"""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.questions import probing
from autograder.questions.losses.probes import INCOMING, Student, batches
from autograder.questions.probing import as_tensor, global_state_kept, tracked


def _kept(call, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """What ``call`` returns for each batch of copies, ``after_<input>``, and torch's global random state around all calls."""
    copies = {name: tensor.clone() for name, tensor in given.items()}
    found = {"rng_before": torch.get_rng_state()}
    with global_state_kept():
        for letter, inputs in batches(copies).items():
            found |= call(letter, inputs)
        found["rng_after"] = torch.get_rng_state()
    return {**found, **{f"after_{name}": tensor for name, tensor in copies.items()}}


def distances(student: Student, **given: Tensor) -> dict[str, Tensor]:
    """``distance_<batch>``: what ``mahalanobis`` returns, (n,), and what ``_kept`` returns."""

    def call(letter: str, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        found = student["mahalanobis"](inputs["u"], inputs["v"], inputs["M"])
        return {f"distance_{letter}": as_tensor(found, "What mahalanobis returns")}

    return _kept(call, given)


def gradients(student: Student, **given: Tensor) -> dict[str, Tensor]:
    """``gradient_u_<batch>``, ``gradient_v_<batch>``: those of a weighted sum of the distances, zeros where none arrives.

    Raises:
        NoTensor, LostGradient, BrokenBackward: as ``probing.gradients``.
    """
    found = {}
    for letter, inputs in batches(given).items():
        (u, of_u), (v, of_v) = tracked(inputs["u"]), tracked(inputs["v"])
        with global_state_kept():
            torch.set_grad_enabled(True)
            each = student["mahalanobis"](u, v, inputs["M"].clone())
            as_tensor(each, "What mahalanobis returns")
            weighted = (each * torch.arange(1, 1 + len(u), dtype=u.dtype)).sum() if each.ndim else each
            arrived = probing.gradients(weighted, "mahalanobis", "u and v", (of_u, of_v), INCOMING)
        for name, one in zip("uv", arrived, strict=True):
            found[f"gradient_{name}_{letter}"] = torch.zeros_like(u) if one is None else one.to(u.dtype) / INCOMING
    return found


def projections(student: Student, **given: Tensor) -> dict[str, Tensor]:
    """``nearest_<batch>``: what ``project_psd`` returns, (d, d), and what ``_kept`` returns."""

    def call(letter: str, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {f"nearest_{letter}": as_tensor(student["project_psd"](inputs["M"]), "What project_psd returns")}

    return _kept(call, given)
