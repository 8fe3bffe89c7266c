"""Noising in one jump, one row and one number at a time (Ho et al. 2020, equation 4)."""

from __future__ import annotations

import math

import torch


def q_sample(x0, t, noise, schedule) -> torch.Tensor:
    r"""$x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$, each row at its own t."""
    rows = []
    for row, step, random in zip(x0, t.tolist(), noise):
        alpha_bar = schedule.alpha_bar[step].item()
        signal, deviation = math.sqrt(alpha_bar), math.sqrt(1.0 - alpha_bar)
        numbers = [signal * a + deviation * b for a, b in zip(row.flatten().tolist(), random.flatten().tolist())]
        rows.append(torch.tensor(numbers, dtype=torch.float64).reshape(row.shape))
    return torch.stack(rows).to(x0.dtype)


ORACLE = {"q_sample": q_sample}
