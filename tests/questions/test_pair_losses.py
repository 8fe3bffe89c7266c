"""The family of losses of two batches: what its probes make of values and gradients, its counts, and its mistakes."""

import math

import numpy as np
import pytest
import torch

from autograder.questions.pair_losses import counts, probes
from autograder.questions.pair_losses.mistakes import misconceptions
from autograder.questions.probing import BrokenBackward, LostGradient

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
    assert counts.effects_and_constancy(probe("pair_loss_side_effects", doubling, a), a=A, b=B)["changed_a"] == 2
    assert torch.equal(a, A)


def test_side_effects_are_those_of_the_loss():
    produced = probe("pair_loss_side_effects", lambda a, b, t: (a * b).sum() + torch.rand(()))
    answer = counts.effects_and_constancy(produced, a=A, b=B)
    assert answer["rng_bytes"] > 0 and answer["value_seed_1"] != answer["value_seed_2"]
    assert answer["changed_a"] == answer["changed_b"] == answer["constant"] == 0


@pytest.mark.parametrize(
    ("loss", "constant"),
    [
        (lambda a, b, t: torch.ones(()), 1),
        (lambda a, b, t: 2.5, 1),
        (lambda a, b, t: 0 * (a * b).sum() + len(a), 1),
        (lambda a, b, t: a.sum(), 0),
        (lambda a, b, t: b.norm(dim=0), 0),
        (lambda a, b, t: torch.nan * a.sum(), 0),
    ],
)
def test_a_loss_that_never_changes_is_a_constant(loss, constant):
    assert counts.effects_and_constancy(probe("pair_loss_side_effects", loss), a=A, b=B)["constant"] == constant


class Cube(torch.autograd.Function):
    """The sum of the cubes of a, and each way to get its gradient wrong that a single backward of it does not show."""

    last = None

    @staticmethod
    def forward(ctx, a, wrong):
        ctx.wrong = wrong
        ctx.save_for_backward(a)
        if wrong != "the first call" or Cube.last is None:
            Cube.last = a
        return (a**3).sum()

    @staticmethod
    def backward(ctx, incoming):
        (a,) = ctx.saved_tensors
        if ctx.wrong in ("the first call", "the last call"):
            a = Cube.last
        if ctx.wrong == "one call":
            a, Cube.last = a * (Cube.last is not None), None
        return 3 * a**2 * (1 if ctx.wrong == "incoming" else incoming), None


@pytest.mark.parametrize("wrong", ["", "incoming", "the first call", "the last call", "one call"])
@pytest.mark.parametrize("calls", [1, 2])
def test_a_backward_that_forgets_is_seen(wrong, calls):
    Cube.last = None
    answer = probes.pair_loss_gradient(
        {"loss": lambda a, b, t: Cube.apply(a, wrong) + b.sum()}, "loss", A, B, 0.5, calls
    )
    seen = wrong == "incoming" or (calls == 2 and wrong != "")
    assert torch.equal(answer["gradient_a"], 3 * A**2) != seen
    assert torch.equal(answer["gradient_b"], torch.ones(1, 2))


def test_gradients_that_one_of_two_calls_switches_off_are_not_lost():
    def switching(a, b, t):
        loss = (a * b).sum()
        torch.set_grad_enabled(False)
        return loss

    answer = probes.pair_loss_gradient({"loss": switching}, "loss", A, B, 0.5, 2)
    assert torch.equal(answer["gradient_a"], B) and torch.is_grad_enabled()


Z = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
IN_BOTH_PRECISIONS = {
    "logsumexp": (lambda a, b, t: (a @ b.T / t).logsumexp(1).sum(), True),
    "another scale": (lambda a, b, t: 20 * (a @ b.T / t).logsumexp(1).sum(), True),
    "a matrix of the default dtype": (lambda a, b, t: (torch.eye(len(a)) @ a @ b.T / t).logsumexp(1).sum(), True),
    "a vector": (lambda a, b, t: (a @ b.T / t).logsumexp(1).sum().reshape(1), True),
    "overflow": (lambda a, b, t: (a @ b.T / t).exp().sum(1).log().sum(), False),
    "underflow": (lambda a, b, t: (-a @ a.T / t).exp()[0, :1].log().sum() + b.sum(), False),
    "overflow in backward alone": (lambda a, b, t: (a @ b.T / t).clamp(max=80).exp().square().sum().log(), False),
    "lost digits": (lambda a, b, t: (1e9 + (a * b).sum()) - 1e9, False),
}


@pytest.mark.parametrize("name", IN_BOTH_PRECISIONS)
def test_a_loss_agrees_with_itself_in_both_precisions_or_not(name):
    loss, agrees = IN_BOTH_PRECISIONS[name]
    produced = probes.pair_loss_in_both_precisions({"loss": loss}, "loss", Z, Z, 0.01)
    answer = counts.both_precisions(produced, Z, Z, 0.01)
    assert all(count == 0 for count in answer.values()) == agrees, answer
    assert torch.get_default_dtype() is torch.float32


@pytest.mark.parametrize(
    "change", [lambda x: x[:1], lambda x: x * math.inf, lambda x: x + 1], ids=["shape", "inf", "1"]
)
@pytest.mark.parametrize("name", ["value", "gradient_a", "gradient_b"])
def test_everything_that_a_loss_gives_is_compared(name, change):
    produced = probes.pair_loss_in_both_precisions({"loss": IN_BOTH_PRECISIONS["a vector"][0]}, "loss", Z, Z, 0.01)
    produced[name] = change(produced[name][None] if name == "value" else produced[name])
    assert any(count != 0 for count in counts.both_precisions(produced, Z, Z, 0.01).values())


def cosines(a, b):
    return (a / a.norm(dim=0)).T @ (b / b.norm(dim=0))


AT_BOTH_SCALES = {
    "cosines": (lambda a, b, t: cosines(a, b).square().sum(), True),
    "another scale": (lambda a, b, t: 20 * cosines(a, b).square().sum(), True),
    "centred": (lambda a, b, t: cosines(a - a.mean(0), b - b.mean(0)).square().sum(), True),
    "not normalised": (lambda a, b, t: (a.T @ b).square().sum(), False),
    "a constant in the norm": (
        lambda a, b, t: (a / (a.norm(dim=0) + 1e-2)).square().sum() + cosines(a, b).sum(),
        False,
    ),
    "norms detached": (lambda a, b, t: ((a / a.norm(dim=0).detach()).T @ (b / b.norm(dim=0))).square().sum(), True),
}


@pytest.mark.parametrize("name", AT_BOTH_SCALES)
def test_a_loss_agrees_with_itself_at_both_scales_or_not(name):
    loss, agrees = AT_BOTH_SCALES[name]
    a, b = (
        torch.tensor([[1.0, 2.0], [0.5, -1.0], [2.0, 0.3]]) * 0.1,
        torch.tensor([[1.0, 9.0], [3.0, 1.0], [-2.0, 5.0]]),
    )
    produced = probes.pair_loss_at_another_scale({"loss": loss}, "loss", a, b, 0.1)
    answer = counts.both_scales(produced, a, b, 0.1)
    assert all(count == 0 for count in answer.values()) == agrees, answer


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
    assert torch.equal(
        wrong("pair_loss_gradient", "incoming_gradient_forgotten")["gradient_a"], 2 * B / probes.INCOMING
    )
    twice = probes.pair_loss_gradient(WRONG["backward_of_the_last_call"].namespace, "loss", A, B, 0.5, 2)
    assert torch.equal(wrong("pair_loss_gradient", "backward_of_the_last_call")["gradient_a"], 2 * B)
    assert torch.equal(twice["gradient_a"], B + B.flip(1))
