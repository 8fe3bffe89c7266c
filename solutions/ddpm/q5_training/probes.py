"""Probes of q5: ``train_one_epoch`` on a given small model and loss, ``sample`` on given models of the noise.

In sampling no seed decides. The model of ``sampling_chain`` gives ε_θ(x, t) = g_t (x − o_t) with stored g and o, for
which the mean of every reverse step is a known target whatever x is: the result is known, and so is what remains of each
x as noise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from autograder.questions.probing import Graphs, as_tensor, global_state_kept
from autograder.questions.training.probes import GivenModel, Loop, Student

from ..probes import given_schedule, per_row


class LabelsMissing(TypeError):
    """The loss was called without labels."""


def given_network(start: Tensor) -> GivenModel:
    """(n, 2, 2, 2) -> (n, 8). 76 parameters."""
    return GivenModel(start, inner=nn.Linear(8, 4), outer=nn.Linear(4, 8))


def given_loss(model: nn.Module, x0: Tensor, labels: Tensor | None = None) -> Tensor:
    """Squared error of ``model(x0)`` to ``x0``, images weighted by their label. It needs no steps and no noise.

    Raises:
        LabelsMissing: it is called without labels.
    """
    if labels is None:
        raise LabelsMissing("you call loss_fn without labels: it takes the model, the images and their labels")
    errors = (model(x0) - x0.flatten(1)).square().mean(1)
    return (errors * (1 + labels.to(errors.dtype))).mean()


LOOP = Loop("train_one_epoch", given_network, lambda images, labels: TensorDataset(images, labels), given_loss)
"""Cases hold images (n, 2, 2, 2), labels (n,) int64, the model's 76 parameters as ``start``, and a ``batch_size``."""


def epoch_mean_loss(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.mean_loss(student, **inputs)


def epoch_parameters(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.parameters(student, **inputs)


def epoch_side_effects(student: Student, **inputs: Tensor | float) -> dict[str, Tensor]:
    return LOOP.side_effects(student, **inputs)


MOST_ROUNDS = 4  # a chain that asks this often about every step is looked at no further


class StepMissing(ValueError):
    """The model was not asked about every step."""


class WrongShape(ValueError):
    """Images of another shape than the given one."""


class LinearModel(nn.Module):
    """ε_θ(x, t) = g_t (x − o_t), (n, ..., w) for offsets (T, w); notes every x and t that it gets.

    It takes a step in any form, and notes how many were not int64 (n,): only one test looks at that. It does not count a
    second question about the same x and t.
    """

    def __init__(self, gain: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones_like(gain[:1]))
        self.gain, self.offset = gain, offset
        self.images: list[Tensor] = []
        self.steps: list[Tensor] = []
        self.odd_steps = 0
        self.graphs = Graphs()
        self.most_alive = 0

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        self.odd_steps += not (isinstance(t, Tensor) and t.dtype is torch.int64 and t.shape == x.shape[:1])
        steps = torch.as_tensor(t).detach().reshape(-1).long().expand(len(x)).clone()
        again = self.images and torch.equal(self.images[-1], x) and torch.equal(self.steps[-1], steps)
        if not again:
            self.images.append(x.detach().clone())
            self.steps.append(steps)
        self.most_alive = max(self.most_alive, self.graphs.alive())
        answer = (
            self.one * per_row(self.gain[steps], x) * (x - self.offset[steps].view(len(x), *(1,) * (x.ndim - 2), -1))
        )
        return self.graphs.mark(answer) if answer.requires_grad else answer


def _sampled(student: Student, model: nn.Module, shape: Tensor, schedule: Tensor, generator: torch.Generator) -> Tensor:
    """What ``sample`` returns."""
    returned = student["sample"](model, tuple(shape.tolist()), given_schedule(schedule, student), generator)
    as_tensor(returned, "What sample returns")
    return returned


def sampling_order(
    student: Student, shape: Tensor, schedule: Tensor, gain: Tensor, offset: Tensor
) -> dict[str, Tensor]:
    """What ``sample`` hands to the model, and the form of what it returns.

    Args:
        shape: of the images, int64.
        schedule: β, α, ᾱ and posterior variance, (4, T).
        gain, offset: of ``LinearModel``, (T,) and (T, last entry of ``shape``).

    Returns:
        ``steps``: the t of every question to the model, in order, (questions, n).
        ``x_sizes``: the shape of x in every question, filled up with −1, (questions, axes).
        ``result``; ``schedule_after``: the schedule after the call.
        ``odd_steps``: how often t was not an int64 tensor of shape (n,).
        ``result_has_graph``: 1 if the result requires gradients.
        ``graphs_alive``: graphs of earlier steps in memory when the model is asked, the most.
        ``gradients_on``, ``model_trains``: whether gradients are computed, and whether the model's parameter requires one, when
            ``sample`` has returned; 0-d bool.
    """
    model, copy = LinearModel(gain, offset), schedule.clone()
    with global_state_kept():
        torch.set_grad_enabled(True)
        result = _sampled(student, model, shape, copy, torch.Generator().manual_seed(1))
        gradients_on = torch.is_grad_enabled()
    _asked(model)
    n = min(len(steps) for steps in model.steps)
    axes = max(x.ndim for x in model.images)
    return {
        "steps": torch.stack([steps[:n] for steps in model.steps]),
        "x_sizes": torch.tensor([[*x.shape, *[-1] * (axes - x.ndim)] for x in model.images]),
        "result": result,
        "schedule_after": copy,
        "odd_steps": torch.tensor(model.odd_steps),
        "result_has_graph": torch.tensor(int(result.requires_grad)),
        "graphs_alive": torch.tensor(float(model.most_alive)),
        "gradients_on": torch.tensor(gradients_on),
        "model_trains": torch.tensor(model.one.requires_grad),
    }


def sampling_chain(
    student: Student, shape: Tensor, schedule: Tensor, gain: Tensor, offset: Tensor, seed: int
) -> dict[str, Tensor]:
    """The chain that ``sample`` makes.

    Args:
        seed: of the generator that is handed over.

    Returns:
        ``steps``: the t of the first row in every question to the model, (questions,).
        ``chain``: the x of every question, (questions, *shape).
        ``result``: what ``sample`` returns.

    Raises:
        StepMissing: the model was never asked.
        WrongShape: the result, or an x on the way, does not have the given shape.
    """
    model = LinearModel(gain, offset)
    with global_state_kept():
        result = _sampled(student, model, shape, schedule.clone(), torch.Generator().manual_seed(seed)).detach()
    _asked(model)
    for x in (result, *model.images):
        if x.shape != torch.Size(shape.tolist()):
            raise WrongShape(f"your chain makes images of shape {tuple(x.shape)}, expected {tuple(shape.tolist())}")
    asked = torch.stack([steps[0] for steps in model.steps])
    return {"steps": _few(asked, gain), "chain": torch.stack(_few(model.images, gain)), "result": result}


def sampling_randomness(
    student: Student, shape: Tensor, schedule: Tensor, gain: Tensor, offset: Tensor, seed: int
) -> dict[str, Tensor]:
    """Chains under several generators, as the model sees them. The offsets are 0.

    Returns:
        ``first``, ``following``: the chains of two calls with one generator, (questions, *shape) each.
        ``again``, ``other``: those of calls with an equal generator, and with one of another seed.
        ``elsewhere``: that of a call with an equal generator under another global seed.
        ``rng_before``, ``rng_after``: torch's global random state around all but the last of them.
    """

    def chain(generator: torch.Generator) -> Tensor:
        model = LinearModel(gain, offset)
        _sampled(student, model, shape, schedule.clone(), generator)
        return torch.stack(_few(_asked(model).images, gain))

    with global_state_kept():
        torch.manual_seed(1)
        before = torch.get_rng_state()
        generator = torch.Generator().manual_seed(seed)
        chains = {"first": chain(generator), "following": chain(generator)}
        chains["again"] = chain(torch.Generator().manual_seed(seed))
        chains["other"] = chain(torch.Generator().manual_seed(seed + 1))
        after = torch.get_rng_state()
        torch.manual_seed(2)
        chains["elsewhere"] = chain(torch.Generator().manual_seed(seed))
    return {**chains, "rng_before": before, "rng_after": after}


def _asked(model: LinearModel) -> LinearModel:
    if not model.images:
        raise StepMissing("you return from sample without asking the model")
    return model


def _few(questions: Tensor | list[Tensor], gain: Tensor) -> Tensor | list[Tensor]:
    """The first questions: more of them than any correct chain asks, and no more than an answer may hold."""
    return questions[: MOST_ROUNDS * len(gain)]
