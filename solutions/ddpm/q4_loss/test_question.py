"""Question 4: laws of the oracle and of the given model, the probes of the loss, and what a mistake costs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from autograder.questions.cases import stored_cases
from autograder.questions.probing import BrokenBackward, LostGradient
from autograder.release.trial import lost

from ..probes import GivenModel, WrongSteps, given_schedule
from ..q2_noising.oracle import q_sample
from . import counts, probes
from .correct import CORRECT, mse_loss
from .mistakes import MISCONCEPTIONS
from .oracle import ddpm_loss

HERE = Path(__file__).parent
CASES = {name: case.inputs for name, case in stored_cases(HERE).items()}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
EITHER = pytest.mark.parametrize("loss_of", [ddpm_loss, mse_loss], ids=["oracle", "plain"])
FIRST = next(iter(CASES.values()))
PROBES = (probes.denoising_loss_value, probes.denoising_loss_gradient, probes.denoising_loss_side_effects)


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
        (3, "of type int"),
        (torch.tensor(3), r"as int64 \(\)"),
        (torch.tensor([[1], [2]]), r"as int64 \(2, 1\)"),
        (torch.tensor([0.0, 1.0]), r"as float32 \(2,\)"),
        (torch.tensor([True, False]), r"as bool \(2,\)"),
    ],
    ids=str,
)
def test_the_given_model_says_which_steps_it_needs(t, found):
    with pytest.raises(WrongSteps, match=rf"the model gets t {found}; it needs an integer tensor of shape \(2,\)"):
        GivenModel(torch.zeros(9))(torch.zeros(2, 4), t)


@pytest.mark.parametrize(
    "number", [3, 3.0, np.float32(3), np.float64(3), np.array(3.0)], ids=lambda n: type(n).__name__
)
def test_a_number_is_taken_as_a_value(number):
    value = probes.denoising_loss_value({"ddpm_loss": lambda *_: number}, **FIRST)["value"]
    assert value.shape == () and value.dtype is torch.float32 and value == 3


@pytest.mark.parametrize("probe", PROBES)
def test_no_answer_is_a_sentence(probe):
    with pytest.raises(TypeError, match="What ddpm_loss returns is None, expected a tensor"):
        probe({"ddpm_loss": lambda *_: None}, **FIRST)


@pytest.mark.parametrize("mistake", ["prediction detached", "model without gradient", "a number"])
def test_a_loss_without_graph_is_named(mistake):
    with pytest.raises(LostGradient):
        probes.denoising_loss_gradient(WRONG[mistake], **FIRST)


def test_a_backward_inside_shows():
    with pytest.raises(BrokenBackward):
        probes.denoising_loss_gradient(WRONG["backward inside"], **FIRST)
    correct, wrong = (
        probes.denoising_loss_gradient(namespace, **FIRST)
        for namespace in ({"ddpm_loss": mse_loss}, WRONG["backward inside, graph kept"])
    )
    assert not correct["left"].any()
    torch.testing.assert_close(wrong["left"], correct["gradient"])


def test_the_probe_sees_mode_and_parameters_of_the_model():
    inputs = CASES["three images (1, 3, 4), T = 10"]

    def counted(student):
        return counts.denoising_loss_side_effects(probes.denoising_loss_side_effects(student, **inputs), **inputs)

    correct = counted({"ddpm_loss": mse_loss})
    assert correct["modes_switched"] == 0 and torch.equal(correct["parameters"], inputs["start"])
    assert counted(WRONG["eval mode"])["modes_switched"] > 0
    assert not torch.equal(counted(WRONG["parameters changed"])["parameters"], inputs["start"])


def test_inputs_reach_the_function_as_copies():
    kept = {name: tensor.clone() for name, tensor in FIRST.items()}
    for id in ("images overwritten", "noise overwritten", "parameters changed"):
        for probe in PROBES:
            probe(WRONG[id], **FIRST)
    assert all(torch.equal(kept[name], FIRST[name]) for name in kept)


def test_variants_differ_from_the_plain_one_only_by_rounding_in_double():
    """Each of them is correct, not merely within the tolerance."""
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


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("target x_0", ("value", "gradient")),
        ("sum", ("value", "gradient")),
        ("x_t: coefficients exchanged", ("value", "gradient")),
        ("x_t: both coefficients of the image", ("value", "gradient")),
        ("model gets a fraction", ("value", "gradient", "conduct")),
        ("prediction detached", ("gradient",)),
        ("detached with a graph", ("gradient",)),
        ("backward inside", ("gradient",)),
        ("model frozen", ("gradient",)),
        ("eval mode", ("conduct",)),
        ("noise overwritten", ("conduct",)),
    ],
)
def test_a_mistake_costs_what_it_breaks_and_is_recognised(mistake, tests):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    assert lost(HERE, wrong.namespace) == dict.fromkeys(tests, wrong.hint)


def loss(before=lambda model: None, after=lambda model: None, of=mse_loss):
    """A correct loss, or ``of``, with something done to the model before it and after it."""

    def ddpm_loss(eps_model, x0, t, noise, schedule):
        before(eps_model)
        value = of(eps_model, x0, t, noise, schedule)
        after(eps_model)
        return value

    return {"ddpm_loss": ddpm_loss}


def in_float64(eps_model, x0, t, noise, schedule):
    return mse_loss(lambda x, t: eps_model(x.float(), t).double(), x0.double(), t, noise.double(), schedule)


CONDUCT = {
    "gradients left off": (loss(after=lambda model: torch.set_grad_enabled(False)), {"conduct"}),
    "train mode": (loss(before=lambda model: model.train()), {"conduct"}),
    "gradients cleared": (loss(after=lambda model: model.zero_grad()), {"conduct"}),
    "float64 and back": (loss(of=lambda *given: in_float64(*given).float()), set()),
    "float64 and not back": (loss(of=in_float64), {"conduct"}),
    "another value": (loss(of=lambda *given: 3 * mse_loss(*given) + 1), {"value", "gradient"}),
    "a table of 200 steps": (
        loss(of=lambda model, x0, t, noise, schedule: mse_loss(
            lambda x, _: model(x, t), x0, t.clamp(max=199), noise, schedule
        )),
        {"value"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONDUCT)
def test_a_value_costs_the_value_and_a_side_effect_the_rest(case):
    namespace, tests = CONDUCT[case]
    assert set(lost(HERE, namespace)) == tests
