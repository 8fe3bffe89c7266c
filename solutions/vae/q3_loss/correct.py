"""Correct losses of a VAE in the styles that people write: each must earn all points."""

from __future__ import annotations

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
    n = x.size(0)
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / n
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / n
    return [bce + kld * beta, bce, kld]


def mean_of_the_bound(logits, x, mu, logvar, beta=1.0):
    log_p, kl = _log_likelihood(logits, x), _kl(mu, logvar)
    elbo = log_p - beta * kl
    return -elbo.mean(), -log_p.mean(), kl.mean()


def by_distributions(logits, x, mu, logvar, beta=1.0):
    log_p = Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)
    q = Normal(mu, (logvar / 2).exp())
    kl = kl_divergence(q, Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(1)
    return (beta * kl - log_p).mean(), -log_p.mean(), kl.mean()


def image_by_image(logits, x, mu, logvar, beta=1.0):
    rows = [two_means(*(t[k : k + 1] for t in (logits, x, mu, logvar)), beta) for k in range(len(x))]
    loss, reconstruction, kl = (torch.stack(parts).mean() for parts in zip(*rows))
    return loss, reconstruction.detach(), kl.detach()


def numbers_for_the_parts(logits, x, mu, logvar, beta=1.0):
    loss, reconstruction, kl = two_means(logits.double(), x.double(), mu.double(), logvar.double(), beta)
    return loss.float(), reconstruction.item(), kl.item()


CORRECT = {
    function.__name__.replace("_", " "): {"vae_loss": function}
    for function in (
        two_means,
        sums_over_the_batch,
        mean_of_the_bound,
        by_distributions,
        image_by_image,
        numbers_for_the_parts,
    )
}
