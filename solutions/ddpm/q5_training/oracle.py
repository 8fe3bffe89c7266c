"""One epoch with gradients asked for one by one, and the whole reverse chain (Ho et al. 2020, algorithms 1 and 2)."""

from __future__ import annotations

import torch


def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu") -> float:
    """Mean loss per image: sum over batches of loss times images, divided by all images."""
    model.train()
    parameters = list(model.parameters())
    weighted, images = 0.0, 0
    for x0, labels in loader:
        loss = loss_fn(model, x0.to(device), labels.to(device))
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
        scheduler.step()
        weighted += loss.item() * len(x0)
        images += len(x0)
    return weighted / images


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


ORACLE = {"train_one_epoch": train_one_epoch, "sample": sample}
