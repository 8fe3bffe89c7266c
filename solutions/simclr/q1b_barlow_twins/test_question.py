"""Question 1b: the oracle against hand-made examples, laws, finite differences and a library."""

from pathlib import Path

import pytest
import torch
from lightly.loss import BarlowTwinsLoss

from autograder.questions.cases import stored_cases
from autograder.release.trial import lost

from .mistakes import MISCONCEPTIONS
from .oracle import barlow_twins

HERE = Path(__file__).parent
CASES = stored_cases(HERE)


def embeddings(n=5, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, d, generator=generator, dtype=torch.float64) for _ in range(2))


def test_decorrelated_features_that_agree_cost_nothing():
    rows = torch.eye(3, dtype=torch.float64)
    assert barlow_twins(rows, rows, 0.1) == 0


def test_exchanged_features_cost_two_diagonals_and_two_entries():
    rows = torch.eye(2, dtype=torch.float64)
    assert barlow_twins(rows, rows.flip(1), 0.1).item() == pytest.approx(2 + 0.1 * 2)


def test_one_image_correlates_fully_and_has_no_gradient():
    z_a, z_b = torch.tensor([[2.0, -3.0]]).double().requires_grad_(), torch.tensor([[5.0, 7.0]]).double()
    loss = barlow_twins(z_a, z_b, 0.1)
    loss.backward()
    assert loss.item() == pytest.approx((1 + 1) ** 2 + 0.1 * 2)  # C = [[1, 1], [-1, -1]]
    torch.testing.assert_close(z_a.grad, torch.zeros_like(z_a))


def test_columns_may_have_any_length():
    z_a, z_b = embeddings()
    lengths = torch.tensor([0.01, 1.0, 7.0, 100.0]).double()
    torch.testing.assert_close(barlow_twins(z_a * lengths, z_b / lengths, 0.1), barlow_twins(z_a, z_b, 0.1))


def test_views_can_be_exchanged():
    z_a, z_b = embeddings()
    torch.testing.assert_close(barlow_twins(z_a, z_b, 0.1), barlow_twins(z_b, z_a, 0.1))


def test_a_rotation_of_the_batch_axis_keeps_every_correlation():
    z_a, z_b = embeddings()
    rotation = torch.linalg.qr(embeddings(5, 5, seed=1)[0]).Q
    torch.testing.assert_close(barlow_twins(rotation @ z_a, rotation @ z_b, 0.1), barlow_twins(z_a, z_b, 0.1))


def test_lambda_weighs_one_term_linearly():
    z_a, z_b = embeddings()
    at_0, at_1, at_3 = (barlow_twins(z_a, z_b, lambd) for lambd in (0.0, 1.0, 3.0))
    torch.testing.assert_close(at_3 - at_0, 3 * (at_1 - at_0))


def test_the_printed_form_is_not_centred():
    z_a, z_b = embeddings()
    assert (barlow_twins(z_a + 1, z_b + 1, 0.1) - barlow_twins(z_a, z_b, 0.1)).abs() > 0.1


def test_gradient_agrees_with_finite_differences():
    z_a, z_b = (z.requires_grad_() for z in embeddings())
    assert torch.autograd.gradcheck(lambda a, b: barlow_twins(a, b, 0.3), (z_a, z_b))


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if len(case.inputs["a"]) > 1], ids=lambda case: case.name
)
def test_oracle_agrees_with_lightly_on_centred_features(case):
    """lightly standardises by batch norm, whose epsilon vanishes against columns of a large length."""
    z_a, z_b = ((z - z.mean(0)) / z.std(0) * 1e4 for z in (case.inputs["a"].double(), case.inputs["b"].double()))
    z_a, z_b = z_a.requires_grad_(), z_b.requires_grad_()
    ours = barlow_twins(z_a, z_b, case.inputs["parameter"])
    theirs = BarlowTwinsLoss(case.inputs["parameter"])(z_a, z_b)
    torch.testing.assert_close(theirs, ours)
    # Batch norm takes the mean out of the gradient as well.
    for mine, other in zip(torch.autograd.grad(ours, (z_a, z_b)), torch.autograd.grad(theirs, (z_a, z_b))):
        torch.testing.assert_close((mine - mine.mean(0)) * 1e4, other * 1e4)


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("epsilon_in_norm", ("scale",)),
        ("norms_without_gradient", ("gradient",)),
        ("incoming_gradient_forgotten", ("gradient",)),
        ("backward_of_the_last_call", ("gradient",)),
        ("centred", ("value", "gradient")),
        ("centred_and_upper_triangle_only", ("value", "gradient")),
        ("lambda_not_applied", ("value", "gradient")),
        ("centred_batch_norm", ("value", "gradient", "scale")),
        ("not_normalised", ("value", "gradient", "scale")),
        ("sets_default_dtype", ("conduct",)),
        ("gradients_off", ("conduct",)),
    ],
)
def test_a_mistake_costs_what_it_breaks_and_is_recognised(mistake, tests):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    assert lost(HERE, wrong.namespace) == dict.fromkeys(tests, wrong.hint)
