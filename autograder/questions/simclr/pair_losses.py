"""What the losses over two views share: drawing of embeddings, the conduct test, mistakes that any of them can hold."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from autograder.questions.model import Close, Exact, Misconception, Test

PairLoss = Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]


def norms_between(low: float, high: float, count: int) -> torch.Tensor:
    """``count`` lengths from ``low`` to ``high``, evenly spaced in their logarithm: (count, 1)."""
    return torch.logspace(math.log10(low), math.log10(high), count).unsqueeze(1)


def unit_rows(generator: torch.Generator, n: int, d: int) -> torch.Tensor:
    """Rows of length 1 in random directions: (n, d)."""
    return torch.nn.functional.normalize(torch.randn(n, d, generator=generator))


def unit_rows_near(rows: torch.Tensor, spread: float, generator: torch.Generator) -> torch.Tensor:
    """Second views: unit rows whose tangent of the angle to ``rows`` is about ``spread``."""
    noise = torch.randn(rows.shape, generator=generator) / math.sqrt(rows.shape[1])
    return torch.nn.functional.normalize(rows + spread * noise)


def conduct_test(cases: tuple[str, ...], value: Close) -> Test:
    """Inputs, random state and default dtype stay as they are; the value depends on none of the global ones."""
    return Test(
        id="conduct",
        title="leaves inputs and global state alone",
        probe="pair_loss_conduct",
        cases=cases,
        outputs={
            "input_a": Exact("float32", "The function changes its first input in place; compute on a new tensor"),
            "input_b": Exact("float32", "The function changes its second input in place; compute on a new tensor"),
            "rng_bytes": Exact(advice="The function seeds or draws from torch's global random generator"),
            "default_is_float64": Exact(advice="The function changes torch's default dtype"),
            "value_seed_1": value,
            "value_seed_2": value,
            "value_default_float64": value,
        },
    )


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
