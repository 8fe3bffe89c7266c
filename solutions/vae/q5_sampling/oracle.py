"""Samples one image after the other, and a line by its definition."""

import torch


@torch.no_grad()
def sample(model, n, generator) -> torch.Tensor:
    """Probabilities (n, 1, 28, 28) of the pixels for z ~ N(0, I)."""
    dtype = next(model.parameters()).dtype
    z = torch.empty(n, model.latent, dtype=dtype).normal_(generator=generator)
    return torch.cat([1 / (1 + torch.exp(-model.decode(row[None]))) for row in z])


def interpolate(z0, z1, steps) -> torch.Tensor:
    """(steps, d): z0 + t (z1 − z0) for t = 0, 1/(steps − 1), …, 1; z0 alone for one step."""
    points = [[a + (b - a) * k / max(steps - 1, 1) for a, b in zip(z0.tolist(), z1.tolist())] for k in range(steps)]
    return torch.tensor(points, dtype=z0.dtype)


ORACLE = {"sample": sample, "interpolate": interpolate}
