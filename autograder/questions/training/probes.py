"""Probes of one epoch of training: a ``Loop`` says what a question hands to the student's function.

Each probe looks at one thing, so that one mistake costs what it is worth: the mean loss is taken at learning rate 0,
where it does not depend on the steps, and the model computes the same in train and in eval mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset

from autograder.questions.probing import Graphs, as_number, global_state_kept

Student = Mapping[str, Callable]

# By what a coded model multiplies its answer: (in train mode, with gradients) -> factor.
FACTORS = {(True, True): 1.0, (False, True): 1.4, (True, False): 2.0, (False, False): 2.8}


class GivenModel(nn.Module):
    """A small model that computes the same in both modes, and counts its forwards by mode.

    Its named layers are attributes, filled from the vector ``start`` of all parameters. It applies them in turn with
    tanh between them, (n, ...) -> (n, outputs); a question whose model does something else overrides ``answer``.

    While ``coded`` is set, its answer shows in which mode it was computed: it is multiplied by one of ``FACTORS``, and
    kept in ``rows``, (n, outputs) for each forward. ``answers`` tells which of them a backward went through.
    """

    coded = False

    def __init__(self, start: Tensor, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.to(start.dtype)
        vector_to_parameters(start.clone(), self.parameters())
        self.rows: list[Tensor] = []
        self.answers = Graphs()
        self.forwards = self.eval_forwards = self.no_grad_forwards = 0

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        self.forwards += 1
        self.eval_forwards += not self.training
        self.no_grad_forwards += not torch.is_grad_enabled()
        return self._coded(x.flatten(1)) if self.coded else self.answer(x.flatten(1))

    def _coded(self, flat: Tensor) -> Tensor | tuple[Tensor, ...]:
        factor = FACTORS[self.training, torch.is_grad_enabled()]
        with torch.autocast(flat.device.type, enabled=False):  # the student's would leave too few digits
            answer = self.answer(flat.to(next(self.parameters()).dtype))
        parts = tuple(factor * part for part in (answer if isinstance(answer, tuple) else (answer,)))
        self.rows.append(parts[-1].detach().float())
        parts = (*parts[:-1], self.answers.mark(parts[-1]))
        return parts if isinstance(answer, tuple) else parts[0]

    def answer(self, flat: Tensor) -> Tensor | tuple[Tensor, ...]:
        """What the model returns for inputs (n, features)."""
        first, *later = self.children()
        value = first(flat)
        for layer in later:
            value = layer(torch.tanh(value))
        return value


class GivenLoss:
    """A loss that notes its values, and how many graphs of its earlier calls are in memory at any call, at most."""

    def __init__(self, loss: Callable[..., Tensor] | None) -> None:
        self.loss = loss
        self.graphs = Graphs()
        self.most_alive = 0
        self.values: list[tuple[float, int]] = []

    def __call__(self, *arguments: object, **named: object) -> Tensor:
        self.most_alive = max(self.most_alive, self.graphs.alive())
        value = self.loss(*arguments, **named)
        batch = next(x for x in (*arguments, *named.values()) if isinstance(x, Tensor))
        self.values.append((value.item(), len(batch)))
        return self.graphs.mark(value)

    def calls(self) -> list[tuple[float, int, bool]]:
        """For each call its value, the size of its batch, and whether a backward has gone through it."""
        return [(*call, reached) for call, reached in zip(self.values, self.graphs.reached(), strict=True)]


def optimizer_and_scheduler(model: nn.Module, lr: float, factors: Tensor) -> tuple[torch.optim.SGD, LambdaLR]:
    """Momentum SGD whose learning rate at step s is ``lr * factors[s]``; the last factor stays."""
    table = factors.tolist()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return optimizer, LambdaLR(optimizer, lambda step: table[min(step, len(table) - 1)])


@dataclass(frozen=True)
class Loop:
    """What a question hands to the student's ``function(model, loader, optimizer, scheduler[, loss_fn], device=...)``.

    ``model`` makes a ``GivenModel`` from its parameters and ``data`` a data set from a case's tensors. ``loss`` is the
    loss_fn, called as the question says; without one the student's function computes its own.
    """

    function: str
    model: Callable[[Tensor], GivenModel]
    data: Callable[..., Dataset]
    loss: Callable[..., Tensor] | None = None

    def loader(self, batch_size: int, **data: Tensor) -> DataLoader:
        """Batches in order, the last one smaller. It draws from a generator of its own, not the global one."""
        return DataLoader(self.data(**data), batch_size, generator=torch.Generator())

    def mean_loss(self, student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
        """What the function returns at learning rate 0, where it does not depend on the steps, and while it learns.

        Returns:
            ``mean_loss``: at learning rate 0; ``mean_loss_in_training``: at another; 0-d each.
            ``losses``: of the latter, for each call of the loss its value, the size of its batch, and 1 if a backward went
                through it, (calls, 3).
        """
        dtype, what = inputs["start"].dtype, f"What {self.function} returns"
        still, _ = self.run(student, **inputs, lr=0.0)
        moving, outputs = self.run(student, **inputs, lr=0.1)
        return {
            "mean_loss": as_number(still, dtype, what),
            "mean_loss_in_training": as_number(moving, dtype, what),
            "losses": outputs["losses"],
        }

    def parameters(self, student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
        """The outputs of ``run`` for a model that is handed over in train mode, with a device that is no string."""
        return self.run(student, **inputs, device=torch.device("cpu"))[1]

    def side_effects(self, student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
        """The outputs of ``run`` for a coded model that is handed over in eval mode, at learning rate 0, and its ``rows``.

        The global seed is one that students do not use: their own would leave the random state as it is.
        """
        with global_state_kept():
            torch.manual_seed(7919)
            return self.run(student, **inputs, lr=0.0, training=False, device="cpu", coded=True)[1]

    def run(
        self,
        student: Student,
        start: Tensor,
        batch_size: int,
        lr: float = 0.01,
        factors: Tensor | None = None,
        training: bool = True,
        device: torch.device | str | None = None,
        coded: bool = False,
        **data: Tensor,
    ) -> tuple[object, dict[str, Tensor]]:
        """Run one epoch: what the function returned, and what it did.

        Args:
            start: all parameters of the model, (parameters,).
            lr, factors: the learning rate at step s is ``lr * factors[s]``; constant without factors.
            training: the mode in which the model is handed over.
            device: handed over by name; None leaves it to the function's default.
            coded: whether the model's answers show the mode, see ``GivenModel``.
            data: the tensors that ``self.data`` takes.

        Returns:
            ``parameters``: after the epoch, (parameters,).
            ``optimizer_steps``, ``scheduler_steps``: how many there were.
            ``rows``: what a coded model answered, (images in all forwards, outputs); else empty. ``rows_learnt_from``:
                whether a backward went through them, (images in all forwards,).
            ``losses``: the calls of the loss, see ``mean_loss``; empty without one.
            ``eval_forwards``, ``no_grad_forwards``: how many forwards ran in eval mode, or without gradients.
            ``graphs_alive``: graphs of earlier batches in memory when a loss is computed, the most.
            ``graphs_returned``: the same when the epoch has returned.
            ``rng_before``, ``rng_after``: torch's global random state around the epoch.
        """
        model = self.model(start).train(training)
        model.coded = coded
        optimizer, scheduler = optimizer_and_scheduler(model, lr, torch.ones(1) if factors is None else factors)
        steps: list[int] = []
        optimizer.register_step_post_hook(lambda *_: steps.append(1))
        loss = GivenLoss(self.loss)
        given = (model, self.loader(batch_size, **data), optimizer, scheduler, *([loss] if self.loss else []))
        with global_state_kept():
            before = torch.get_rng_state()
            returned = student[self.function](*given, **({"device": device} if device else {}))
            after = torch.get_rng_state()
        return returned, {  # a returned graph is held until here, and counts
            "parameters": parameters_to_vector(model.parameters()).detach(),
            "optimizer_steps": torch.tensor(len(steps)),
            "scheduler_steps": torch.tensor(scheduler.last_epoch),
            "rows": torch.cat(model.rows) if model.rows else torch.empty(0, 1),
            "rows_learnt_from": torch.tensor(
                [reached for rows, reached in zip(model.rows, model.answers.reached()) for _ in rows], dtype=torch.bool
            ),
            "losses": torch.tensor(loss.calls(), dtype=torch.float64).view(-1, 3),
            "eval_forwards": torch.tensor(model.eval_forwards),
            "no_grad_forwards": torch.tensor(model.no_grad_forwards),
            "graphs_alive": torch.tensor(float(loss.most_alive)),
            "graphs_returned": torch.tensor(float(loss.graphs.alive())),
            "rng_before": before,
            "rng_after": after,
        }
