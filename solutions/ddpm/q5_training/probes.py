"""Probes of q5: ``train_one_epoch`` on a given small model and loss, ``sample`` on given models of the noise.

Each test of the epoch looks at one thing, so that one mistake costs what it is worth: the mean loss is taken at learning
rate 0, where it does not depend on the steps, and the model computes the same in train and in eval mode. The loss that is
handed over needs no steps and no noise, so nothing there is random.

In sampling no seed decides. The model of ``sampling_chain`` gives ε_θ(x, t) = g_t (x − o_t) with stored g and o, for which the mean of
every reverse step is a known target whatever x is: the result is known, and so is what remains of each x as noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.utils.data import DataLoader, TensorDataset

from ..probes import given_schedule
from autograder.questions.probing import Graphs, as_number, as_tensor, global_state_kept, optimizer_and_scheduler

Student = Mapping[str, Callable]


# --- an epoch -----------------------------------------------------------------------------------------------------


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


# --- sampling -----------------------------------------------------------------------------------------------------


class StepMissing(ValueError):
    """The model was not asked about every step."""


class WrongShape(ValueError):
    """Images of another shape than the one that is asked for."""


class LinearModel(nn.Module):
    """ε_θ(x, t) = g_t (x − o_t), (n, ..., w) for offsets (T, w); notes every x and t that it gets.

    It takes a step in whatever form it comes, and notes how many were not int64 (n,): only one test asks for that. A
    second question about the same x and t is none of its own.
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
        per_row = (-1, *(1,) * (x.ndim - 1))
        offset = self.offset[steps].view(len(x), *(1,) * (x.ndim - 2), -1)
        return self.graphs.mark(self.one * self.gain[steps].view(per_row) * (x - offset))


def _sampled(student: Student, model: nn.Module, shape: Tensor, schedule: Tensor, generator: torch.Generator) -> Tensor:
    """What ``sample`` returns."""
    returned = student["sample"](model, tuple(shape.tolist()), given_schedule(schedule), generator)
    as_tensor(returned, "What sample returns")
    return returned


def sampling_order(
    student: Student, shape: Tensor, schedule: Tensor, gain: Tensor, offset: Tensor
) -> dict[str, Tensor]:
    """What ``sample`` hands to the model, and what it returns beside the values.

    Args:
        shape: of the images, int64.
        schedule: β, α, ᾱ and posterior variance, (4, T).
        gain, offset: of ``LinearModel``, (T,) and (T, last entry of ``shape``).

    Returns:
        ``steps``: the t of every question to the model, in order, (questions, n).
        ``odd_steps``: how often t was no int64 tensor of shape (n,).
        ``other_shapes``: how often x did not have the shape asked for.
        ``result_shape``: the shape of the result.
        ``result_has_graph``: 1 if it requires gradients.
        ``graphs_alive``: graphs of earlier steps in memory when the model is asked, the most.
        ``schedule_changes``: entries of the schedule that are others after the call.
    """
    model, copy = LinearModel(gain, offset), schedule.clone()
    with global_state_kept():
        result = _sampled(student, model, shape, copy, torch.Generator().manual_seed(1))
    _asked(model)
    expected = torch.Size(shape.tolist())
    n = min(len(steps) for steps in model.steps)
    return {
        "steps": torch.stack([steps[:n] for steps in model.steps]),
        "odd_steps": torch.tensor(model.odd_steps),
        "other_shapes": torch.tensor(sum(x.shape != expected for x in model.images)),
        "result_shape": torch.tensor(result.shape),
        "result_has_graph": torch.tensor(int(result.requires_grad)),
        "graphs_alive": torch.tensor(float(model.most_alive)),
        "schedule_changes": (copy != schedule).sum(),
    }


def sampling_chain(
    student: Student,
    shape: Tensor,
    schedule: Tensor,
    gain: Tensor,
    offset: Tensor,
    targets: Tensor,
    deviations: Tensor,
    seed: int,
) -> dict[str, Tensor]:
    """The result of a chain whose steps have known means, and the noise of every step.

    Args:
        targets: the mean of the step from t, (T, w).
        deviations: of the noise in the step from t, (T,).
        seed: of the generator that is handed over.

    Returns:
        ``steps_missing``: how many t the model was never asked about.
        ``x_0``: mean of the result over all but its last axis, (w,).
        ``x_0_spread``: how far the result is from that, at most; 0-d.
        ``noise_mean``, ``noise_deviation``: of what the steps from T − 1 to 1 add to their targets, in units of
            ``deviations``, (T − 1,); nan where the step is missing.
        ``noise_scale``: the same as ``noise_deviation``. It has wider bounds, which tell mistakes apart.

    Raises:
        StepMissing: the model was never asked.
        WrongShape: the result, or an x on the way, has another shape than asked for.
    """
    model = LinearModel(gain, offset)
    with global_state_kept():
        result = _sampled(student, model, shape, schedule.clone(), torch.Generator().manual_seed(seed)).detach()
    _asked(model)
    seen = {int(steps[0]): x for steps, x in zip(model.steps, model.images, strict=True)}
    for x in (result, *seen.values()):
        if x.shape != torch.Size(shape.tolist()):
            raise WrongShape(f"an image of shape {tuple(x.shape)} was found, asked for is {tuple(shape.tolist())}")
    missing = [t for t in range(len(gain)) if t not in seen]
    unseen = torch.full_like(result, torch.nan)
    noise = [(seen.get(t - 1, unseen) - targets[t]) / deviations[t] for t in range(len(gain) - 1, 0, -1)]
    deviation = torch.stack([z.std() for z in noise])
    x_0 = result.reshape(-1, result.shape[-1]).mean(0)
    return {
        "steps_missing": torch.tensor(len(missing)),
        "x_0": x_0,
        "x_0_spread": (result - x_0).abs().max(),
        "noise_mean": torch.stack([z.mean() for z in noise]),
        "noise_deviation": deviation,
        "noise_scale": deviation,
    }


def sampling_randomness(
    student: Student, shape: Tensor, schedule: Tensor, gain: Tensor, offset: Tensor, seed: int
) -> dict[str, Tensor]:
    """Where the noise of ``sample`` comes from, by what the model gets to see. The offsets are 0.

    Returns:
        ``start_mean``, ``start_deviation``, ``start_fourth``: of x_T; the last is its standardised fourth moment.
        ``start_correlation``, ``noise_correlation``: for every axis of the images, the correlation of neighbours along
            it, (axes,); of x_T, and the largest in size over all later x.
        ``new_shares``: share of the variance of each x after x_T that cannot be told from those before it, (T − 1,).
        ``steps_without_noise``: how many x after x_T have next to no variance.
        ``steps_from_start``: how many of them are x_T itself.
        ``repeat_differs``, ``global_seed_differs``: in how many x a call with an equal generator gives another chain,
            and a call under another global seed.
        ``same_in_next_call``, ``same_by_other_seed``: how many x a second call with the same generator repeats, and a
            call with another generator.
        ``rng_bytes``: how many bytes of torch's global random state the calls changed.
    """

    def chain(generator: torch.Generator) -> list[Tensor]:
        model = LinearModel(gain, offset)
        _sampled(student, model, shape, schedule.clone(), generator)
        return _asked(model).images

    with global_state_kept():
        torch.manual_seed(1)
        state = torch.get_rng_state()
        generator = torch.Generator().manual_seed(seed)
        first, following = chain(generator), chain(generator)
        again = chain(torch.Generator().manual_seed(seed))
        other = chain(torch.Generator().manual_seed(seed + 1))
        rng_bytes = (torch.get_rng_state() != state).sum()
        torch.manual_seed(2)
        elsewhere = chain(torch.Generator().manual_seed(seed))
    start, *later = first
    centred = start - start.mean()
    fourth = centred.pow(4).mean() / centred.square().mean().square()
    return {
        "start_mean": start.mean(),
        "start_deviation": start.std(),
        "start_fourth": torch.nan_to_num(fourth),
        "start_correlation": _axis_correlation([start]),
        "noise_correlation": _axis_correlation(later or [start]),
        "new_shares": _new_shares(first, len(gain) - 1),
        "steps_without_noise": torch.tensor(sum(float(x.std()) < 1e-3 for x in later)),
        "steps_from_start": len(later) - _differing(later, [start] * len(later)),
        "repeat_differs": _differing(first, again),
        "global_seed_differs": _differing(first, elsewhere),
        "same_in_next_call": len(first) - _differing(first, following),
        "same_by_other_seed": len(first) - _differing(first, other),
        "rng_bytes": rng_bytes,
    }


def _asked(model: LinearModel) -> LinearModel:
    if not model.images:
        raise StepMissing("sample returned without asking the model")
    return model


def _differing(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """How many images of two chains are not the same but for rounding; all, if they are not equally many."""
    pairs = zip(one, other) if len(one) == len(other) else ()
    return len(one) - torch.tensor(sum(torch.allclose(a, b, rtol=0, atol=1e-3) for a, b in pairs))


def _axis_correlation(images: list[Tensor]) -> Tensor:
    """Correlation of neighbours along each axis, of the image that has it largest in size; 0 where all is 0."""
    return torch.stack([max((_neighbours(x, axis) for x in images), key=abs) for axis in range(images[0].ndim)])


def _neighbours(x: Tensor, axis: int) -> Tensor:
    x = x - x.mean()
    before, after = x.narrow(axis, 0, x.shape[axis] - 1), x.narrow(axis, 1, x.shape[axis] - 1)
    return torch.nan_to_num((before * after).mean() / x.square().mean())


def _new_shares(images: list[Tensor], count: int) -> Tensor:
    """For ``count`` images after the first, the share of the variance that no weighted sum of those before explains.

    Noise that was used before has the share 0, fresh noise 1, whatever the means of the steps are. An image that is
    missing counts as new: another test asks for the steps.
    """
    rows = torch.stack([x.flatten() - x.mean() for x in images]).double()
    shares = torch.ones(count, dtype=torch.float64)
    if not torch.isfinite(rows).all():
        return shares.fill_(torch.nan).to(images[0].dtype)
    rounding = 1e-6 * rows[0].square().mean()
    for k in range(1, min(len(rows), count + 1)):
        weights = torch.linalg.lstsq(rows[:k].T, rows[k : k + 1].T, driver="gelsd").solution
        left = (rows[k] - weights.squeeze(1) @ rows[:k]).square().mean()
        shares[k - 1] = left / (rows[k].square().mean() + rounding).clamp(min=1e-30)
    return shares.to(images[0].dtype)
