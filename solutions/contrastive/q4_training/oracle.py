"""Training by its definition, with the gradient of every parameter computed by itself."""

import torch


def fit_contrastive_model(encoder, batches, loss_fn, optimizer, scheduler, num_iters, device="cpu") -> list[float]:
    encoder.train()
    parameters, losses = list(encoder.parameters()), []
    while len(losses) < num_iters:
        images, labels = next(batches)
        loss = loss_fn(encoder(images), labels)
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


ORACLE = {"fit_contrastive_model": fit_contrastive_model}
