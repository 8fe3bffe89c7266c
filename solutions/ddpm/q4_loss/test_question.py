"""Question 4: laws of the oracle and of the given model, the probes of the loss, and what a mistake in q1a to q4 costs."""

from functools import cache

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from autograder.engine.judge import judge
from autograder.questions.ddpm import cosine_schedule, linear_schedule, loss, noising
from .mistakes import MISCONCEPTIONS
from .oracle import ddpm_loss
from .correct import CORRECT, mse_loss
from ..q2_noising.oracle import q_sample
from . import probes
from ..probes import GivenModel, WrongSteps, given_schedule
from autograder.questions.draw import stored_cases
from autograder.release.compile import key_test, probes_of, run_probe

CASES = {case.name: case.inputs for case in stored_cases("ddpm", "q4")}
QUESTIONS = {module.QUESTION.id: module.QUESTION for module in (linear_schedule, cosine_schedule, noising, loss)}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
EITHER = pytest.mark.parametrize("loss_of", [ddpm_loss, mse_loss], ids=["oracle", "plain"])
FIRST = next(iter(CASES.values()))


def of_case(inputs, dtype=torch.float64):
    x0, noise, start = (inputs[name].to(dtype) for name in ("x0", "noise", "start"))
    return GivenModel(start), x0, inputs["t"], noise, given_schedule(inputs["schedule"].to(dtype))


@EITHER
def test_a_model_that_knows_the_noise_loses_nothing(loss_of):
    _, x0, t, noise, schedule = of_case(FIRST)
    assert loss_of(lambda x, t: noise, x0, t, noise, schedule).item() == pytest.approx(0, abs=1e-12)


@EITHER
def test_a_model_that_says_zero_loses_the_mean_square_of_the_noise(loss_of):
    _, x0, t, noise, schedule = of_case(FIRST)
    assert loss_of(lambda x, t: 0 * x, x0, t, noise, schedule).item() == pytest.approx((noise**2).mean().item())


@EITHER
@pytest.mark.parametrize("inputs", CASES.values(), ids=CASES)
def test_value_agrees_with_noising_by_diffusers(loss_of, inputs):
    model, x0, t, noise, schedule = of_case(inputs, torch.float32)
    x_t = DDPMScheduler(len(schedule.beta), trained_betas=schedule.beta.tolist()).add_noise(x0, noise, t)
    value = loss_of(model, x0, t, noise, schedule)
    torch.testing.assert_close(value, torch.nn.MSELoss()(model(x_t, t), noise), rtol=1e-4, atol=0)


@pytest.mark.parametrize("inputs", CASES.values(), ids=CASES)
def test_gradient_agrees_with_finite_differences(inputs):
    _, x0, t, noise, schedule = of_case(inputs)

    def of_parameters(start):
        given = GivenModel(start)
        names = [name for name, _ in given.named_parameters()]
        parts = dict(zip(names, start.split([p.numel() for p in given.parameters()])))
        return ddpm_loss(lambda x, t: torch.func.functional_call(given, parts, (x, t)), x0, t, noise, schedule)

    assert torch.autograd.gradcheck(of_parameters, inputs["start"].double().requires_grad_())


def test_steps_that_are_not_in_the_batch_get_no_gradient():
    gradient = probes.denoising_loss_gradient({"ddpm_loss": mse_loss}, **FIRST)["gradient"]
    T = FIRST["schedule"].shape[1]
    of_steps = gradient[: 2 * T].view(2, T).abs().sum(0)
    assert of_steps.nonzero().flatten().tolist() == sorted(set(FIRST["t"].tolist()))


def test_the_given_model_treats_rows_alone_and_takes_any_shape():
    model = GivenModel(torch.randn(9, dtype=torch.float64))
    x, t = torch.randn(3, 2, 5, dtype=torch.float64), torch.tensor([0, 3, 3])
    alone = torch.cat([model(x[k : k + 1], t[k : k + 1]) for k in range(3)])
    torch.testing.assert_close(model(x, t), alone)
    assert model(torch.randn(3, 2), t.int()).shape == (3, 2)


@pytest.mark.parametrize(
    ("t", "found"),
    [
        (3, "a int"),
        (torch.tensor(3), r"int64 \(\)"),
        (torch.tensor([[1], [2]]), r"int64 \(2, 1\)"),
        (torch.tensor([0.0, 1.0]), r"float32 \(2,\)"),
        (torch.tensor([True, False]), r"bool \(2,\)"),
    ],
    ids=str,
)
def test_the_given_model_says_which_steps_it_needs(t, found):
    with pytest.raises(WrongSteps, match=rf"the model got t as {found}, expected an integer tensor of shape \(2,\)"):
        GivenModel(torch.zeros(9))(torch.zeros(2, 4), t)


@pytest.mark.parametrize(
    "number", [3, 3.0, np.float32(3), np.float64(3), np.array(3.0)], ids=lambda n: type(n).__name__
)
def test_a_number_is_taken_as_a_value(number):
    value = probes.denoising_loss_value({"ddpm_loss": lambda *_: number}, **FIRST)["value"]
    assert value.shape == () and value.dtype is torch.float32 and value == 3


@pytest.mark.parametrize(
    "probe", [probes.denoising_loss_value, probes.denoising_loss_gradient, probes.denoising_loss_conduct]
)
def test_no_answer_is_a_sentence(probe):
    with pytest.raises(TypeError, match="what ddpm_loss returns is None, expected a tensor"):
        probe({"ddpm_loss": lambda *_: None}, **FIRST)


@pytest.mark.parametrize("mistake", ["prediction detached", "model without gradient", "a number"])
def test_a_loss_without_graph_is_named(mistake):
    with pytest.raises(probes.LostGradient):
        probes.denoising_loss_gradient(WRONG[mistake], **FIRST)


def test_a_backward_inside_shows():
    with pytest.raises(probes.BrokenBackward):
        probes.denoising_loss_gradient(WRONG["backward inside"], **FIRST)
    once, twice = (
        probes.denoising_loss_gradient(namespace, **FIRST)["gradient"]
        for namespace in ({"ddpm_loss": mse_loss}, WRONG["backward inside, graph kept"])
    )
    torch.testing.assert_close(twice, 2 * once)


def test_conduct_sees_mode_and_parameters_of_the_model():
    inputs = CASES["three images (1, 3, 4), T = 10"]
    right = probes.denoising_loss_conduct({"ddpm_loss": mse_loss}, **inputs)
    assert right["eval_modes"] == 0 and torch.equal(right["parameters"], inputs["start"])
    assert probes.denoising_loss_conduct(WRONG["eval mode"], **inputs)["eval_modes"] > 0
    assert not torch.equal(
        probes.denoising_loss_conduct(WRONG["parameters changed"], **inputs)["parameters"], inputs["start"]
    )


def test_inputs_reach_the_function_as_copies():
    kept = {name: tensor.clone() for name, tensor in FIRST.items()}
    for id in ("images overwritten", "noise overwritten", "parameters changed"):
        for probe in (probes.denoising_loss_value, probes.denoising_loss_gradient, probes.denoising_loss_conduct):
            probe(WRONG[id], **FIRST)
    assert all(torch.equal(kept[name], FIRST[name]) for name in kept)


def test_variants_differ_from_the_plain_one_only_by_rounding_in_double():
    """Each of them is right, not merely within the tolerance."""
    wanted = mse_loss(*of_case(FIRST)).item()
    assert {name: f["ddpm_loss"](*of_case(FIRST)).item() for name, f in CORRECT.items()} == pytest.approx(
        dict.fromkeys(CORRECT, wanted), rel=1e-9
    )


def test_the_loss_of_the_oracle_uses_the_images_of_its_noising():
    seen = []

    def model(x, t):
        seen.append(x)
        return x

    _, x0, t, noise, schedule = of_case(FIRST)
    ddpm_loss(model, x0, t, noise, schedule)
    torch.testing.assert_close(seen[0], q_sample(x0, t, noise, schedule))


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
    cases = {case.name: case for case in stored_cases("ddpm", question_id)}
    return [(test, key_test(probes_of("ddpm"), question, test, cases), cases) for test in question.tests]


def judgements(question_id, namespace):
    """Test id -> how a namespace does in it."""
    return {
        test.id: judge(key, {name: run_probe(probes_of("ddpm"), test, cases[name], namespace) for name in test.cases})
        for test, key, cases in key_of(question_id)
    }


# What a mistake costs, by question: the tests that see it.
LOST = [
    ("q1a", "alpha bar by sum", {"forward", "posterior", "conduct"}),
    ("q1a", "posterior starts with beta", {"posterior"}),
    ("q1a", "posterior padded with zero", {"posterior"}),
    ("q1a", "one step divides by zero", {"conduct"}),
    ("q1a", "one step raises", {"conduct"}),
    ("q1a", "float64 schedule", {"conduct"}),
    ("q1a", "seeds", {"conduct"}),
    ("q1b", "clip missing", {"values", "posterior"}),
    ("q1b", "s fixed", {"values", "posterior"}),
    ("q1b", "posterior rolled", {"posterior"}),
    ("q1b", "float64 schedule", {"posterior"}),
    ("q2", "root missing on alpha bar", {"value", "conduct"}),
    ("q2", "t of the first row", {"value", "conduct"}),
    ("q2", "noise drawn anew", {"value", "conduct"}),
    ("q2", "four axes written out", {"conduct"}),
    ("q2", "schedule overwritten", {"conduct"}),
    ("q2", "float32 result", {"conduct"}),
    ("q4", "target x_0", {"value", "gradient", "conduct"}),
    ("q4", "sum", {"value", "gradient", "conduct"}),
    ("q4", "x_t: coefficients exchanged", {"value", "gradient", "conduct"}),
    ("q4", "model gets a fraction", {"value", "gradient", "conduct"}),
    ("q4", "prediction detached", {"gradient"}),
    ("q4", "detached with a graph", {"gradient"}),
    ("q4", "backward inside", {"gradient"}),
    ("q4", "eval mode", {"conduct"}),
    ("q4", "noise overwritten", {"conduct"}),
]


@pytest.mark.parametrize(("question", "mistake", "expected"), LOST, ids=[f"{q}-{mistake}" for q, mistake, _ in LOST])
def test_a_mistake_costs_what_it_breaks_and_is_recognised(question, mistake, expected):
    wrong = next(entry for entry in QUESTIONS[question].misconceptions if entry.id == mistake)
    lost = {test: found.message for test, found in judgements(question, wrong.namespace).items() if not found.passed}
    assert set(lost) == expected
    assert set(lost.values()) == {wrong.hint}


def test_a_mistake_in_another_style_gets_the_same_hint():
    """ᾱ by a power, written as a loop over lists."""

    def noise_schedule(T, beta_start=1e-4, beta_end=0.02):
        beta = np.linspace(beta_start, beta_end, T)
        bar = np.array([(1 - b) ** (k + 1) for k, b in enumerate(beta)])
        before = np.concatenate([[1.0], bar[:-1]])
        return tuple(torch.tensor(a).float() for a in (beta, 1 - beta, bar, beta * (1 - before) / (1 - bar)))

    found = judgements("q1a", {"noise_schedule": noise_schedule})
    assert {judgement.misconception for judgement in found.values()} == {"alpha bar by power"}


def test_an_unfinished_posterior_leaves_the_forward_part_its_points():
    def noise_schedule(T, beta_start=1e-4, beta_end=0.02):
        beta = torch.linspace(beta_start, beta_end, T)
        return beta, 1 - beta, (1 - beta).cumprod(0), None

    found = judgements("q1a", {"noise_schedule": noise_schedule})
    assert found["forward"].passed and not found["posterior"].passed
    assert found["posterior"].message == "posterior_variance of noise_schedule is None, expected a tensor."
