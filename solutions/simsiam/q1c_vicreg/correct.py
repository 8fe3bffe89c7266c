"""Correct VICReg losses in the styles that people write: each must earn all points."""

import torch
import torch.nn.functional as F


def term_by_term(z1, z2, sim=25.0, var=25.0, cov=1.0):
    """The plain form: ``mistakes`` are changes of it."""
    n, d = z1.shape
    invariance = F.mse_loss(z1, z2)
    variance, covariance = 0.0, 0.0
    for z in (z1, z2):
        x = z - z.mean(dim=0)
        std = torch.sqrt(x.var(dim=0) + 1e-4)
        variance = variance + F.relu(1 - std).mean() / 2
        c = x.T @ x / (n - 1)
        covariance = covariance + (c.pow(2).sum() - c.diagonal().pow(2).sum()) / d
    return sim * invariance + var * variance + cov * covariance, invariance, variance, covariance


def official_style(z1, z2, sim=25.0, var=25.0, cov=1.0):
    batch_size, num_features = z1.shape

    def off_diagonal(x):
        n, _ = x.shape
        return x.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()

    repr_loss = F.mse_loss(z1, z2)
    x, y = z1 - z1.mean(dim=0), z2 - z2.mean(dim=0)
    std_x, std_y = torch.sqrt(x.var(dim=0) + 0.0001), torch.sqrt(y.var(dim=0) + 0.0001)
    std_loss = torch.mean(F.relu(1 - std_x)) / 2 + torch.mean(F.relu(1 - std_y)) / 2
    cov_x, cov_y = (x.T @ x) / (batch_size - 1), (y.T @ y) / (batch_size - 1)
    cov_loss = off_diagonal(cov_x).pow_(2).sum().div(num_features) + off_diagonal(cov_y).pow_(2).sum().div(num_features)
    return sim * repr_loss + var * std_loss + cov * cov_loss, repr_loss, std_loss, cov_loss


def both_views_at_once(z1, z2, sim=25.0, var=25.0, cov=1.0):
    z = torch.stack([z1, z2])
    x = z - z.mean(1, keepdim=True)
    c = torch.einsum("vni,vnj->vij", x, x) / (z.shape[1] - 1)
    std = (torch.diagonal(c, dim1=1, dim2=2) + 1e-4) ** 0.5
    mask = 1 - torch.eye(z.shape[2])
    parts = ((z[0] - z[1]) ** 2).mean(), (1 - std).clamp(min=0).mean(), (c * mask).square().sum() / z.shape[2]
    return [sum(w * part for w, part in zip((sim, var, cov), parts)), *parts]


def parts_as_numbers(z1, z2, sim=25.0, var=25.0, cov=1.0):
    """Numbers for the three terms, and a sum over the columns one by one."""
    invariance = torch.dist(z1, z2) ** 2 / z1.numel() if sim else torch.mean((z1 - z2) ** 2)
    hinges, squares = [], []
    for z in (z1.double(), z2.double()):
        hinges += [torch.relu(1 - torch.sqrt(torch.var(column) + 1e-4)) for column in z.unbind(1)]
        matrix = torch.cov(z.T)
        squares.append(matrix[~torch.eye(len(matrix), dtype=torch.bool)].square().sum() / len(matrix))
    variance, covariance = torch.stack(hinges).mean(), sum(squares)
    loss = (sim * invariance + var * variance + cov * covariance).float()
    return loss, invariance.item(), variance.item(), covariance.item()


def covariance_of_torch(z1, z2, sim=25.0, var=25.0, cov=1.0):
    variance, covariance = 0.0, 0.0
    for z in (z1, z2):
        matrix = torch.cov(z.T)
        variances = matrix.diagonal()
        variance = variance + F.relu(1 - (variances + 1e-4).sqrt()).mean() / 2
        covariance = covariance + (matrix.square().sum() - variances.square().sum()) / z.shape[1]
    invariance = F.mse_loss(z1, z2)
    return sim * invariance + var * variance + cov * covariance, invariance, variance, covariance


_ALL = (term_by_term, official_style, both_views_at_once, parts_as_numbers, covariance_of_torch)
CORRECT = {f.__name__: {"vicreg_loss": f} for f in _ALL}
