"""One epoch of contrastive training, step by step, with gradients asked for one by one."""

from __future__ import annotations

import torch


def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu") -> float:
    """Mean loss per image: sum over batches of loss times images, divided by all images."""
    model.train()
    parameters = list(model.parameters())
    weighted, images = 0.0, 0
    for (x_i, x_j), _ in loader:
        _, z_i = model(x_i.to(device))
        _, z_j = model(x_j.to(device))
        loss = loss_fn(z_i, z_j)
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
        scheduler.step()
        weighted += loss.item() * len(x_i)
        images += len(x_i)
    return weighted / images


ORACLE = {"train_one_epoch": train_one_epoch}
