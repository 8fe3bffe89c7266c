"""The linear schedule step by step in Python's float64 (Ho et al. 2020, equations 2 to 7); only the result is float32."""

from __future__ import annotations

import math

import torch

from ..probes import Schedule


def schedule_of(beta: list[float]) -> Schedule:
    """α, ᾱ and β̃ that belong to β, (T,) each: every ᾱ is the product of all α up to its step, taken anew."""
    alpha = [1.0 - b for b in beta]
    alpha_bar = [math.prod(alpha[: t + 1]) for t in range(len(beta))]
    posterior = [0.0]
    for t in range(1, len(beta)):
        posterior.append(beta[t] * (1.0 - alpha_bar[t - 1]) / (1.0 - alpha_bar[t]))
    return Schedule(*(torch.tensor(part, dtype=torch.float32) for part in (beta, alpha, alpha_bar, posterior)))


def noise_schedule(T: int, beta_start: float = 1e-4, beta_end: float = 0.02) -> Schedule:
    """β_1 … β_T evenly spaced, both ends included; of a single step, β_start."""
    return schedule_of([beta_start] + [beta_start + (beta_end - beta_start) * t / (T - 1) for t in range(1, T)])


ORACLE = {"noise_schedule": noise_schedule}
