"""Scores samples of a generative model by three numbers: class coverage, confidence, and distance to real images.

Pure functions of images and of a scorer (``autograder.scorers``).
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
    """The scores of (n, c, h, w) uint8 images, from the scorer's classifier; n >= 2."""
    probabilities, features = look(scorer.classifier, images)
    return Scores(
        coverage(probabilities, scorer.histogram),
        probabilities.amax(dim=1).mean().item(),
        frechet(features.mean(dim=0), features.T.cov(), scorer.mean, scorer.covariance),
    )


def coverage(probabilities: torch.Tensor, histogram: torch.Tensor) -> float:
    """The overlap of the histograms of predicted and real classes: the sum of min(q_k, p_k), 1 if they are equal."""
    counts = torch.bincount(probabilities.argmax(dim=1), minlength=len(histogram))
    return torch.minimum(counts / len(probabilities), histogram / histogram.sum()).sum().item()


def frechet(mean_a: torch.Tensor, cov_a: torch.Tensor, mean_b: torch.Tensor, cov_b: torch.Tensor) -> float:
    """Squared Fréchet distance of two Gaussians: |m_a - m_b|² + tr(A + B - 2 (A B)^(1/2)). Heusel et al. (2017), eq. 6.

    The trace of (A B)^(1/2) equals that of (A^(1/2) B A^(1/2))^(1/2), the root of a symmetric matrix.
    """
    root = symmetric_root(cov_a)
    overlap = symmetric_root(root @ cov_b @ root).trace()
    distance = (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * overlap
    return max(0.0, distance.item())


def symmetric_root(matrix: torch.Tensor) -> torch.Tensor:
    """The root of a symmetric positive semi-definite matrix; small negative eigenvalues from rounding become 0."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
