"""Question 1a: the oracle against hand-made examples, laws, finite differences and two libraries."""

import math
from pathlib import Path

import pytest
import torch
from lightly.loss import NTXentLoss as LightlyNTXent
from pytorch_metric_learning.losses import NTXentLoss as MetricLearningNTXent

from autograder.questions.cases import stored_cases
from autograder.release.trial import judgements, lost

from .mistakes import MISCONCEPTIONS
from .oracle import nt_xent

HERE = Path(__file__).parent
CASES = stored_cases(HERE)
case_by_name = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def embeddings(n=4, d=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, d, generator=generator, dtype=torch.float64) for _ in range(2))


def of_case(case):
    return case.inputs["a"].double(), case.inputs["b"].double(), case.inputs["parameter"]


def test_one_image_has_nothing_to_be_told_from():
    z_i, z_j = embeddings(n=1)
    assert nt_xent(z_i, z_j, 0.01) == 0


def test_equal_rows_make_a_guess_among_the_others():
    rows = torch.ones(5, 3, dtype=torch.float64)
    assert nt_xent(rows, rows, 0.1).item() == pytest.approx(math.log(9))


def test_two_orthogonal_images_seen_twice():
    rows = torch.eye(2, dtype=torch.float64)
    assert nt_xent(rows, rows, 0.5).item() == pytest.approx(math.log(1 + 2 * math.exp(-2)))


def test_views_can_be_exchanged():
    z_i, z_j = embeddings()
    torch.testing.assert_close(nt_xent(z_i, z_j, 0.3), nt_xent(z_j, z_i, 0.3))


def test_the_order_of_the_images_does_not_matter():
    z_i, z_j = embeddings()
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(nt_xent(z_i, z_j, 0.3), nt_xent(z_i[order], z_j[order], 0.3))


def test_the_length_of_a_row_does_not_matter_and_its_gradient_is_orthogonal_to_it():
    z_i, z_j = embeddings()
    z_i.requires_grad_()
    loss = nt_xent(z_i, z_j, 0.3)
    scaled = nt_xent(z_i * torch.tensor([[0.01], [1.0], [7.0], [100.0]]), z_j, 0.3)
    torch.testing.assert_close(loss, scaled)
    (gradient,) = torch.autograd.grad(loss, z_i)
    torch.testing.assert_close((gradient * z_i).sum(1), torch.zeros(4, dtype=torch.float64))


def test_gradient_agrees_with_finite_differences():
    z_i, z_j = embeddings(n=3)
    assert torch.autograd.gradcheck(lambda a, b: nt_xent(a, b, 0.2), (z_i.requires_grad_(), z_j.requires_grad_()))


@case_by_name
def test_oracle_agrees_with_lightly(case):
    z_i, z_j, temperature = of_case(case)
    torch.testing.assert_close(LightlyNTXent(temperature)(z_i, z_j), nt_xent(z_i, z_j, temperature))


@case_by_name
def test_oracle_agrees_with_pytorch_metric_learning(case):
    z_i, z_j, temperature = of_case(case)
    images = torch.arange(len(z_i)).repeat(2)
    theirs = MetricLearningNTXent(temperature)(torch.cat([z_i, z_j]), images)
    torch.testing.assert_close(theirs, nt_xent(z_i, z_j, temperature), check_dtype=False)


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("naive_exp", ("stability",)),
        ("naive_exp_self_subtracted", ("stability",)),
        ("naive_exp_constant_subtracted", ("stability",)),
        ("denominator_without_gradient", ("gradient",)),
        ("exp_overwritten", ("gradient", "stability")),
        ("incoming_gradient_forgotten", ("gradient",)),
        ("backward_of_the_last_call", ("gradient",)),
        ("seeds", ("conduct",)),
        ("gradients_off", ("conduct",)),
        ("self_in_denominator", ("value", "gradient")),
        ("not_normalised", ("value", "gradient")),
        ("one_direction", ("value", "gradient")),
        ("self_in_denominator_and_one_direction", ("value", "gradient")),
        ("divided_by_two_n_minus_two", ("value", "gradient")),
        ("one_element_vector", ("value",)),
        ("float64_result", ("value",)),
        ("own_similarity_as_maximum", ("stability",)),
        ("maximum_of_all_other_rows", ("stability",)),
        ("self_multiplied_out", ("stability",)),
        ("epsilon_of_1e_8", ("value", "gradient")),
        ("epsilon_of_1e_8_in_the_denominator", ("stability",)),
        ("own_similarity_as_maximum_and_epsilon", ("stability",)),
    ],
)
def test_a_mistake_costs_what_it_breaks_and_is_recognised(mistake, tests):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    assert lost(HERE, wrong.namespace) == dict.fromkeys(tests, wrong.hint)


def test_a_naive_exponential_in_another_style_is_told_about_overflow():
    """Written as one loop, without any form of the catalogue: the hint goes by what comes out."""

    def loop(z_i, z_j, temperature):
        z = torch.cat([z_i, z_j])
        n = len(z_i)

        def weight(u, v):
            return torch.exp(torch.dot(u, v) / (u.norm() * v.norm()) / temperature)

        terms = [
            torch.log(weight(z[k], z[(k + n) % (2 * n)]) / sum(weight(z[k], z[m]) for m in range(2 * n) if m != k))
            for k in range(2 * n)
        ]
        return -sum(terms) / (2 * n)

    found = judgements(HERE, {"nt_xent": loop})
    assert [test for test, judgement in found.items() if not judgement.passed] == ["stability"]
    assert "overflows float32" in found["stability"].message
