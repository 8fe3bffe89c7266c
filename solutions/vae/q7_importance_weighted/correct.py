"""Correct importance-weighted bounds in the styles that people write: each must earn all points."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Independent, Normal


def _bernoulli(logits, x):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def _normal(mu, logvar, x):
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mu) ** 2 / logvar.exp()).sum(-1)


def _log_mean_exp(y):
    return torch.logsumexp(y, dim=1) - math.log(y.shape[1])


def draw_by_draw(model, x, eps):
    """The plain form: ``mistakes`` are changes of it."""
    mu, logvar = model.encode(x)
    zeros, weights = torch.zeros_like(mu), []
    for noise in eps:
        z = mu + (logvar / 2).exp() * noise
        log_p = _bernoulli(model.decode(z), x)
        prior, posterior = _normal(zeros, zeros, z), _normal(mu, logvar, z)
        weights.append(log_p + prior - posterior)
    return _log_mean_exp(torch.stack(weights, dim=1))


def all_draws_at_once(model, x, eps):
    mu, logvar = model.encode(x)
    q, p = (Independent(Normal(m, s), 1) for m, s in ((mu, (logvar / 2).exp()), (0 * mu, torch.ones_like(mu))))
    z = q.base_dist.loc + q.base_dist.scale * eps
    logits = model.decode(z).view(*eps.shape[:2], 1, 28, 28)
    log_p = Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(2).sum(2)
    log_w = log_p + p.log_prob(z) - q.log_prob(z)
    largest = log_w.max(0).values
    return (log_w - largest).exp().mean(0).log() + largest


@torch.no_grad()
def image_by_image(model, x, eps):
    """In float64, with the images repeated for every draw; the noise gives the posterior's density."""
    bounds = []
    for image, noise in zip(x, eps.unbind(1)):
        mu, logvar = model.encode(image[None])
        z = mu + logvar.exp().sqrt() * noise
        log_p = _bernoulli(model.decode(z), image.repeat(len(z), 1, 1, 1)).double()
        log_ratio = 0.5 * (noise.double().square() - z.double().square() + logvar).sum(1)
        bounds.append(torch.logsumexp(log_p + log_ratio, 0) - math.log(len(z)))
    return torch.stack(bounds).to(x.dtype)


CORRECT = {f.__name__: {"importance_weighted_bound": f} for f in (draw_by_draw, all_draws_at_once, image_by_image)}
