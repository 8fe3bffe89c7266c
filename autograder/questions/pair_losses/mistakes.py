"""Mistakes that any loss of two batches can hold, around a correct formula."""

from __future__ import annotations

from collections.abc import Callable

import torch

from autograder.questions.model import Misconception

PairLoss = Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]


def misconceptions(name: str, hints: dict[PairLoss, str]) -> tuple[Misconception, ...]:
    """One misconception per wrong implementation of ``name``; its id is the function's own name."""
    return tuple(Misconception(wrong.__name__, hint, {name: wrong}) for wrong, hint in hints.items())


def answer_misconceptions(name: str, first: str, second: str, right: PairLoss) -> tuple[Misconception, ...]:
    """Mistakes around a right formula that show in the answer of ``name(first, second, parameter)``."""

    def first_detached(a, b, parameter):
        return right(a.detach(), b, parameter)

    def second_detached(a, b, parameter):
        return right(a, b.detach(), parameter)

    def graph_lost(a, b, parameter):
        return torch.tensor(right(a, b, parameter).item(), dtype=a.dtype)

    def negated(a, b, parameter):
        return -right(a, b, parameter)

    def one_element_vector(a, b, parameter):
        return right(a, b, parameter).reshape(1)

    def float64_result(a, b, parameter):
        return right(a.double(), b.double(), parameter)

    hints = {
        first_detached: f"No gradient reaches {first}: that branch is detached. Both views train the encoder.",
        second_detached: f"No gradient reaches {second}: that branch is detached. Both views train the encoder.",
        graph_lost: (
            "Backward finds no way from the loss to the embeddings: somewhere it becomes a plain number (.item(), "
            "float(), .numpy(), torch.tensor(...), torch.no_grad())."
        ),
        negated: "The sign is flipped: training would drive the views of an image apart.",
        one_element_vector: "The loss has shape (1,); a 0-d tensor is asked, so look at keepdim and reshape.",
        float64_result: "The loss of float32 embeddings comes back as float64; keep the dtype of the inputs.",
    }
    return misconceptions(name, hints)


def conduct_misconceptions(name: str, right: PairLoss) -> tuple[Misconception, ...]:
    """Mistakes around a right formula that only the conduct test shows."""

    def sets_default_dtype(a, b, parameter):
        torch.set_default_dtype(torch.float64)
        return right(a, b, parameter)

    def seeds(a, b, parameter):
        torch.manual_seed(0)
        return right(a, b, parameter)

    hints = {
        sets_default_dtype: "The function changes torch's default dtype for everything that runs after it.",
        seeds: "The function seeds torch's global generator, so every later random draw of the notebook repeats.",
    }
    return misconceptions(name, hints)
