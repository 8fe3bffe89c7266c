"""The probes of the losses, and which points a mistake costs: of a loss with one flaw, the tests that see it."""

from functools import cache

import numpy as np
import pytest
import torch
from autograder.questions.draw import stored_cases
from autograder.questions.simclr import barlow_twins, nt_xent, nt_xent_euclidean
from autograder.questions.simclr.probes import losses

from autograder.engine.judge import judge
from autograder.release.compile import key_test, run_probe

QUESTIONS = {module.QUESTION.id: module.QUESTION for module in (nt_xent, barlow_twins, nt_xent_euclidean)}
A, B = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 5.0]])


def probe(name, function, a=A, b=B):
    return getattr(losses, name)({"loss": function}, "loss", a, b, 0.5)


@pytest.mark.parametrize("number", [3, 3.0, np.float32(3), np.float64(3), np.int64(3)], ids=lambda n: type(n).__name__)
def test_a_number_is_taken_as_a_value(number):
    value = probe("pair_loss_value", lambda a, b, t: number)["value"]
    assert value.shape == () and value.dtype == torch.float32 and value == 3


def test_a_tensor_is_taken_as_it_is():
    value = probe("pair_loss_value", lambda a, b, t: torch.ones(1, dtype=torch.float16))["value"]
    assert value.shape == (1,) and value.dtype == torch.float16


def test_no_answer_is_a_sentence():
    with pytest.raises(TypeError, match="loss returned None, expected the loss as a 0-d tensor"):
        probe("pair_loss_value", lambda a, b, t: None)


def test_gradients_arrive_at_both_inputs():
    answer = probe("pair_loss_gradient", lambda a, b, t: (a * b).sum())
    assert torch.equal(answer["gradient_a"], B) and torch.equal(answer["gradient_b"], A)


def test_a_detached_input_has_gradient_zero():
    answer = probe("pair_loss_gradient", lambda a, b, t: (a * b.detach()).sum())
    assert torch.equal(answer["gradient_b"], torch.zeros(1, 2))


@pytest.mark.parametrize("convert", [torch.Tensor.item, torch.Tensor.detach], ids=["item", "detach"])
def test_a_loss_without_graph_is_named(convert):
    with pytest.raises(losses.LostGradient):
        probe("pair_loss_gradient", lambda a, b, t: convert((a * b).sum()))


def test_an_overwritten_exponential_breaks_backward_alone():
    def overwriting(a, b, t):
        weights = (a * b).exp()
        weights[0, 0] = 0
        return weights.sum()

    assert torch.isfinite(probe("pair_loss_value", overwriting)["value"])
    with pytest.raises(losses.BrokenBackward):
        probe("pair_loss_gradient", overwriting)


def test_an_in_place_write_to_an_input_reaches_neither_the_case_nor_the_gradient():
    def doubling(a, b, t):
        a *= 2
        return (a * b).sum()

    a = A.clone()
    assert torch.equal(probe("pair_loss_gradient", doubling, a)["gradient_a"], 2 * B)
    assert torch.equal(probe("pair_loss_conduct", doubling, a)["input_a"], 2 * A)
    assert torch.equal(a, A)


def test_conduct_sees_global_state_and_restores_it():
    def careless(a, b, t):
        torch.manual_seed(7)
        torch.set_default_dtype(torch.float64)
        return (a * torch.ones(2)).sum()

    before = torch.get_rng_state()
    answer = probe("pair_loss_conduct", careless)
    assert answer["rng_bytes"] > 0 and answer["default_is_float64"] == 1
    assert answer["value_default_float64"].dtype == torch.float32
    assert torch.equal(torch.get_rng_state(), before) and torch.get_default_dtype() is torch.float32


def test_conduct_sees_a_draw():
    answer = probe("pair_loss_conduct", lambda a, b, t: (a * b).sum() + torch.rand(()))
    assert answer["rng_bytes"] > 0 and answer["value_seed_1"] != answer["value_seed_2"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As an answer key is compiled; threads only get in each other's way on tensors this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def key_of(question_id):
    """(test, its key, all cases by name) for each test of a question."""
    question = QUESTIONS[question_id]
    cases = {case.name: case for case in stored_cases("simclr", question_id)}
    return [(test, key_test(losses, question, test, cases), cases) for test in question.tests]


def judgements(question_id, namespace):
    """Test id -> how a namespace does in it."""
    made = {}
    for test, key, cases in key_of(question_id):
        made[test.id] = judge(key, {name: run_probe(losses, test, cases[name], namespace) for name in test.cases})
    return made


# Mistakes that must cost their own test and no other.
LOST = [
    ("q1a", "naive_exp", {"stability"}),
    ("q1a", "naive_exp_self_subtracted", {"stability"}),
    ("q1a", "naive_exp_constant_subtracted", {"stability"}),
    ("q1a", "denominator_without_gradient", {"gradient", "stability"}),
    ("q1a", "exp_overwritten", {"gradient", "stability"}),
    ("q1a", "seeds", {"conduct"}),
    ("q1a", "self_in_denominator", {"value", "gradient", "stability", "conduct"}),
    ("q1b", "epsilon_in_norm", {"scale"}),
    ("q1b", "norms_without_gradient", {"gradient", "scale"}),
    ("q1b", "centred", {"value", "gradient", "scale", "conduct"}),
    ("q1b", "sets_default_dtype", {"conduct"}),
    ("q1c", "root_of_other_pairs", {"coincident"}),
    ("q1c", "root_of_every_square", {"gradient", "coincident"}),
    ("q1c", "cosine_used", {"value", "gradient", "coincident"}),
]


@pytest.mark.parametrize(("question", "mistake", "expected"), LOST, ids=[f"{q}-{mistake}" for q, mistake, _ in LOST])
def test_a_mistake_costs_what_it_breaks_and_is_recognised(question, mistake, expected):
    wrong = next(entry for entry in QUESTIONS[question].misconceptions if entry.id == mistake)
    lost = {test: found.message for test, found in judgements(question, wrong.namespace).items() if not found.passed}
    assert set(lost) == expected
    assert set(lost.values()) == {wrong.hint}


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

    found = judgements("q1a", {"nt_xent": loop})
    assert [test for test, judgement in found.items() if not judgement.passed] == ["stability"]
    assert found["stability"].misconception == "naive_exp"
