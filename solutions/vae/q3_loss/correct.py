"""Correct losses of a VAE in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence


def _log_likelihood(logits, x):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def _kl(mu, logvar):
    return 0.5 * (logvar.exp() + mu**2 - 1 - logvar).sum(-1)


def two_means(logits, x, mu, logvar, beta=1.0):
    """The plain form: ``mistakes`` are changes of it."""
    reconstruction = -_log_likelihood(logits, x).mean()
    kl = _kl(mu, logvar).mean()
    loss = reconstruction + beta * kl
    return loss, reconstruction, kl


def sums_over_the_batch(logits, x, mu, logvar, beta=1.0):
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / x.size(0)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / x.size(0)
    return [bce + kld * beta, bce, kld]


def by_distributions(logits, x, mu, logvar, beta=1.0):
    log_p = Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)
    kl = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(1)
    return -(log_p - beta * kl).mean(), -log_p.mean(), kl.mean()


def image_by_image_with_numbers(logits, x, mu, logvar, beta=1.0):
    rows = [two_means(*(t[k : k + 1].double() for t in (logits, x, mu, logvar)), beta) for k in range(len(x))]
    loss, reconstruction, kl = (torch.stack(parts).mean() for parts in zip(*rows))
    return loss.float(), reconstruction.item(), kl.detach().float()


_ALL = (two_means, sums_over_the_batch, by_distributions, image_by_image_with_numbers)
CORRECT = {f.__name__: {"vae_loss": f} for f in _ALL}
