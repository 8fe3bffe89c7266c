"""The negative bound, one image at a time."""

from ..q1b_kl_divergence.oracle import kl_divergence
from ..q1c_bernoulli.oracle import log_likelihood_bernoulli


def vae_loss(logits, x, mu, logvar, beta=1.0):
    """(loss, reconstruction, kl): −mean log p(x|z) + β mean KL, and both means without sign and β."""
    n = len(x)
    reconstruction, kl = 0.0, 0.0
    for k in range(n):
        row = slice(k, k + 1)
        reconstruction = reconstruction - log_likelihood_bernoulli(logits[row], x[row])[0] / n
        kl = kl + kl_divergence(mu[row], logvar[row])[0] / n
    return reconstruction + beta * kl, reconstruction, kl


ORACLE = {"vae_loss": vae_loss}
