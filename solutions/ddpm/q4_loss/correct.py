"""Correct losses of a diffusion model in the styles that people write: each must earn all points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def _q_sample(x0, t, noise, schedule):
    bar = schedule.alpha_bar[t].view(-1, *[1] * (x0.dim() - 1))
    return bar.sqrt() * x0 + (1 - bar).sqrt() * noise


def mse_loss(eps_model, x0, t, noise, schedule):
    return F.mse_loss(eps_model(_q_sample(x0, t, noise, schedule), t), noise)


def squares_and_mean(eps_model, x0, t, noise, schedule):
    """The plain form: ``mistakes`` are changes of it."""
    x_t = _q_sample(x0, t, noise, schedule)
    predicted = eps_model(x_t, t)
    loss = ((noise - predicted) ** 2).mean()
    return loss


def mean_of_row_means(eps_model, x0, t, noise, schedule):
    x_t = _q_sample(x0, t, noise, schedule)
    per_image = F.mse_loss(eps_model(x_t, t), noise, reduction="none").flatten(start_dim=1).mean(dim=1)
    return per_image.mean()


def written_in_place(eps_model, x0, t, noise, schedule):
    predicted = eps_model(_q_sample(x0, t, noise, schedule), t)
    predicted -= noise
    return predicted.pow_(2).sum() / noise.numel()


def module_for_the_error(eps_model, x0, t, noise, schedule):
    criterion = nn.MSELoss()
    with torch.no_grad():
        x_t = _q_sample(x0, t, noise, schedule)
    return criterion(noise, eps_model(x_t.detach(), t))


def row_after_row(eps_model, x0, t, noise, schedule):
    """One image at a time: no batch is larger than 1."""
    total = 0
    for k in range(len(x0)):
        row = slice(k, k + 1)
        predicted = eps_model(_q_sample(x0[row], t[row], noise[row], schedule), t[row])
        total = total + (predicted - noise[row]).pow(2).mean()
    return total / len(x0)


def inner_products(eps_model, x0, t, noise, schedule):
    difference = (noise - eps_model(_q_sample(x0, t, noise, schedule), t)).reshape(-1)
    return torch.dot(difference, difference) / difference.shape[0]


def norm_squared(eps_model, x0, t, noise, schedule):
    error = torch.linalg.vector_norm(eps_model(_q_sample(x0, t, noise, schedule), t.clone()) - noise)
    return error**2 / torch.numel(x0)


def sum_in_float64(eps_model, x0, t, noise, schedule):
    predicted = eps_model(_q_sample(x0, t, noise, schedule), t.to(torch.int32))
    return (predicted.double() - noise.double()).square().mean().to(x0.dtype)


def error_of_x0_with_its_weight(eps_model, x0, t, noise, schedule):
    """The error of the predicted image times the signal-to-noise ratio is the error of the noise."""
    bar = schedule.alpha_bar[t].view(-1, *[1] * (x0.dim() - 1))
    x_t = bar.sqrt() * x0 + (1 - bar).sqrt() * noise
    predicted_x0 = (x_t - (1 - bar).sqrt() * eps_model(x_t, t)) / bar.sqrt()
    return (bar / (1 - bar) * (predicted_x0 - x0) ** 2).mean()


CORRECT = {
    function.__name__.replace("_", " "): {"ddpm_loss": function}
    for function in (
        mse_loss,
        squares_and_mean,
        mean_of_row_means,
        written_in_place,
        module_for_the_error,
        row_after_row,
        inner_products,
        norm_squared,
        sum_in_float64,
        error_of_x0_with_its_weight,
    )
}
