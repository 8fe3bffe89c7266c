"""One epoch of training by its definition, with the gradient of every parameter computed by itself."""

import torch
from torch.distributions import Bernoulli, Normal, kl_divergence


def vae_loss(logits, x, mu, logvar, beta=1.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """That of question 3, of whole tensors: an epoch of many images passes through it. The tests compare the two."""
    reconstruction = -Bernoulli(logits=logits, validate_args=False).log_prob(x).sum() / len(x)
    kl = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum() / len(x)
    return reconstruction + beta * kl, reconstruction, kl


def train_one_epoch(model, loader, optimizer, generator, beta=1.0, device="cpu") -> tuple[float, float, float]:
    model.train()
    parameters = list(model.parameters())
    sums, images = [0.0, 0.0, 0.0], 0
    for x, _ in loader:
        eps = torch.empty(len(x), model.latent, dtype=x.dtype).normal_(generator=generator)
        logits, mu, logvar = model(x, eps)
        parts = vae_loss(logits, x, mu, logvar, beta)
        for parameter, gradient in zip(parameters, torch.autograd.grad(parts[0], parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
        sums = [total + len(x) * part.item() for total, part in zip(sums, parts, strict=True)]
        images += len(x)
    return tuple(total / images for total in sums)


ORACLE = {"train_one_epoch": train_one_epoch}
