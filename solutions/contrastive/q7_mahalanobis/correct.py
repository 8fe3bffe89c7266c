"""Correct distances and projections in the styles that people write; mistakes are edits of the first of each."""

import numpy as np
import torch


def by_einsum(u, v, M):
    diff = u - v
    square = torch.einsum("ni,ij,nj->n", diff, M, diff)
    return torch.sqrt(square.clamp(min=1e-12))


def with_where(u, v, M):
    square = ((u - v) @ M * (u - v)).sum(1)
    zero = square <= 0
    return square.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)


def row_by_row(u, v, M):
    distances = []
    for k in range(len(u)):
        diff = (u[k] - v[k]).unsqueeze(1)
        square = (diff.T @ M @ diff).squeeze()
        distances.append(square.sqrt() if square > 0 else square * 0)
    return torch.stack(distances)


def by_the_root_of_the_matrix(u, v, M):
    eigenvalues, vectors = torch.linalg.eigh(M)
    root = vectors * eigenvalues.clamp(min=0).sqrt()
    return torch.linalg.vector_norm((u - v) @ root, dim=1)


def by_eigenvalues(M):
    S = (M + M.T) / 2
    eigenvalues, Q = torch.linalg.eigh(S)
    eigenvalues = eigenvalues.clamp(min=0)
    return Q @ torch.diag(eigenvalues) @ Q.T


@torch.no_grad()
def by_singular_values(M):
    S = 0.5 * (M + M.t())
    _, s, Vh = torch.linalg.svd(S)
    return (S + Vh.T @ torch.diag(s) @ Vh) / 2


def of_numpy(M):
    A = M.detach().numpy().astype("float64")
    w, Q = np.linalg.eigh((A + A.T) / 2)
    return torch.tensor((Q * np.maximum(w, 0)) @ Q.T, dtype=M.dtype)


def by_absolute_value(u, v, M):
    square = torch.stack([row @ M @ row for row in u - v]).abs()
    return torch.sqrt(square + (square == 0)) * (square != 0)


CORRECT = {
    "plain": {"mahalanobis": by_einsum, "project_psd": by_eigenvalues},
    "where": {"mahalanobis": with_where, "project_psd": by_singular_values},
    "rows": {"mahalanobis": row_by_row, "project_psd": of_numpy},
    "root": {"mahalanobis": by_the_root_of_the_matrix, "project_psd": by_eigenvalues},
    "absolute value": {"mahalanobis": by_absolute_value, "project_psd": by_eigenvalues},
}
