"""Question 3: the oracle against laws and diffusers' DDPMScheduler, and what one mistake costs."""

from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler

from autograder.questions.cases import stored_cases
from autograder.questions.probing import NotAPair
from autograder.release import trial

from ..probes import GivenModel, given_schedule
from . import probes
from .correct import as_printed, masked_by_a_product
from .mistakes import MISCONCEPTIONS
from .oracle import p_mean_variance, p_sample
from .question import schedule_rows

HERE = Path(__file__).parent
CASES = stored_cases(HERE)
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
CORRECT = {"p_mean_variance": as_printed, "p_sample": masked_by_a_product}
case_by_name = pytest.mark.parametrize("name", [name for name, case in CASES.items() if "noise" in case.inputs])


def lost(namespace):
    """Tests that a namespace fails."""
    return set(trial.lost(HERE, namespace))


def images(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scheduler(schedule, variance_type="fixed_large", clip_sample=False):
    return DDPMScheduler(
        len(schedule.beta), trained_betas=schedule.beta.tolist(), variance_type=variance_type, clip_sample=clip_sample
    )


def diffusers_step(theirs, eps, t, x_t, seed):
    """Row by row, since diffusers takes one step for all; the noise of each row comes from a generator of its own."""
    return torch.cat(
        [
            theirs.step(
                eps[k : k + 1], int(step), x_t[k : k + 1], generator=torch.Generator().manual_seed(seed + k)
            ).prev_sample
            for k, step in enumerate(t)
        ]
    )


def noise_of(shape, seed):
    return torch.cat(
        [torch.randn((1, *shape[1:]), generator=torch.Generator().manual_seed(seed + k)) for k in range(shape[0])]
    )


@case_by_name
@pytest.mark.parametrize("ours", [p_sample, masked_by_a_product])
def test_a_step_agrees_with_diffusers(ours, name):
    inputs = CASES[name].inputs
    x_t, t, schedule, model = (
        inputs["x_t"],
        inputs["t"],
        given_schedule(inputs["schedule"]),
        GivenModel(inputs["start"]),
    )
    with torch.no_grad():
        theirs = diffusers_step(scheduler(schedule), model(x_t, t), t, x_t, seed=3)
        torch.testing.assert_close(ours(model, x_t, t, schedule, noise_of(x_t.shape, 3)), theirs, rtol=1e-4, atol=1e-4)


def test_where_diffusers_differs_with_its_defaults():
    """Its default variance is the posterior's, and it clips the predicted image: both are mistakes here."""
    x_t, t, schedule = images(4, 2, 3).float(), torch.tensor([5, 1, 3, 2]), given_schedule(schedule_rows(6, 0.05, 0.3))
    model, noise = GivenModel(images(13).float()), noise_of((4, 2, 3), 3)
    with torch.no_grad():
        eps = model(x_t, t)
        small = diffusers_step(scheduler(schedule, "fixed_small"), eps, t, x_t, seed=3)
        clipped = diffusers_step(scheduler(schedule, clip_sample=True), eps, t, x_t, seed=3)
        for theirs, name in ((small, "posterior deviation in the draw"), (clipped, "predicted image clipped")):
            torch.testing.assert_close(
                WRONG[name]["p_sample"](model, x_t, t, schedule, noise), theirs, rtol=1e-4, atol=1e-4
            )
            assert not torch.allclose(p_sample(model, x_t, t, schedule, noise), theirs, atol=0.01)


def test_mean_of_normal_images_is_known():
    """For x_0 ~ N(0, 1) the expected noise is √(1 − ᾱ) x_t, and x_{t−1} given x_t has the mean √α x_t."""
    schedule = given_schedule(schedule_rows(10, 0.01, 0.4).double())
    x_t, t = images(10, 3), torch.arange(10)
    mean, _ = p_mean_variance(lambda x, t: (1 - schedule.alpha_bar[t, None]).sqrt() * x, x_t, t, schedule)
    torch.testing.assert_close(mean, schedule.alpha[:, None].sqrt() * x_t, rtol=1e-5, atol=1e-5)


def test_the_last_step_gives_back_the_image_if_the_noise_is_known():
    schedule = given_schedule(schedule_rows(4, 0.1, 0.4).double())
    x_0, noise, t = images(3, 1, 2, 2), images(3, 1, 2, 2, seed=1), torch.zeros(3, dtype=torch.int64)
    x_1 = schedule.alpha_bar[0].sqrt() * x_0 + (1 - schedule.alpha_bar[0]).sqrt() * noise
    torch.testing.assert_close(p_sample(lambda x, t: noise, x_1, t, schedule, noise), x_0, rtol=1e-5, atol=1e-5)


def test_a_correct_solution_loses_nothing():
    assert lost(CORRECT) == set()


def test_a_wrong_p_mean_variance_costs_a_p_sample_that_stands_alone_nothing():
    assert lost({**WRONG["coefficient without root"], "p_sample": masked_by_a_product}) == {"mean"}
    assert lost({**WRONG["posterior variance"], "p_sample": masked_by_a_product}) == {"variance"}


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("predicted noise in the place of new noise", {"step", "last"}),
        ("variance not reshaped", {"variance"}),
        ("log variance returned too", {"mean", "variance"}),
        ("variance for deviation", {"step"}),
        ("noise at the last step too", {"last"}),
        ("noise off where any row is last", {"last"}),
        ("x_t kept at the last step", {"step"}),
        ("model frozen", {"conduct"}),
        ("noise written over", {"conduct"}),
        ("float64 draw", {"conduct"}),
    ],
)
def test_a_mistake_costs_what_it_is_worth(mistake, tests):
    assert lost(WRONG[mistake]) == tests


@pytest.mark.parametrize(
    "variance", [0.2, torch.tensor(0.2), torch.full((1, 1, 1, 1), 0.2), torch.full((1, 1, 5, 4), 0.2)]
)
def test_any_form_that_broadcasts_is_a_variance(variance):
    def p_mean_variance(eps_model, x_t, t, schedule):
        return x_t, variance

    answer = probes.reverse_variance({"p_mean_variance": p_mean_variance}, **CASES["T = 2, one image"].inputs)
    torch.testing.assert_close(answer["variance"], torch.full((1, 1, 5, 4), 0.2))


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (None, NotAPair, r"What p_mean_variance returns should be the pair \(mean, variance\); it is None"),
        ((1.0, 2.0, 3.0), NotAPair, "it is a tuple of length 3"),
        ((1.0, torch.ones(3)), probes.WrongShape, r"the variance has shape \(3,\), which does not broadcast"),
        ((1.0, "0.2"), TypeError, "The variance is a str, expected a tensor"),
    ],
)
def test_other_answers_are_told(answer, error, message):
    with pytest.raises(error, match=message):
        probes.reverse_variance({"p_mean_variance": lambda *_: answer}, **CASES["T = 2, one image"].inputs)
