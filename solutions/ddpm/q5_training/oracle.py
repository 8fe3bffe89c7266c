"""One epoch of training, and the whole reverse chain (Ho et al. 2020, algorithms 1 and 2)."""

from __future__ import annotations

import torch

from autograder.questions.training.oracle import epoch


def _loss(loss_fn, model, batch):
    x0, labels = batch
    return loss_fn(model, x0, labels), len(x0)


@torch.no_grad()
def sample(eps_model, shape, schedule, generator) -> torch.Tensor:
    """x_0 (shape) from x_T ~ N(0, 1), each step written out with numbers of its own."""
    dtype = schedule.beta.dtype
    x = torch.randn(shape, generator=generator, dtype=dtype)
    for step in reversed(range(len(schedule.beta))):
        beta, alpha, alpha_bar = (schedule[i][step].item() for i in range(3))
        eps = eps_model(x, torch.full((shape[0],), step))
        x = (x - beta / (1 - alpha_bar) ** 0.5 * eps) / alpha**0.5
        if step > 0:
            x = x + beta**0.5 * torch.randn(shape, generator=generator, dtype=dtype)
    return x


ORACLE = {"train_one_epoch": epoch(_loss), "sample": sample}
