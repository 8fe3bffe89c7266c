"""Probes of q5: what ``variant`` makes of a small given encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.questions.losses.probes import Student, loss_and_gradients
from autograder.questions.probing import global_state_kept, pair

from ..probes import ARGUMENTS, GivenEncoder
from ..q2_network.probes import fill, results

NAMES = ("full", "no stop-gradient", "identity predictor", "double width")
UNKNOWN = ("no projector", "half width", "")
FEATURES = 4


def _variant(student: Student, name: str, pixels: int = 12, width: int = 6, bottleneck: int = 3) -> tuple:
    """Model and loss of a variant. The global seed is fixed. Raises NotAPair."""
    torch.manual_seed(7919)
    made = student["variant"](name, GivenEncoder(pixels, FEATURES), width, bottleneck)
    return pair(made, f"what variant returns for {name!r}", "(model, loss_function)")


def networks(student: Student, x1: Tensor, x2: Tensor, width: int, bottleneck: int) -> dict[str, Tensor]:
    """What the model of each name returns in eval mode, with fixed weights, and how many of its parameters learn nothing.

    ``p1_<number>``, ``p2_…``, ``z1_…``, ``z2_…``, (n, width) each; ``frozen_<number>``: parameters that require no gradient.
    """
    found = {}
    with global_state_kept():
        for number, name in enumerate(NAMES):
            model: nn.Module = _variant(student, name, x1[0].numel(), width, bottleneck)[0].to(x1.dtype).eval()
            fill(lambda model=model: model(x1[:1], x2[:1]))
            with torch.no_grad():
                got = results(model, x1.clone(), x2.clone())
            found |= {f"{result}_{number}": tensor.detach() for result, tensor in got.items()}
            found[f"frozen_{number}"] = torch.tensor(sum(not one.requires_grad for one in model.parameters()))
    return found


def losses(student: Student, **given: Tensor) -> dict[str, Tensor]:
    """``loss_<number>``, ``gradient_p1_<number>`` …: the loss of each name, and its gradients.

    Raises:
        NoTensor, LostGradient, ValueError, BrokenBackward: as ``probing.gradients``.
    """
    found = {}
    for number, name in enumerate(NAMES):
        with global_state_kept():
            loss_function = _variant(student, name)[1]
        loss, gradients = loss_and_gradients(loss_function, "simsiam_loss", " ".join(ARGUMENTS["simsiam_loss"]), given)
        found[f"loss_{number}"] = loss.to(given["p1"].dtype)
        found |= {f"gradient_{argument}_{number}": gradient for argument, gradient in gradients.items()}
    return found


def errors(student: Student, unknown: int) -> dict[str, Tensor]:
    """``raised``: for each unknown name, 1 if ``variant`` raised a ValueError, 0 if it did not, (unknown,)."""
    raised = []
    with global_state_kept():
        for name in UNKNOWN[:unknown]:
            try:
                _variant(student, name)
                raised.append(0)
            except ValueError:
                raised.append(1)
    return {"raised": torch.tensor(raised)}
