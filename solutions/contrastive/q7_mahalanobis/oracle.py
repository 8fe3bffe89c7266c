"""The Mahalanobis distance, one pair at a time, and the nearest matrix by its eigenvalues (Higham 1988, theorem 2.1)."""

import numpy as np
import torch


def mahalanobis(u, v, M) -> torch.Tensor:
    distances = []
    for a, b in zip(u, v, strict=True):
        difference = a - b
        square = sum(x * y * M[i, j] for i, x in enumerate(difference) for j, y in enumerate(difference))
        distances.append(torch.sqrt(square) if square > 1e-12 else 0 * square)
    return torch.stack(distances)


def project_psd(M) -> torch.Tensor:
    """(B + H) / 2, where B is the symmetric part and H its symmetric polar factor, the matrix of the absolute eigenvalues."""
    B = (M + M.T).numpy().astype(np.float64) / 2
    eigenvalues, vectors = np.linalg.eigh(B)
    H = sum(abs(value) * np.outer(vector, vector) for value, vector in zip(eigenvalues, vectors.T, strict=True))
    return torch.from_numpy((B + H) / 2).to(M.dtype)


ORACLE = {"mahalanobis": mahalanobis, "project_psd": project_psd}
