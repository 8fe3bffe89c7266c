"""Question 1c: the oracle against hand-made examples, laws, finite differences and a library."""

import math
from pathlib import Path

import pytest
import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import NTXentLoss

from autograder.questions.cases import stored_cases
from autograder.release.trial import lost

from .mistakes import MISCONCEPTIONS
from .oracle import nt_xent_euclidean

HERE = Path(__file__).parent
CASES = stored_cases(HERE)
case_by_name = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def embeddings(n=4, d=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, d, generator=generator, dtype=torch.float64) for _ in range(2))


def test_equal_rows_make_a_guess_among_the_others():
    rows = torch.ones(5, 3, dtype=torch.float64)
    assert nt_xent_euclidean(rows, rows, 0.1).item() == pytest.approx(math.log(9))


def test_two_images_at_distance_five():
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0]]).double()
    assert nt_xent_euclidean(rows, rows, 2.0).item() == pytest.approx(math.log(1 + 2 * math.exp(-2.5)))


def test_views_and_images_can_be_exchanged():
    z_i, z_j = embeddings()
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(nt_xent_euclidean(z_j[order], z_i[order], 0.3), nt_xent_euclidean(z_i, z_j, 0.3))


def test_a_shift_changes_nothing_and_a_scale_acts_as_a_temperature():
    z_i, z_j = embeddings()
    loss = nt_xent_euclidean(z_i, z_j, 0.3)
    torch.testing.assert_close(nt_xent_euclidean(z_i + 2, z_j + 2, 0.3), loss)
    torch.testing.assert_close(nt_xent_euclidean(10 * z_i, 10 * z_j, 3.0), loss)


@case_by_name
def test_gradient_agrees_with_central_differences_even_at_distance_zero(case):
    """A distance at 0 is symmetric, so its central difference is the subgradient 0."""
    z_i, z_j, temperature = case.inputs["a"][:, :6].double(), case.inputs["b"][:, :6].double(), case.inputs["parameter"]
    z_i.requires_grad_()
    (gradient,) = torch.autograd.grad(nt_xent_euclidean(z_i, z_j, temperature), z_i)
    step = 1e-6 * z_i.detach().norm(dim=1).max()
    for row, column in ((0, 0), (len(z_i) - 1, 2)):
        offset = torch.zeros_like(z_i)
        offset[row, column] = step
        with torch.no_grad():
            ahead, behind = (nt_xent_euclidean(z_i + sign * offset, z_j, temperature) for sign in (1, -1))
        torch.testing.assert_close((ahead - behind) / (2 * step), gradient[row, column], rtol=1e-4, atol=1e-6)


@case_by_name
def test_oracle_agrees_with_pytorch_metric_learning(case):
    z_i, z_j, temperature = case.inputs["a"].double(), case.inputs["b"].double(), case.inputs["parameter"]
    loss = NTXentLoss(temperature, distance=LpDistance(normalize_embeddings=False, p=2))
    theirs = loss(torch.cat([z_i, z_j]), torch.arange(len(z_i)).repeat(2))
    torch.testing.assert_close(theirs, nt_xent_euclidean(z_i, z_j, temperature), check_dtype=False)


@pytest.mark.parametrize("epsilon", [1e-8, 1e-10, 1e-12, 1e-16])
def test_a_small_constant_under_the_root_is_no_mistake(epsilon):
    """It stands for a distance of at most 1e-4 and keeps the gradient at 0 finite."""

    def loss(z_i, z_j, temperature):
        z, n = torch.cat([z_i, z_j]), len(z_i)
        logits = -((z[:, None] - z).square().sum(2) + epsilon).sqrt() / temperature
        return torch.nn.functional.cross_entropy(logits.fill_diagonal_(-torch.inf), torch.arange(2 * n).roll(n))

    assert lost(HERE, {"nt_xent_euclidean": loss}) == {}


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("root_of_other_pairs", ("coincident",)),
        ("root_of_every_square", ("gradient", "coincident")),
        ("cosine_used", ("value", "gradient")),
        ("incoming_gradient_forgotten", ("gradient",)),
        ("backward_of_the_last_call", ("gradient",)),
        ("self_in_denominator_and_one_direction", ("value", "gradient")),
        ("epsilon_of_1e_12", ("value", "gradient")),
        ("epsilon_of_1e_12_in_the_denominator", ("value", "gradient")),
    ],
)
def test_a_mistake_costs_what_it_breaks_and_is_recognised(mistake, tests):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    assert lost(HERE, wrong.namespace) == dict.fromkeys(tests, wrong.hint)


@pytest.mark.parametrize("mistake", ["products", "products_and_an_epsilon"])
def test_distances_by_products_cost_the_points_for_equal_rows(mistake):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    found = lost(HERE, wrong.namespace)
    # What rounding leaves of the distance to itself depends on torch and processor, and can cost the gradient, too.
    assert found.keys() - {"gradient"} == {"coincident"} and set(found.values()) == {wrong.hint}
