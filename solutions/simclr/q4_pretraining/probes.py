"""Probes of q4: ``train_one_epoch`` on a given small model, loader, optimiser, scheduler and loss.

Each test looks at one thing, so that one mistake costs what it is worth: the mean loss is taken at learning rate 0,
where it does not depend on the steps, and the model computes the same in train and in eval mode.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.utils.data import DataLoader

from autograder.questions.probing import Graphs, as_number, optimizer_and_scheduler


class GivenSimCLR(nn.Module):
    """(n, 3, 2, 2) -> h (n, 5), z (n, 4); notes the mode and the images of every forward. 89 parameters."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.encoder = nn.Linear(12, 5)
        self.projector = nn.Linear(5, 4)
        self.to(start.dtype)
        vector_to_parameters(start.clone(), self.parameters())
        self.code = start[:12].clone()
        self.forwarded = torch.zeros((), dtype=start.dtype)
        self.eval_forwards = 0
        self.no_grad_forwards = 0

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.forwarded += (x.detach().flatten(1).to(self.code) @ self.code).square().sum()
        self.eval_forwards += not self.training
        self.no_grad_forwards += not torch.is_grad_enabled()
        h = torch.tanh(self.encoder(x.flatten(1)))
        return h, self.projector(h)


class GivenLoss:
    """A loss of pairs, the same for exchanged arguments; counts the graphs of its calls that are still alive."""

    def __init__(self) -> None:
        self.graphs = Graphs()
        self.most_alive = 0

    def __call__(self, z_i: Tensor, z_j: Tensor) -> Tensor:
        self.most_alive = max(self.most_alive, self.graphs.alive())
        distance = (z_i - z_j).square().sum(1).mean()
        spread = (z_i.square().sum(1) * z_j.square().sum(1)).mean()
        return self.graphs.mark(distance + 0.1 * spread)


def _pair_loader(views_i: Tensor, views_j: Tensor, batch_size: int) -> DataLoader:
    """Batches ((x_i, x_j), labels) in order, the last one smaller."""
    items = [((x_i, x_j), k % 10) for k, (x_i, x_j) in enumerate(zip(views_i, views_j, strict=True))]
    return DataLoader(items, batch_size)


def train_mean_loss(
    student: Mapping[str, object], views_i: Tensor, views_j: Tensor, start: Tensor, batch_size: int
) -> dict[str, Tensor]:
    """What ``train_one_epoch`` returns at learning rate 0.

    Args:
        views_i, views_j: (n, 3, 2, 2).
        start: parameters of ``GivenSimCLR``, (89,).
    """
    model = GivenSimCLR(start)
    optimizer, scheduler = optimizer_and_scheduler(model, 0.0, torch.ones(1))
    loader = _pair_loader(views_i, views_j, batch_size)
    returned = student["train_one_epoch"](model, loader, optimizer, scheduler, GivenLoss())
    return {"mean_loss": as_number(returned, start.dtype, "What train_one_epoch returns")}


def train_parameters(
    student: Mapping[str, object],
    views_i: Tensor,
    views_j: Tensor,
    start: Tensor,
    batch_size: int,
    lr: float,
    factors: Tensor,
) -> dict[str, Tensor]:
    """Parameters after one epoch under a learning rate that jumps from step to step, and the counts of steps."""
    model = GivenSimCLR(start)
    model.train()
    optimizer, scheduler = optimizer_and_scheduler(model, lr, factors)
    loader = _pair_loader(views_i, views_j, batch_size)
    steps: list[int] = []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    student["train_one_epoch"](model, loader, optimizer, scheduler, GivenLoss(), device=torch.device("cpu"))
    return {
        "optimizer_steps": torch.tensor(len(steps)),
        "parameters": parameters_to_vector(model.parameters()).detach(),
        "scheduler_steps": torch.tensor(scheduler.last_epoch),
    }


def train_mode(
    student: Mapping[str, object], views_i: Tensor, views_j: Tensor, start: Tensor, batch_size: int
) -> dict[str, Tensor]:
    """How many forwards ran in eval mode or without gradients, for a model that is handed over in eval mode.

    Both views are the same, so that a loop that takes one of them twice has forwarded what it should.
    """
    model = GivenSimCLR(start)
    optimizer, scheduler = optimizer_and_scheduler(model, 0.01, torch.ones(1))
    model.eval()
    student["train_one_epoch"](
        model, _pair_loader(views_i, views_i, batch_size), optimizer, scheduler, GivenLoss(), device="cpu"
    )
    return {
        "forwarded": model.forwarded,
        "eval_forwards": torch.tensor(model.eval_forwards),
        "no_grad_forwards": torch.tensor(model.no_grad_forwards),
    }


def train_memory(
    student: Mapping[str, object], views_i: Tensor, views_j: Tensor, start: Tensor, batch_size: int
) -> dict[str, Tensor]:
    """Graphs of earlier batches alive when a loss is computed (the most), and when the epoch has returned.

    Both views are the same, as in ``train_mode``.
    """
    model, loss = GivenSimCLR(start), GivenLoss()
    model.train()
    optimizer, scheduler = optimizer_and_scheduler(model, 0.01, torch.ones(1))
    loader = _pair_loader(views_i, views_i, batch_size)
    returned = student["train_one_epoch"](model, loader, optimizer, scheduler, loss, "cpu")
    alive = loss.graphs.alive()
    del returned  # held until here: a returned graph counts
    return {
        "forwarded": model.forwarded,
        "graphs_alive": torch.tensor(float(loss.most_alive)),
        "graphs_returned": torch.tensor(float(alive)),
    }
