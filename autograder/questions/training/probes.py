"""Probes of one epoch of training: a ``Loop`` says what a question hands to the student's function.

Each probe looks at one thing, so that one mistake costs what it is worth: the mean loss is taken at learning rate 0,
where it does not depend on the steps, and the model computes the same in train and in eval mode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset

from autograder.questions.probing import Graphs, NotANumber, as_number, global_state_kept

Student = Mapping[str, Callable]

# By what a coded model multiplies its answer: (in train mode, with gradients) -> factor. The mode is None where only a
# part of the model is in train mode.
FACTORS = {
    (True, True): 1.0,
    (False, True): 1.4,
    (True, False): 2.0,
    (False, False): 2.8,
    (None, True): 4.0,
    (None, False): 5.6,
}


class GivenModel(nn.Module):
    """A small model that computes the same in both modes, and counts its forwards by mode.

    Its named layers are attributes, filled from the vector ``start`` of all parameters. It applies them in turn with
    tanh between them, (n, ...) -> (n, outputs); a question whose model does something else overrides ``answer``. It
    computes in the dtype of its parameters, also where student code has switched autocast on.

    It holds a dropout that drops nothing, and a batch norm whose result it does not use, so that code which leaves layers
    of these kinds in another mode is seen.

    Its answers are kept in ``rows``, (n, outputs) for each forward, and ``answers`` tells which of them a backward went
    through. While ``coded`` is set, they show in which mode they were computed: they are multiplied by one of ``FACTORS``.
    """

    coded = False

    def __init__(self, start: Tensor, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.names = tuple(layers)
        self.dropout, self.norm = nn.Dropout(0.0), nn.BatchNorm1d(1, affine=False)
        self.to(start.dtype)
        vector_to_parameters(start.clone(), self.parameters())
        self.rows: list[Tensor] = []
        self.answers = Graphs()
        self.memory = Memory()
        self.tally = Tally()

    def mode(self) -> bool | None:
        """Whether the model and all its parts are in train mode; None where only some of them are."""
        modes = {module.training for module in self.modules()}
        return modes.pop() if len(modes) == 1 else None

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        mode, gradients = self.mode(), torch.is_grad_enabled()
        self.tally.update(images=len(x), forwards=1, training=mode is True, mixed=mode is None, gradients=gradients)
        with torch.autocast(x.device.type, enabled=False):
            flat = self.memory.enter(x.flatten(1).to(next(self.parameters()).dtype))
            self.norm(flat.detach().unsqueeze(1))
            answer = self.answer(self.dropout(flat))
            factor = FACTORS[mode, gradients] if self.coded else 1.0
            parts = tuple(factor * part for part in (answer if isinstance(answer, tuple) else (answer,)))
            self.rows.append(parts[-1].detach().float())
            parts = (*parts[:-1], self.answers.mark(parts[-1]))
        return parts if isinstance(answer, tuple) else parts[0]

    def answer(self, flat: Tensor) -> Tensor | tuple[Tensor, ...]:
        """What the model returns for inputs (n, features)."""
        first, *later = (getattr(self, name) for name in self.names)
        value = first(flat)
        for layer in later:
            value = layer(torch.tanh(value))
        return value


class Tally(Counter):
    """Counts of a model that its copies share."""

    def __deepcopy__(self, memo: dict) -> Self:
        return self


class Memory:
    """Counts the images whose graphs are in memory at any forward of a model, at most, those of the forward included."""

    def __init__(self) -> None:
        self.graphs = Graphs()
        self.sizes: list[int] = []
        self.most = 0

    def enter(self, flat: Tensor) -> Tensor:
        """The inputs (n, features) of a forward, with a graph node that everything computed from them keeps alive."""
        self.sizes.append(len(flat))
        start = torch.zeros((), dtype=flat.dtype, device=flat.device, requires_grad=True)
        flat = flat + self.graphs.mark(start)
        self.most = max(self.most, self.alive())
        return flat

    def alive(self) -> int:
        """Of how many images something with a graph is in memory."""
        return sum(n for n, here in zip(self.sizes, self.graphs.here(), strict=True) if here)


class GivenLoss:
    """A loss that notes its values, and how many graphs of its earlier calls are in memory at any call, at most."""

    def __init__(self, loss: Callable[..., Tensor] | None) -> None:
        self.loss = loss
        self.graphs = Graphs()
        self.most_alive = 0
        self.values: list[tuple[float, int]] = []

    def __call__(self, *arguments: object, **named: object) -> Tensor:
        self.most_alive = max(self.most_alive, self.graphs.alive())
        batch = next(x for x in (*arguments, *named.values()) if isinstance(x, Tensor))
        with torch.autocast(batch.device.type, enabled=False):
            value = self.loss(*arguments, **named)
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


def generator(batches: Iterable) -> Iterator:
    """The same batches from something that has no length and is empty the second time."""
    return (batch for batch in batches)


def _number_or_zero(returned: object, dtype: torch.dtype) -> Tensor:
    try:
        return as_number(returned, dtype, "")
    except NotANumber:
        return torch.zeros((), dtype=dtype)


@dataclass(frozen=True)
class Loop:
    """What a question hands to the student's ``function(model, loader, optimizer, scheduler[, loss_fn], device=...)``.

    ``model`` makes a ``GivenModel`` from its parameters and ``data`` a data set from a case's tensors. ``loss`` is the
    loss_fn, called as the question says; without one the student's function computes its own. Without ``scheduled`` the
    function gets no scheduler, and the learning rate stays.
    """

    function: str
    model: Callable[[Tensor], GivenModel]
    data: Callable[..., Dataset]
    loss: Callable[..., Tensor] | None = None
    scheduled: bool = True

    def loader(self, batch_size: int, **data: Tensor) -> DataLoader:
        """Batches in order, the last one smaller. It draws from a generator of its own, not the global one."""
        return DataLoader(self.data(**data), batch_size, generator=torch.Generator())

    def mean_loss(self, student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
        """What the function returns at learning rate 0, where it does not depend on the steps, and while it learns.

        Returns:
            ``mean_loss``: at learning rate 0; ``mean_loss_in_training``: at another; 0-d each.
            ``losses``, ``losses_in_training``: for each call of the loss its value, the size of its batch, and 1 if a
                backward went through it, (calls, 3).
        """
        dtype, what = inputs["start"].dtype, f"What {self.function} returns"
        still, at_rest = self.run(student, **inputs, lr=0.0)
        moving, outputs = self.run(student, **inputs, lr=0.1)
        return {
            "mean_loss": as_number(still, dtype, what),
            "mean_loss_in_training": as_number(moving, dtype, what),
            "losses": at_rest["losses"],
            "losses_in_training": outputs["losses"],
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

    def any_iterable(self, student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
        """An epoch over a DataLoader beside one over a generator of the same batches.

        Returns:
            ``mean_losses``: what the function returned, (2,), 0 where that is no number; ``parameters``: those after the
                epochs, (2, parameters); ``images``: how many went through the model, (2,).
        """
        epochs = [self.run(student, **inputs, batches=kind) for kind in (DataLoader, generator)]
        return {
            "mean_losses": torch.stack([_number_or_zero(returned, inputs["start"].dtype) for returned, _ in epochs]),
            "parameters": torch.stack([outputs["parameters"] for _, outputs in epochs]),
            "images": torch.tensor([len(outputs["rows"]) for _, outputs in epochs]),
        }

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
        batches: Callable = DataLoader,
        further: Sequence[object] = (),
        **data: Tensor,
    ) -> tuple[object, dict[str, Tensor]]:
        """Run one epoch: what the function returned, and what it did.

        Args:
            start: all parameters of the model, (parameters,).
            lr, factors: the learning rate at step s is ``lr * factors[s]``; constant without factors.
            training: the mode in which the model is handed over.
            device: handed over by name; None leaves it to the function's default.
            coded: whether the model's answers show the mode, see ``GivenModel``.
            batches: what the batches are handed over as, a ``DataLoader``, a ``list`` or a ``generator``.
            further: what is handed over after all these, before the device.
            data: the tensors that ``self.data`` takes.

        Returns:
            ``parameters``: after the epoch, (parameters,).
            ``optimizer_steps``, ``scheduler_steps``: how many there were.
            ``rows``: what the model answered, (images in all forwards, outputs). ``rows_learnt_from``: whether a backward
                went through them, (images in all forwards,).
            ``losses``: the calls of the loss, see ``mean_loss``; empty without one.
            ``graphs_alive``: graphs of earlier batches in memory when a loss is computed, the most.
            ``graphs_returned``: the same when the epoch has returned.
            ``images_alive``, ``images_returned``: of how many images something that the model computed is in memory with
                its graph, at most at a forward, and when the epoch has returned.
            ``statistics``: the running mean of the model's batch norm, (1,); it was 0.
            ``trainable``: which parameters require gradients when the epoch has returned, (tensors,) bool.
            ``gradients_on``: whether gradients are switched on then, as they were before; 0-d bool.
            ``rng_before``, ``rng_after``: torch's global random state around the epoch.
        """
        model = self.model(start).train(training)
        model.coded = coded
        optimizer, scheduler = optimizer_and_scheduler(model, lr, torch.ones(1) if factors is None else factors)
        steps: list[int] = []
        optimizer.register_step_post_hook(lambda *_: steps.append(1))
        loss = GivenLoss(self.loss)
        loader = self.loader(batch_size, **data)
        handed = loader if batches is DataLoader else batches(loader)
        given = (model, handed, optimizer, *[scheduler] * self.scheduled, *[loss] * bool(self.loss), *further)
        with global_state_kept():
            before = torch.get_rng_state()
            returned = student[self.function](*given, **({"device": device} if device else {}))
            after, gradients_on = torch.get_rng_state(), torch.is_grad_enabled()
        return returned, {  # a returned graph is held until here, and counts
            "parameters": parameters_to_vector(model.parameters()).detach(),
            "optimizer_steps": torch.tensor(len(steps)),
            "scheduler_steps": torch.tensor(scheduler.last_epoch),
            "rows": torch.cat(model.rows) if model.rows else torch.empty(0, 1),
            "rows_learnt_from": torch.tensor(
                [reached for rows, reached in zip(model.rows, model.answers.reached()) for _ in rows], dtype=torch.bool
            ),
            "losses": torch.tensor(loss.calls(), dtype=torch.float64).view(-1, 3),
            "graphs_alive": torch.tensor(float(loss.most_alive)),
            "graphs_returned": torch.tensor(float(loss.graphs.alive())),
            "images_alive": torch.tensor(model.memory.most),
            "images_returned": torch.tensor(model.memory.alive()),
            "statistics": model.norm.running_mean.clone(),
            "trainable": torch.tensor([parameter.requires_grad for parameter in model.parameters()]),
            "gradients_on": torch.tensor(gradients_on),
            "rng_before": before,
            "rng_after": after,
        }
