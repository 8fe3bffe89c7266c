"""Mistakes that any loss of two batches can hold, around a correct formula."""

from __future__ import annotations

from collections.abc import Callable

import torch

from autograder.questions.model import Misconception
from autograder.questions.side_effects import mistakes as side_effects

PairLoss = Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]

_DETACHED = "You detach {}, so no gradient reaches it. Both views train the encoder."


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
