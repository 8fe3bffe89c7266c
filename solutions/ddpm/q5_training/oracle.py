"""One epoch of training, and the whole reverse chain (Ho et al. 2020, algorithms 1 and 2)."""

from __future__ import annotations

import torch

from autograder.questions.training.oracle import epoch

from ..q3_denoising.oracle import p_sample


def _loss(loss_fn, model, batch):
    x0, labels = batch
    return loss_fn(model, x0, labels), len(x0)


@torch.no_grad()
def sample(eps_model, shape, schedule, generator) -> torch.Tensor:
    """x_0 (shape) from x_T ~ N(0, 1), by the reverse step of question 3."""
    dtype = schedule.beta.dtype
    x = torch.randn(shape, generator=generator, dtype=dtype)
    for step in reversed(range(len(schedule.beta))):
        noise = torch.randn(shape, generator=generator, dtype=dtype) if step > 0 else torch.zeros(shape, dtype=dtype)
        x = p_sample(eps_model, x, torch.full((shape[0],), step), schedule, noise)
    return x


ORACLE = {"train_one_epoch": epoch(_loss), "sample": sample}
