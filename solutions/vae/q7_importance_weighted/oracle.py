"""The importance-weighted bound, one image and one draw at a time (Burda et al. 2016, equation 8)."""

import torch
from torch.distributions import Bernoulli

from ..q1a_reparameterize.oracle import reparameterize
from ..q1d_normal.oracle import log_likelihood_normal
from ..q1e_log_mean_exp.oracle import log_mean_exp


def log_likelihood_bernoulli(logits, x) -> torch.Tensor:
    """That of question 1c, of whole tensors: 784 pixels a time would take long. The tests compare the two."""
    return Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)


def importance_weighted_bound(model, x, eps) -> torch.Tensor:
    r"""$\log \frac1k \sum_j p(x \mid z_j)\, p(z_j) / q(z_j \mid x)$ of each image, (n,)."""
    bounds = []
    for image, of_image in zip(x.split(1), eps.unbind(1), strict=True):
        mu, logvar = model.encode(image)
        weights = []
        for noise in of_image:
            z = reparameterize(mu, logvar, noise[None])
            joint = log_likelihood_bernoulli(model.decode(z), image) + log_likelihood_normal(0 * mu, 0 * mu, z)
            weights.append(joint - log_likelihood_normal(mu, logvar, z))
        bounds.append(log_mean_exp(torch.stack(weights, dim=1)))
    return torch.cat(bounds)


ORACLE = {"importance_weighted_bound": importance_weighted_bound}
