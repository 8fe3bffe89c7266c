"""Correct implementations of one reverse step in the styles that people write: each must earn all points."""

from __future__ import annotations

import math

import numpy as np
import torch


def _extract(values, t, x):
    """``values`` at ``t``, shaped to broadcast against ``x``."""
    return values.gather(0, t).reshape(t.shape[0], *([1] * (x.dim() - 1)))


def as_printed(eps_model, x_t, t, schedule):
    """The plain form: ``mistakes`` are changes of it and of ``masked_by_a_product``."""
    shape = (-1,) + (1,) * (x_t.ndim - 1)
    beta, alpha, alpha_bar = (values[t].view(shape) for values in schedule[:3])
    eps = eps_model(x_t, t)
    mean = (x_t - beta / torch.sqrt(1 - alpha_bar) * eps) / torch.sqrt(alpha)
    return mean, beta


def masked_by_a_product(eps_model, x_t, t, schedule, noise, p_mean_variance=as_printed):
    mean, variance = p_mean_variance(eps_model, x_t, t, schedule)
    nonzero_mask = (t != 0).to(x_t.dtype).view(-1, *([1] * (x_t.ndim - 1)))
    return mean + nonzero_mask * variance.sqrt() * noise


def by_predicted_image(eps_model, x_t, t, schedule):
    """The posterior mean of the x_0 that the noise predicts, not clipped (equation 7); tables in float64."""
    beta, alpha, alpha_bar = (values.double() for values in schedule[:3])
    previous = torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])
    coefficient_image = beta * previous.sqrt() / (1 - alpha_bar)
    coefficient_noisy = (1 - previous) * alpha.sqrt() / (1 - alpha_bar)
    x, eps = x_t.double(), eps_model(x_t, t).double()
    image = _extract((1 / alpha_bar).sqrt(), t, x) * x - _extract((1 / alpha_bar - 1).sqrt(), t, x) * eps
    mean = _extract(coefficient_image, t, x) * image + _extract(coefficient_noisy, t, x) * x
    return mean.to(x_t.dtype), _extract(schedule.beta, t, x_t).expand_as(x_t)


def chosen_by_where(eps_model, x_t, t, schedule, noise):
    mean, variance = by_predicted_image(eps_model, x_t, t, schedule)
    noisy = mean + torch.exp(0.5 * torch.log(variance)) * noise
    return torch.where(t.view(-1, *([1] * (x_t.ndim - 1))) > 0, noisy, mean)


def by_ratios_of_alpha_bar(eps_model, x_t, t, schedule):
    """The same posterior mean in float32, as libraries write it: α and β from neighbours of ᾱ; the variance is 1 − α."""
    before = torch.nn.functional.pad(schedule.alpha_bar, (1, 0), value=1.0)
    alpha_bar, previous = _extract(before[1:], t, x_t), _extract(before[:-1], t, x_t)
    alpha = alpha_bar / previous
    image = (x_t - (1 - alpha_bar) ** 0.5 * eps_model(x_t, t)) / alpha_bar**0.5
    mean = previous**0.5 * (1 - alpha) / (1 - alpha_bar) * image + alpha**0.5 * (1 - previous) / (1 - alpha_bar) * x_t
    return mean, 1 - _extract(schedule.alpha, t, x_t)


def drawn_by_index_put(eps_model, x_t, t, schedule, noise):
    mean, variance = by_ratios_of_alpha_bar(eps_model, x_t, t, schedule)
    deviation = variance.sqrt().expand_as(mean).clone()
    deviation[t == 0] = 0.0
    return torch.lerp(mean, mean + noise, deviation)


def with_index_none(eps_model, x_t, t, schedule):
    index = (...,) + (None,) * (x_t.ndim - 1)
    eps = eps_model(x_t, t)
    weight = (1 - schedule.alpha[t]) * (1 - schedule.alpha_bar[t]).rsqrt()
    mean = schedule.alpha[t].rsqrt()[index] * (x_t - weight[index] * eps)
    return mean, torch.full_like(x_t, 1.0) * schedule.beta[t][index]


def noise_zeroed_in_a_copy(eps_model, x_t, t, schedule, noise):
    z = noise.clone()
    z[t == 0] = 0
    mean, variance = with_index_none(eps_model, x_t, t, schedule)
    return torch.addcmul(mean, torch.sqrt(variance), z)


def row_by_row(eps_model, x_t, t, schedule):
    means, variances = [], []
    for k in range(len(x_t)):
        step = t[k].item()
        eps = eps_model(x_t[k : k + 1], t[k : k + 1])[0]
        beta, alpha, alpha_bar = (schedule[i][step].item() for i in range(3))
        means.append((x_t[k] - beta / math.sqrt(1 - alpha_bar) * eps) / math.sqrt(alpha))
        variances.append(torch.full_like(x_t[k], beta))
    return torch.stack(means), torch.stack(variances)


def row_by_row_draw(eps_model, x_t, t, schedule, noise):
    rows = []
    for k, step in enumerate(t):
        mean, variance = row_by_row(eps_model, x_t[k : k + 1], step.reshape(1), schedule)
        if step > 0:
            mean = mean + variance**0.5 * noise[k : k + 1]
        rows.append(mean)
    return torch.cat(rows)


def by_score(eps_model, x_t, t, schedule):
    """Tweedie's form: x + β times the score, then divided by √α; flat rows."""
    n = x_t.shape[0]
    flat = x_t.reshape(n, -1)
    score = -eps_model(x_t, t).reshape(n, -1) / (1 - schedule.alpha_bar[t, None]) ** 0.5
    mean = (flat + schedule.beta[t, None] * score) / schedule.alpha[t, None] ** 0.5
    return [mean.view_as(x_t), schedule.beta[t].reshape([n] + [1] * (x_t.ndim - 1))]


def standing_alone(eps_model, x_t, t, schedule, noise):
    """Needs no p_mean_variance: noise of variance β, written over the rows that are not the last step's."""
    with torch.no_grad():
        while t.ndim < x_t.ndim:
            t = t.unsqueeze(-1)
        eps = eps_model(x_t, t.flatten())
        sigma = schedule.beta[t].sqrt() * (t > 0)
        out = x_t / schedule.alpha[t].sqrt()
        out -= eps * schedule.beta[t] / (schedule.alpha[t] * (1 - schedule.alpha_bar[t])).sqrt()
        return out.add_(sigma * noise)


def tables_in_numpy(eps_model, x_t, t, schedule):
    beta, alpha, alpha_bar = (np.asarray(values, dtype=np.float64) for values in schedule[:3])

    def at(table):
        return torch.as_tensor(table[t.numpy()], dtype=x_t.dtype).reshape(-1, *[1] * (x_t.ndim - 1))

    eps = eps_model(x_t, t).detach()
    mean = at(1 / np.sqrt(alpha)) * x_t - at(beta / np.sqrt(1 - alpha_bar) / np.sqrt(alpha)) * eps
    return mean, at(beta)


def all_last_or_indexed(eps_model, x_t, t, schedule, noise):
    mean, variance = tables_in_numpy(eps_model, x_t, t, schedule)
    rows = t.nonzero(as_tuple=True)[0]
    if len(rows) == 0:
        return mean
    x = mean.clone()
    x[rows] += variance[rows].sqrt() * noise[rows]
    return x


CORRECT = {
    f"{mean.__name__} and {draw.__name__}".replace("_", " "): {"p_mean_variance": mean, "p_sample": draw}
    for mean, draw in (
        (as_printed, masked_by_a_product),
        (by_predicted_image, chosen_by_where),
        (by_ratios_of_alpha_bar, drawn_by_index_put),
        (with_index_none, noise_zeroed_in_a_copy),
        (row_by_row, row_by_row_draw),
        (by_score, standing_alone),
        (tables_in_numpy, all_last_or_indexed),
    )
}
