"""Probes of q5, first half: ``train_one_epoch`` on a given small model, loader, optimiser, scheduler and loss.

Each test looks at one thing, so that one mistake costs what it is worth: the mean loss is taken at learning rate 0,
where it does not depend on the steps, and the model computes the same in train and in eval mode. The loss that is handed
over needs no steps and no noise, so nothing here is random.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.utils.data import DataLoader, TensorDataset

from autograder.questions.probing import Graphs, as_number, global_state_kept, optimizer_and_scheduler

__all__ = ["epoch_conduct", "epoch_mean_loss", "epoch_parameters"]


class LabelsMissing(TypeError):
    """The loss was called without labels."""


class GivenNetwork(nn.Module):
    """(n, 2, 2, 2) -> (n, 8); notes the mode and the images of every forward. 76 parameters."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 4)
        self.outer = nn.Linear(4, 8)
        self.to(start.dtype)
        vector_to_parameters(start.clone(), self.parameters())
        self.code = start[:8].clone()
        self.forwarded = torch.zeros((), dtype=start.dtype)
        self.eval_forwards = 0
        self.no_grad_forwards = 0

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        self.forwarded += (flat.detach() @ self.code).square().sum()
        self.eval_forwards += not self.training
        self.no_grad_forwards += not torch.is_grad_enabled()
        return self.outer(torch.tanh(self.inner(flat)))


class GivenLoss:
    """Squared error of ``model(x0)`` to ``x0``, images weighted by their label; counts graphs of earlier calls."""

    def __init__(self) -> None:
        self.graphs = Graphs()
        self.most_alive = 0

    def __call__(self, model: nn.Module, x0: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is None:
            raise LabelsMissing("loss_fn was called without labels: it takes the model, the images and their labels")
        self.most_alive = max(self.most_alive, self.graphs.alive())
        errors = (model(x0) - x0.flatten(1)).square().mean(1)
        return self.graphs.mark((errors * (1 + labels.to(errors.dtype))).mean())


def _loader(images: Tensor, labels: Tensor, batch_size: int) -> DataLoader:
    """Batches (x0, labels) in order, the last one smaller. It draws from a generator of its own, not the global one."""
    return DataLoader(TensorDataset(images, labels), batch_size, generator=torch.Generator())


def epoch_mean_loss(
    student: Mapping[str, object], images: Tensor, labels: Tensor, start: Tensor, batch_size: int
) -> dict[str, Tensor]:
    """What ``train_one_epoch`` returns at learning rate 0.

    Args:
        images: (n, 2, 2, 2).
        labels: (n,) int64.
        start: parameters of ``GivenNetwork``, (76,).
    """
    model = GivenNetwork(start)
    optimizer, scheduler = optimizer_and_scheduler(model, 0.0, torch.ones(1))
    with global_state_kept():
        returned = student["train_one_epoch"](
            model, _loader(images, labels, batch_size), optimizer, scheduler, GivenLoss()
        )
    return {"mean_loss": as_number(returned, start.dtype, "What train_one_epoch returns")}


def epoch_parameters(
    student: Mapping[str, object],
    images: Tensor,
    labels: Tensor,
    start: Tensor,
    batch_size: int,
    lr: float,
    factors: Tensor,
) -> dict[str, Tensor]:
    """Parameters after one epoch under a learning rate that jumps from step to step, and the counts of steps."""
    model = GivenNetwork(start)
    model.train()
    optimizer, scheduler = optimizer_and_scheduler(model, lr, factors)
    steps: list[int] = []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    loader = _loader(images, labels, batch_size)
    with global_state_kept():
        student["train_one_epoch"](model, loader, optimizer, scheduler, GivenLoss(), device=torch.device("cpu"))
    return {
        "optimizer_steps": torch.tensor(len(steps)),
        "parameters": parameters_to_vector(model.parameters()).detach(),
        "scheduler_steps": torch.tensor(scheduler.last_epoch),
    }


def epoch_conduct(
    student: Mapping[str, object], images: Tensor, labels: Tensor, start: Tensor, batch_size: int
) -> dict[str, Tensor]:
    """What an epoch does beside training, for a model that is handed over in eval mode.

    Returns:
        ``forwarded``: a sum over all images that went through the model, 0-d.
        ``eval_forwards``, ``no_grad_forwards``: how many forwards ran in eval mode, or without gradients.
        ``graphs_alive``: graphs of earlier batches in memory when a loss is computed, the most.
        ``graphs_returned``: the same when the epoch has returned.
        ``rng_bytes``: how many bytes of torch's global random state the epoch changed.
    """
    model, loss = GivenNetwork(start), GivenLoss()
    optimizer, scheduler = optimizer_and_scheduler(model, 0.01, torch.ones(1))
    model.eval()
    loader = _loader(images, labels, batch_size)
    with global_state_kept():
        torch.manual_seed(1)
        state = torch.get_rng_state()
        returned = student["train_one_epoch"](model, loader, optimizer, scheduler, loss, "cpu")
        rng_bytes = (torch.get_rng_state() != state).sum()
    alive = loss.graphs.alive()
    del returned  # held until here: a returned graph counts
    return {
        "forwarded": model.forwarded,
        "eval_forwards": torch.tensor(model.eval_forwards),
        "no_grad_forwards": torch.tensor(model.no_grad_forwards),
        "graphs_alive": torch.tensor(float(loss.most_alive)),
        "graphs_returned": torch.tensor(float(alive)),
        "rng_bytes": rng_bytes,
    }
