"""Correct ways to noise an image in the styles that people write: each must earn all points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch


def viewed_by_number_of_axes(x0, t, noise, schedule):
    """The plain form: ``mistakes`` are changes of it."""
    bar = schedule.alpha_bar[t].view(-1, *[1] * (x0.dim() - 1))
    return torch.sqrt(bar) * x0 + torch.sqrt(1 - bar) * noise


def _extract(a, t, x_shape):
    b, *_ = t.shape
    return a.gather(-1, t).reshape(b, *((1,) * (len(x_shape) - 1)))


def gathered(x0, t, noise, schedule):
    sqrt_alphas_cumprod = torch.sqrt(schedule.alpha_bar)
    sqrt_one_minus_alphas_cumprod = torch.sqrt(1.0 - schedule.alpha_bar)
    return (
        _extract(sqrt_alphas_cumprod, t, x0.shape) * x0 + _extract(sqrt_one_minus_alphas_cumprod, t, x0.shape) * noise
    )


def unsqueezed_in_a_loop(x0, t, noise, schedule):
    signal = schedule.alpha_bar[t] ** 0.5
    deviation = (1 - schedule.alpha_bar[t]) ** 0.5
    while signal.ndim < x0.ndim:
        signal, deviation = signal[..., None], deviation[..., None]
    return signal * x0 + deviation * noise


def row_after_row(x0, t, noise, schedule):
    _, _, alpha_bars, _ = schedule
    out = torch.empty_like(x0)
    for k in range(len(x0)):
        bar = alpha_bars[t[k]]
        out[k] = bar.sqrt() * x0[k] + (1 - bar).sqrt() * noise[k]
    return out


def flattened(x0, t, noise, schedule):
    bar = schedule.alpha_bar.index_select(0, t).unsqueeze(1)
    x_t = bar.sqrt() * x0.flatten(1) + (1 - bar).sqrt() * noise.flatten(1)
    return x_t.view_as(x0)


def summed_over_rows(x0, t, noise, schedule):
    bar = schedule.alpha_bar[t]
    return torch.einsum("n,n...->n...", bar.sqrt(), x0) + torch.einsum("n,n...->n...", (1 - bar).sqrt(), noise)


def float64_inside(x0, t, noise, schedule):
    bar = schedule.alpha_bar.double()[t].reshape((len(t),) + (1,) * (x0.ndim - 1))
    return (bar.sqrt() * x0.double() + (1 - bar).sqrt() * noise.double()).to(x0.dtype)


def transposed(x0, t, noise, schedule):
    """Rows last, so that broadcasting does the rest."""
    bar = schedule.alpha_bar[t]
    rows_last = bar.sqrt() * x0.movedim(0, -1) + (1 - bar).sqrt() * noise.movedim(0, -1)
    return rows_last.movedim(-1, 0)


def product_of_alphas(x0, t, noise, schedule):
    """ᾱ computed anew from α."""
    bars = torch.stack([schedule.alpha[: step + 1].prod() for step in t.tolist()])
    bars = bars.view(len(t), *(1 for _ in x0.shape[1:]))
    return torch.addcmul(bars.sqrt() * x0, (1 - bars).sqrt(), noise)


def numpy_arrays(x0, t, noise, schedule):
    bar = schedule.alpha_bar.numpy()[t.numpy()]
    bar = np.expand_dims(bar, tuple(range(1, x0.ndim)))
    return torch.from_numpy(np.sqrt(bar) * x0.numpy() + np.sqrt(1 - bar) * noise.numpy())


def moved_to_the_images(x0, t, noise, schedule):
    return viewed_by_number_of_axes(x0, t, noise, schedule.to(x0.device))


class NotebookSchedule(NamedTuple):
    """``Schedule`` as the notebook has it."""

    beta: torch.Tensor
    alpha: torch.Tensor
    alpha_bar: torch.Tensor
    posterior_variance: torch.Tensor

    def to(self, device) -> NotebookSchedule:
        return NotebookSchedule(*(tensor.to(device) for tensor in self))


def with_the_notebook_s_schedule(x0, t, noise, schedule):
    assert isinstance(schedule, NotebookSchedule)
    return viewed_by_number_of_axes(x0, t, noise, schedule.to(x0.device))


CORRECT = {
    function.__name__.replace("_", " "): {"q_sample": function}
    for function in (
        viewed_by_number_of_axes,
        gathered,
        unsqueezed_in_a_loop,
        row_after_row,
        flattened,
        summed_over_rows,
        float64_inside,
        transposed,
        product_of_alphas,
        numpy_arrays,
    )
} | {
    "the notebook's schedule": {"q_sample": with_the_notebook_s_schedule, "Schedule": NotebookSchedule},
    "schedule moved": {"q_sample": moved_to_the_images},
}
