"""Mistakes that any loss of two batches can hold, around a correct formula."""

from __future__ import annotations

from collections.abc import Callable

import torch

from autograder.questions.model import Misconception
from autograder.questions.side_effects import mistakes as side_effects

PairLoss = Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]

BROKEN_BACKWARD = (
    "backward() of your loss raises an error. Most often a tensor that autograd still needs, such as an input or the output "
    "of exp, was written to in place."
)
_DETACHED = "You detach {}, so no gradient reaches it. Both views train the encoder."
_BACKWARD = "Your own backward {}, which is wrong unless you take the gradient of one loss alone: {}."


def misconceptions(function: str, first: str, second: str, correct: PairLoss) -> tuple[Misconception, ...]:
    """Mistakes around a ``correct`` loss that show in the answer of ``function(first, second, parameter)``."""
    wrong = (
        ("first_detached", lambda a, b, parameter: correct(a.detach(), b, parameter), _DETACHED.format(first)),
        ("second_detached", lambda a, b, parameter: correct(a, b.detach(), parameter), _DETACHED.format(second)),
        (
            "graph_lost",
            lambda a, b, parameter: correct(a, b, parameter).detach(),
            "Backward finds no way from the loss to the embeddings: you turn a tensor into a plain number on the way "
            "(.item(), float(), .numpy(), torch.tensor(...), torch.no_grad()).",
        ),
        (
            "incoming_gradient_forgotten",
            _by_hand(correct, lambda saved, last, incoming: saved),
            _BACKWARD.format("forgets the gradient that comes in", "multiply by it"),
        ),
        (
            "backward_of_the_last_call",
            _by_hand(correct, lambda saved, last, incoming: [incoming * gradient for gradient in last]),
            _BACKWARD.format("uses what the last call stored", "keep tensors in ctx"),
        ),
        (
            "negated",
            lambda a, b, parameter: -correct(a, b, parameter),
            "You flip the sign of the loss: training would drive the views of an image apart.",
        ),
        (
            "one_element_vector",
            lambda a, b, parameter: correct(a, b, parameter).reshape(1),
            "Your loss has shape (1,). Return a 0-d tensor; check keepdim and reshape.",
        ),
    )
    return (
        *(Misconception(id, hint, {function: loss}) for id, loss, hint in wrong),
        *side_effects.misconceptions(function, {function: correct}, {"float64_result": "float64"}),
    )


def _by_hand(correct: PairLoss, gradients: Callable) -> PairLoss:
    """``correct`` with a backward by hand: ``gradients`` of those of the call, those of the last call, and what comes in."""

    class ByHand(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b, parameter):
            with torch.enable_grad():
                a, b = (x.detach().requires_grad_() for x in (a, b))
                loss = correct(a, b, parameter)
            ByHand.last = torch.autograd.grad(loss, (a, b))
            ctx.save_for_backward(*ByHand.last)
            return loss.detach()

        @staticmethod
        def backward(ctx, incoming):
            return (*gradients(ctx.saved_tensors, ByHand.last, incoming), None)

    return ByHand.apply
