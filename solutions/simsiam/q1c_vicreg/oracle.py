"""VICReg, one number at a time (Bardes et al. 2021, equations 1 to 6; the variance averaged over the views)."""

import torch


def vicreg_loss(z1, z2, sim=25.0, var=25.0, cov=1.0) -> tuple[torch.Tensor, ...]:
    """(loss, invariance, variance, covariance)."""
    n, d = z1.shape
    invariance = sum((z1[k, i] - z2[k, i]) ** 2 for k in range(n) for i in range(d)) / (n * d)
    variance, covariance = 0 * z1[0, 0], 0 * z1[0, 0]
    for z in (z1, z2):
        centred = [[z[k, i] - sum(z[:, i]) / n for i in range(d)] for k in range(n)]
        for i in range(d):
            for j in range(d):
                entry = sum(row[i] * row[j] for row in centred) / (n - 1)
                if i == j:
                    variance = variance + torch.clamp(1 - torch.sqrt(entry + 1e-4), min=0) / d / 2
                else:
                    covariance = covariance + entry**2 / d
    return sim * invariance + var * variance + cov * covariance, invariance, variance, covariance


ORACLE = {"vicreg_loss": vicreg_loss}
