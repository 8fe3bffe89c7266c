"""The family of losses of two batches: what its probes make of values and gradients, and its mistakes."""

import numpy as np
import pytest
import torch

from autograder.questions.pair_losses import probes
from autograder.questions.pair_losses.mistakes import misconceptions
from autograder.questions.probing import BrokenBackward, LostGradient
from autograder.questions.side_effects import counts

A, B = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 5.0]])


def probe(name, function, a=A, b=B):
    return getattr(probes, name)({"loss": function}, "loss", a, b, 0.5)


@pytest.mark.parametrize("number", [3, 3.0, np.float32(3), np.float64(3), np.int64(3)], ids=lambda n: type(n).__name__)
def test_a_number_is_taken_as_a_value(number):
    value = probe("pair_loss_value", lambda a, b, t: number)["value"]
    assert value.shape == () and value.dtype == torch.float32 and value == 3


def test_a_tensor_is_taken_as_it_is():
    value = probe("pair_loss_value", lambda a, b, t: torch.ones(1, dtype=torch.float16))["value"]
    assert value.shape == (1,) and value.dtype == torch.float16


def test_no_answer_is_a_sentence():
    with pytest.raises(TypeError, match="What loss returns is None, expected a tensor"):
        probe("pair_loss_value", lambda a, b, t: None)


def test_gradients_arrive_at_both_inputs():
    answer = probe("pair_loss_gradient", lambda a, b, t: (a * b).sum())
    assert torch.equal(answer["gradient_a"], B) and torch.equal(answer["gradient_b"], A)


def test_a_detached_input_has_gradient_zero():
    answer = probe("pair_loss_gradient", lambda a, b, t: (a * b.detach()).sum())
    assert torch.equal(answer["gradient_b"], torch.zeros(1, 2))


@pytest.mark.parametrize("convert", [torch.Tensor.item, torch.Tensor.detach], ids=["item", "detach"])
def test_a_loss_without_graph_is_named(convert):
    with pytest.raises(LostGradient):
        probe("pair_loss_gradient", lambda a, b, t: convert((a * b).sum()))


def test_an_overwritten_exponential_breaks_backward_alone():
    def overwriting(a, b, t):
        weights = (a * b).exp()
        weights[0, 0] = 0
        return weights.sum()

    assert torch.isfinite(probe("pair_loss_value", overwriting)["value"])
    with pytest.raises(BrokenBackward):
        probe("pair_loss_gradient", overwriting)


def test_an_in_place_write_to_an_input_reaches_neither_the_case_nor_the_gradient():
    def doubling(a, b, t):
        a *= 2
        return (a * b).sum()

    a = A.clone()
    assert torch.equal(probe("pair_loss_gradient", doubling, a)["gradient_a"], 2 * B)
    assert counts.side_effects(probe("pair_loss_side_effects", doubling, a), a=A, b=B)["changed_a"] == 2
    assert torch.equal(a, A)


def test_side_effects_are_those_of_the_loss():
    produced = probe("pair_loss_side_effects", lambda a, b, t: (a * b).sum() + torch.rand(()))
    answer = counts.side_effects(produced, a=A, b=B)
    assert answer["rng_bytes"] > 0 and answer["value_seed_1"] != answer["value_seed_2"]
    assert answer["changed_a"] == answer["changed_b"] == 0


def product(a, b, t):
    return (a * b).sum() / t


WRONG = {mistake.id: mistake for mistake in misconceptions("loss", "z_1", "z_2", product)}


def wrong(name, id):
    return getattr(probes, name)(WRONG[id].namespace, "loss", A, B, 0.5)


def test_mistakes_around_a_correct_loss_are_what_they_say():
    assert wrong("pair_loss_value", "negated")["value"] == -product(A, B, 0.5)
    assert wrong("pair_loss_value", "one_element_vector")["value"].shape == (1,)
    assert wrong("pair_loss_value", "float64_result")["value"].dtype is torch.float64
    assert not wrong("pair_loss_gradient", "first_detached")["gradient_a"].any()
    assert not wrong("pair_loss_gradient", "second_detached")["gradient_b"].any()
    assert "z_2" in WRONG["second_detached"].hint and "z_1" not in WRONG["second_detached"].hint
    with pytest.raises(LostGradient):
        wrong("pair_loss_gradient", "graph_lost")
