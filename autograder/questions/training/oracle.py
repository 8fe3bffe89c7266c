"""One epoch of training by its definition, with the gradient of every parameter computed by itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def epoch(loss_of: Callable[[Callable, torch.nn.Module, tuple], tuple[Tensor, int]]) -> Callable[..., float]:
    """The epoch whose ``loss_of(loss_fn, model, batch)`` gives the loss of a batch, 0-d, and its number of images.

    It returns the mean loss per image: the sum over batches of loss times images, divided by all images.
    """

    def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu") -> float:
        model.train()
        parameters = list(model.parameters())
        weighted, images = 0.0, 0
        for batch in loader:
            loss, n = loss_of(loss_fn, model, batch)
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = gradient
            optimizer.step()
            scheduler.step()
            weighted += loss.item() * n
            images += n
        return weighted / images

    return train_one_epoch
