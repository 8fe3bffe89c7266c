"""Coverage, confidence and Fréchet distance against values known otherwise; shares of points by hand."""

import math
from dataclasses import asdict

import pytest
import torch

from autograder.artefacts.samples import share_of_points, shares
from autograder.artefacts.samples.scores import coverage, frechet, scores
from autograder.scorers.classifier import load
from data_scripts import locate

RAMPS = {"coverage": (0.5, 0.85), "confidence": (0.6, 0.9), "frechet": (60, 15)}

torch.set_num_threads(1)


def numbers(coverage: float, confidence: float, frechet: float) -> dict[str, float]:
    return {"coverage": coverage, "confidence": confidence, "frechet": frechet}


def random_covariance(generator: torch.Generator, size: int, rank: int) -> torch.Tensor:
    factor = torch.randn(size, rank, generator=generator, dtype=torch.float64)
    return factor @ factor.T / rank


def test_frechet_of_gaussians_with_diagonal_covariances():
    """Their roots commute: the sum of (m_a - m_b)² + (sigma_a - sigma_b)²."""
    mean_a, mean_b = torch.tensor([1.0, 2.0, 3.0]).double(), torch.tensor([0.0, 2.0, 5.0]).double()
    sigma_a, sigma_b = torch.tensor([1.0, 2.0, 0.0]).double(), torch.tensor([3.0, 2.0, 0.5]).double()
    found = frechet(mean_a, sigma_a.square().diag(), mean_b, sigma_b.square().diag())
    assert found == pytest.approx(1 + 4 + 4 + 0.25)


@pytest.mark.parametrize("rank", [3, 8, 20])
def test_frechet_agrees_with_the_eigenvalues_of_the_product(rank):
    """tr (A B)^(1/2) is the sum of the roots of the eigenvalues of A B, which is not symmetric."""
    generator = torch.Generator().manual_seed(rank)
    a, b = random_covariance(generator, 8, rank), random_covariance(generator, 8, 20)
    mean = torch.randn(2, 8, generator=generator, dtype=torch.float64)
    roots = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()
    expected = (mean[0] - mean[1]).square().sum() + a.trace() + b.trace() - 2 * roots
    assert frechet(mean[0], a, mean[1], b) == pytest.approx(expected.item(), rel=1e-6)
    assert frechet(mean[0], a, mean[0], a) == pytest.approx(0, abs=1e-6)
    assert frechet(mean[0], a, mean[1], b) == pytest.approx(frechet(mean[1], b, mean[0], a))


def test_coverage_by_hand():
    wanted = torch.tensor([0.5, 0.25, 0.25]).double()
    even = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.0, 1.0, 0.0], [0.1, 0.1, 0.8]]).double()
    assert coverage(even, wanted) == 1
    assert coverage(even[2:3].expand(4, 3), wanted) == 0.25
    assert coverage(even[:3], wanted) == pytest.approx(0.5 + 0.25)


def test_shares_rise_and_fall_between_the_ends_of_their_ramps():
    assert shares(numbers(0.5, 0.6, 60), RAMPS) == {"coverage": 0, "confidence": 0, "frechet": 0}
    assert shares(numbers(0.85, 0.9, 15), RAMPS) == {"coverage": 1, "confidence": 1, "frechet": 1}
    assert shares(numbers(0.675, 0.75, 37.5), RAMPS) == pytest.approx(
        {"coverage": 0.5, "confidence": 0.5, "frechet": 0.5}
    )
    assert shares(numbers(0.1, 1.0, 1000), RAMPS) == {"coverage": 0, "confidence": 1, "frechet": 0}
    assert share_of_points(numbers(0.675, 0.75, 37.5), RAMPS) == pytest.approx(0.125)
    assert share_of_points(numbers(1, 1, 0), RAMPS) == 1
    assert share_of_points(numbers(1, 0.3, 0), RAMPS) == 0


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_noise_is_nothing_to_the_shipped_scorers(name):
    scorer = load(name)
    assert scorer.covariance.trace().item() == pytest.approx(100, rel=1e-3)
    assert scorer.histogram.sum().item() == pytest.approx(1)
    noise = torch.randint(0, 256, (64, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    found = scores(scorer, noise)
    assert found.confidence < 0.2 and found.frechet > 100
    assert share_of_points(asdict(found), RAMPS) == 0


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_real_test_images_are_what_the_scorers_know(name):
    data = locate(["data"], name)
    if data is None or data.manifest["generated"]:
        pytest.skip(f"{name} is not prepared")
    scorer = load(name)
    chosen = torch.randperm(10_000, generator=torch.Generator().manual_seed(0))[:256]
    images = torch.from_numpy(data.images("test")[chosen.numpy()])
    found = scores(scorer, images)
    assert found.coverage > 0.85 and found.confidence > 0.8 and found.frechet < 3
    assert float(scorer.about["accuracy"].rstrip("%")) > {"mnist": 98.5, "fashion_mnist": 88}[name]
    halves = torch.cat([images[:128], 255 - images[128:]])
    assert scores(scorer, halves).frechet > 10 * found.frechet
    assert math.isclose(scores(scorer, images.flip(0)).frechet, found.frechet, rel_tol=1e-5)  # no order counts


def test_a_data_set_without_a_scorer_has_none():
    assert load("cifar10") is None
