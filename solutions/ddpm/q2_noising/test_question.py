"""Question 2: the oracle against hand-made examples, laws and a library, the probes of ``q_sample``, what a mistake costs."""

from collections import namedtuple
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler

from autograder.questions.cases import stored_cases
from autograder.release.trial import lost

from ..probes import given_schedule
from . import counts, probes
from .correct import CORRECT, viewed_by_number_of_axes
from .mistakes import MISCONCEPTIONS
from .oracle import q_sample

HERE = Path(__file__).parent
CASES = {name: case.inputs for name, case in stored_cases(HERE).items()}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
EITHER = pytest.mark.parametrize("noised", [q_sample, viewed_by_number_of_axes], ids=["oracle", "plain"])
each_case = pytest.mark.parametrize("inputs", CASES.values(), ids=CASES)


def of_case(inputs, dtype=torch.float64):
    x0, noise = inputs["x0"].to(dtype), inputs["noise"].to(dtype)
    return x0, inputs["t"], noise, given_schedule(inputs["schedule"].to(dtype))


@EITHER
def test_two_rows_by_hand(noised):
    """ᾱ is 0.64 and 0.36: the coefficients are 0.8 and 0.6, and the other way round."""
    schedule = given_schedule(torch.tensor([0.36, 0.4375, 0.64, 0.5625, 0.64, 0.36, 0.0, 0.0]).view(4, 2))
    x0, noise = torch.tensor([[1.0, -0.5], [1.0, 0.0]]), torch.tensor([[2.0, 1.0], [-1.0, 0.5]])
    x_t = noised(x0, torch.tensor([1, 0]), noise, schedule)
    torch.testing.assert_close(x_t, torch.tensor([[0.6 + 1.6, -0.3 + 0.8], [0.8 - 0.6, 0.3]]))


@each_case
def test_variances_add_up(inputs):
    """The squares of the two coefficients, found with x_0 or noise alone, sum to 1."""
    x0, t, noise, schedule = of_case(inputs)
    ones, zeros = torch.ones_like(x0), torch.zeros_like(x0)
    squares = q_sample(ones, t, zeros, schedule) ** 2 + q_sample(zeros, t, ones, schedule) ** 2
    torch.testing.assert_close(squares, ones)


@each_case
def test_rows_can_be_taken_alone(inputs):
    x0, t, noise, schedule = of_case(inputs)
    alone = [q_sample(x0[k : k + 1], t[k : k + 1], noise[k : k + 1], schedule) for k in range(len(t))]
    torch.testing.assert_close(torch.cat(alone), q_sample(x0, t, noise, schedule))


@EITHER
@each_case
def test_agrees_with_diffusers(noised, inputs):
    x0, t, noise, schedule = of_case(inputs, torch.float32)
    theirs = DDPMScheduler(len(schedule.beta), trained_betas=schedule.beta.tolist()).add_noise(x0, noise, t)
    torch.testing.assert_close(noised(x0, t, noise, schedule), theirs, rtol=1e-4, atol=1e-5)


def test_stored_batches_hold_first_and_last_steps_and_repeated_ones():
    inputs = CASES["five images (1, 5, 4), T = 20"]
    assert {0, 19} <= set(inputs["t"].tolist()) and len(set(inputs["t"].tolist())) < len(inputs["t"])


def test_inputs_reach_the_function_as_copies():
    inputs = next(iter(CASES.values()))
    kept = {name: tensor.clone() for name, tensor in inputs.items()}
    for id in ("images overwritten", "noise overwritten", "schedule overwritten", "steps overwritten"):
        probes.noised(WRONG[id], **inputs)
        probes.noised_side_effects(WRONG[id], **inputs)
    assert all(torch.equal(kept[name], inputs[name]) for name in kept)


@pytest.mark.parametrize(
    ("mistake", "changed"),
    [
        ("images overwritten", "x0"),
        ("noise overwritten", "noise"),
        ("schedule overwritten", "schedule"),
        ("steps overwritten", "t"),
    ],
)
def test_the_probe_sees_which_input_is_changed(mistake, changed):
    inputs = CASES["four images (1, 4, 3), T = 20"]
    answer = counts.noised_side_effects(probes.noised_side_effects(WRONG[mistake], **inputs), **inputs)
    assert [name for name in inputs if answer[f"changed_{name}"] > 0] == [changed]


@pytest.mark.parametrize("variant", ["the notebook's schedule", "schedule moved"])
def test_the_schedule_is_one_of_the_notebook_s(variant):
    """The notebook gives ``Schedule`` with a method ``to``: both may be used."""
    assert lost(HERE, CORRECT[variant]) == {}


@pytest.mark.parametrize("other", [None, tuple, namedtuple("Schedule", "beta alpha"), lambda *parts: None])
def test_another_schedule_of_the_notebook_is_not_used(other):
    rows = torch.rand(4, 3)
    assert type(given_schedule(rows, {"Schedule": other})) is type(given_schedule(rows))


def test_drawn_noise_is_the_same_in_every_call_of_the_probe():
    inputs = next(iter(CASES.values()))
    first, second = (probes.noised(WRONG["noise drawn anew"], **inputs)["x_t"] for _ in range(2))
    assert torch.equal(first, second)


def test_no_tensor_is_a_sentence():
    with pytest.raises(TypeError, match="What q_sample returns is None, expected a tensor"):
        probes.noised({"q_sample": lambda *_: None}, **next(iter(CASES.values())))


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("root missing on alpha bar", ("value",)),
        ("both coefficients of the image", ("value",)),
        ("image returned", ("value", "conduct")),
        ("noise returned", ("value", "conduct")),
        ("t of the first row", ("value",)),
        ("noise drawn anew", ("value", "conduct")),
        ("four axes written out", ("conduct",)),
        ("clipped far out", ("value",)),
        ("schedule overwritten", ("conduct",)),
        ("float32 result", ("conduct",)),
    ],
)
def test_a_mistake_costs_what_it_breaks_and_is_recognised(mistake, tests):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    assert lost(HERE, wrong.namespace) == dict.fromkeys(tests, wrong.hint)


def noising(change):
    """``change(bar, x0, t, noise, schedule)`` of a correct function with ᾱ in the shape of the rows."""

    def q_sample(x0, t, noise, schedule):
        bar = schedule.alpha_bar[t].view(-1, *[1] * (x0.dim() - 1))
        return change(bar, x0, t, noise, schedule)

    return {"q_sample": q_sample}


def right(bar, x0, noise):
    return bar.sqrt() * x0 + (1 - bar).sqrt() * noise


def unaligned_vectors(bar, x0, t, noise, schedule):
    return right(bar if x0.dim() > 2 or len(t) != x0.shape[1] else bar.flatten(), x0, noise)


@pytest.mark.parametrize(
    ("change", "tests"),
    [
        (lambda bar, x0, t, noise, schedule: right(bar, x0, noise), set()),
        (lambda bar, x0, t, noise, schedule: 3 * x0 - noise * bar, {"value"}),
        (unaligned_vectors, {"conduct"}),
        (lambda bar, x0, t, noise, schedule: (torch.set_grad_enabled(False), right(bar, x0, noise))[1], {"conduct"}),
    ],
    ids=["nothing", "another value", "vectors not aligned", "gradients left off"],
)
def test_a_value_costs_the_value_and_a_side_effect_the_rest(change, tests):
    assert set(lost(HERE, noising(change))) == tests
