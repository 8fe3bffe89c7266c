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

from ..probes import given_schedule


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
    """What ``sample`` hands to the model, and the form of what it returns.

    Args:
        shape: of the images, int64.
        schedule: β, α, ᾱ and posterior variance, (4, T).
        gain, offset: of ``LinearModel``, (T,) and (T, last entry of ``shape``).

    Returns:
        ``steps``: the t of every question to the model, in order, (questions, n).
        ``odd_steps``: how often t was not an int64 tensor of shape (n,).
        ``other_shapes``: how often x did not have the given shape.
        ``result_shape``: the shape of the result.
        ``result_has_graph``: 1 if it requires gradients.
        ``graphs_alive``: graphs of earlier steps in memory when the model is asked, the most.
        ``schedule_changes``: how many entries of the schedule the call changed.
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
        ``x_0_spread``: the largest distance of an entry of the result from that; 0-d.
        ``noise_mean``, ``noise_deviation``: of what the steps from T − 1 to 1 add to their targets, in units of
            ``deviations``, (T − 1,); nan where the step is missing.
        ``noise_scale``: the same as ``noise_deviation``. It has wider bounds, which tell mistakes apart.

    Raises:
        StepMissing: the model was never asked.
        WrongShape: the result, or an x on the way, does not have the given shape.
    """
    model = LinearModel(gain, offset)
    with global_state_kept():
        result = _sampled(student, model, shape, schedule.clone(), torch.Generator().manual_seed(seed)).detach()
    _asked(model)
    seen = {int(steps[0]): x for steps, x in zip(model.steps, model.images, strict=True)}
    for x in (result, *seen.values()):
        if x.shape != torch.Size(shape.tolist()):
            raise WrongShape(f"your chain makes images of shape {tuple(x.shape)}, expected {tuple(shape.tolist())}")
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
    """Where the noise of ``sample`` comes from, as the model sees it. The offsets are 0.

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
        raise StepMissing("you return from sample without asking the model")
    return model


def _differing(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """How many images of two chains differ by more than rounding; all, if the chains are not equally long."""
    pairs = zip(one, other) if len(one) == len(other) else ()
    return len(one) - torch.tensor(sum(torch.allclose(a, b, rtol=0, atol=1e-3) for a, b in pairs))


def _axis_correlation(images: list[Tensor]) -> Tensor:
    """Correlation of neighbours along each axis, of the image where its size is largest; 0 where all is 0."""
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
