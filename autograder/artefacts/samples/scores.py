"""What samples of a generative model are worth, in three numbers: which classes, how clear, how alike the real images.

Pure functions of pictures and of a scorer (``autograder.scorers``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from autograder.scorers.classifier import Scorer, look


@dataclass(frozen=True)
class Scores:
    """Coverage and confidence are in [0, 1] and best at 1; the Fréchet distance is best at 0."""

    coverage: float
    confidence: float
    frechet: float


def scores(scorer: Scorer, images: torch.Tensor) -> Scores:
    """Look at (n, c, h, w) uint8 images through the scorer's classifier; n >= 2."""
    probabilities, features = look(scorer.classifier, images)
    return Scores(
        coverage(probabilities, scorer.histogram),
        probabilities.amax(dim=1).mean().item(),
        frechet(features.mean(dim=0), features.T.cov(), scorer.mean, scorer.covariance),
    )


def coverage(probabilities: torch.Tensor, histogram: torch.Tensor) -> float:
    """How far the histograms of predicted and of wanted classes overlap: the sum of min(q_k, p_k), 1 where equal."""
    counts = torch.bincount(probabilities.argmax(dim=1), minlength=len(histogram))
    return torch.minimum(counts / len(probabilities), histogram / histogram.sum()).sum().item()


def frechet(mean_a: torch.Tensor, cov_a: torch.Tensor, mean_b: torch.Tensor, cov_b: torch.Tensor) -> float:
    """Squared Fréchet distance of two Gaussians: |m_a - m_b|² + tr(A + B - 2 (A B)^(1/2)).

    The trace of the root is that of (A^(1/2) B A^(1/2))^(1/2), a symmetric matrix. Heusel et al. (2017), eq. 6.
    """
    root = symmetric_root(cov_a)
    overlap = symmetric_root(root @ cov_b @ root).trace()
    distance = (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap
    return max(0.0, distance.item())


def symmetric_root(matrix: torch.Tensor) -> torch.Tensor:
    """Root of a symmetric matrix without negative eigenvalues but for rounding."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
