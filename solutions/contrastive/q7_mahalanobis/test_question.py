"""Question 7: the oracle against SciPy and scikit-learn, and what a mistake costs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial.distance import mahalanobis as of_scipy
from sklearn.metrics import DistanceMetric

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import CORRECT, by_eigenvalues, by_einsum
from .mistakes import MISCONCEPTIONS
from .oracle import mahalanobis, project_psd
from .question import rounded

HERE, PLAIN = Path(__file__).parent, CORRECT["plain"]


def test_the_distance_agrees_with_scipy_and_scikit_learn_which_call_m_the_inverse_of_a_covariance():
    u, v, half = torch.randn(3, 4, 4, dtype=torch.float64)
    M = half @ half.T
    wanted = [of_scipy(a, b, M.numpy()) for a, b in zip(u.numpy(), v.numpy())]
    assert mahalanobis(u, v, M).tolist() == pytest.approx(wanted)
    theirs = DistanceMetric.get_metric("mahalanobis", VI=M.numpy()).pairwise(u.numpy(), v.numpy())
    assert theirs.diagonal() == pytest.approx(wanted)


def test_no_matrix_that_scipy_finds_is_nearer_than_the_projection():
    M = torch.tensor([[1.0, 4.0], [-1.0, -2.0]], dtype=torch.float64)
    found = project_psd(M).numpy()
    assert (np.linalg.eigvalsh(found) > -1e-12).all() and np.allclose(found, found.T)

    def distance(entries):
        half = entries.reshape(2, 2)
        return np.linalg.norm(half @ half.T - M.numpy())

    best = min(
        minimize(distance, start, method="Nelder-Mead", options={"maxiter": 4000}).fun for start in np.eye(4) + 0.3
    )
    assert np.linalg.norm(found - M.numpy()) == pytest.approx(best, rel=1e-5)


def test_pairs_at_distance_0_come_out_below_0_by_rounding():
    inputs = rounded()
    x, M = inputs["u_e"] - inputs["v_e"], inputs["M_e"]
    assert not (x.double() @ M.double()).any() and torch.linalg.matrix_rank(M) == 1
    forms = ((x @ M) * x).sum(1), torch.einsum("ni,ij,nj->n", x, M, x), torch.stack([row @ M @ row for row in x])
    assert all((form > -1e-5).all() and (form < 0).sum() > 2 for form in forms)


def test_roots_of_numbers_below_0_are_seen():
    """Where the form is 0 they are careful, but not where it comes out below 0."""
    square = "torch.einsum('ni,ij,nj->n', diff, M, diff)"
    wrong = (
        edit("0 alone", "", "torch.sqrt(square.clamp(min=1e-12))", "torch.where(square == 0, 0.0, (square + (square == 0)).sqrt())"),
        edit("added", "", "square.clamp(min=1e-12)", "square + 1e-12"),
        edit("power", "", "torch.sqrt(square.clamp(min=1e-12))", "torch.where(square == 0, 1e-12, square) ** 0.5"),
        edit("by hand", "", square.replace("'", '"'), "((diff @ M) * diff).sum(1)", "square.clamp(min=1e-12)",
             "torch.where(square == 0, 1e-12, square)"),
    )  # fmt: skip
    for mistake in misconceptions("mahalanobis", by_einsum, wrong, PLAIN):
        found = lost(HERE, mistake.namespace)
        assert found.keys() == {"gradient"} and "below 0 under the root has NaN" in found["gradient"], (
            mistake.id,
            found,
        )


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    both = ("mahalanobis", "gradient")
    costs = {
        both: "square, inverse, M ignored, diagonal alone, M squared, every pair, mean of the distances",
        ("gradient",): "nan at distance 0, v detached",
        ("mahalanobis",): "u changed",
        ("projection",): "not made symmetric, sum of both, absolute eigenvalues, entries clipped, shifted",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    distances = (
        edit("epsilon", "", "min=1e-12", "min=1e-4"),
        edit("a column", "", "min=1e-12))", "min=1e-12))[:, None]"),
        edit("no root of small ones", "", "    return", "    square = square * (square > 1)\n    return"),
        edit("seeded", "", "    return", "    torch.manual_seed(0)\n    return"),
    )
    found = [set(lost(HERE, m.namespace)) for m in misconceptions("mahalanobis", by_einsum, distances, PLAIN)]
    assert all("mahalanobis" in tests for tests in found)
    matrices = (
        edit(
            "largest eigenvalue alone",
            "",
            "eigenvalues.clamp(min=0)",
            "eigenvalues.clamp(min=0) * (eigenvalues == eigenvalues.max())",
        ),
        edit("exchanged", "", "Q @ torch.diag(eigenvalues) @ Q.T", "Q.T @ torch.diag(eigenvalues) @ Q"),
        edit("M changed", "", "(M + M.T) / 2", "M.copy_((M + M.T) / 2)"),
    )
    found = [set(lost(HERE, m.namespace)) for m in misconceptions("project_psd", by_eigenvalues, matrices, PLAIN)]
    assert found == [{"projection"}] * 3
