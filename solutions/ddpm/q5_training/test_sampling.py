"""Question 5, sampling: the oracle against diffusers, the known chains, and bounds that chance does not reach."""

import math
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler

from autograder.engine.judge import judge
from autograder.questions.cases import stored_cases
from autograder.questions.model import Case, Question
from autograder.release.compile import key_test, run_probe

from ..probes import GivenModel, given_schedule
from ..q3_denoising.oracle import p_mean_variance
from . import counts, probes
from .correct import CORRECT, chain_as_taught
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE, sample
from .question import STUBS, draw
from .question import TESTS as ALL_TESTS

FOLDER = Path(__file__).parent
CASES = stored_cases(FOLDER)
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
TESTS = {test.id: test for test in ALL_TESTS if test.probe.__name__.startswith("sampling")}
BARE = Question("q5", FOLDER, STUBS, ALL_TESTS, draw, ORACLE, misconceptions=(), correct=CORRECT)
KEY = {name: key_test(BARE, test, CASES) for name, test in TESTS.items()}
CHAINS, (RANDOMNESS,) = TESTS["chain"].cases, TESTS["randomness"].cases
ORDER = CASES["T = 6, three images"].inputs


def lost(namespace):
    """Tests of ``sample`` that a namespace fails."""
    return {
        name
        for name, test in TESTS.items()
        if not judge(KEY[name], {c: run_probe(test, CASES[c], namespace) for c in test.cases}).passed
    }


@pytest.mark.parametrize("ours", [sample, chain_as_taught])
def test_the_chain_agrees_with_diffusers(ours):
    """Equal generators give equal images: both draw x_T first and then the noise of each step."""
    schedule, shape = given_schedule(ORDER["schedule"]), (3, 2, 5, 4)
    model = GivenModel(torch.randn(13, generator=torch.Generator().manual_seed(1)))
    theirs = DDPMScheduler(6, trained_betas=schedule.beta.tolist(), variance_type="fixed_large", clip_sample=False)
    theirs.set_timesteps(6)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        x = torch.randn(shape, generator=generator)
        for t in theirs.timesteps:
            x = theirs.step(model(x, t.expand(3)), t, x, generator=generator).prev_sample
    torch.testing.assert_close(ours(model, shape, schedule, torch.Generator().manual_seed(2)), x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CHAINS)
def test_the_mean_of_every_step_of_a_known_chain_is_its_target(name):
    inputs = CASES[name].inputs
    schedule = given_schedule(inputs["schedule"])
    for t, target in enumerate(inputs["targets"]):
        x = torch.randn(3, *inputs["shape"][1:].tolist(), generator=torch.Generator().manual_seed(t))
        model = probes.LinearModel(inputs["gain"], inputs["offset"])
        mean, variance = p_mean_variance(model, x, torch.full((3,), t), schedule)
        torch.testing.assert_close(mean, target.expand_as(mean), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(variance.flatten()[0].sqrt(), inputs["deviations"][t])


def standard_errors(shape):
    """Of mean, deviation, fourth moment and correlation of neighbours along each axis, for normal entries."""
    n = math.prod(shape)
    pairs = [n * (length - 1) / length for length in shape]
    return n**-0.5, (2 * n) ** -0.5, (24 / n) ** 0.5, [math.sqrt(p) / n for p in pairs]


@pytest.mark.parametrize("name", [*CHAINS, RANDOMNESS])
def test_bounds_are_six_standard_errors_away(name):
    mean, deviation, fourth, correlations = standard_errors(CASES[name].inputs["shape"].tolist())
    chain, randomness = TESTS["chain"].outputs, TESTS["randomness"].outputs
    assert min(chain["noise_mean"].high, randomness["start_mean"].high) > 6 * mean
    for bounds in (chain["noise_deviation"], randomness["start_deviation"]):
        assert min(bounds.high - 1, 1 - bounds.low) > 6 * deviation
    assert 3 - randomness["start_fourth"].low > 6 * fourth
    assert randomness["start_correlation"].high > 6 * max(correlations)


def test_statistics_of_many_seeds_lie_well_within_their_bounds():
    def answers(test, case):
        seeds = (Case(case, {**CASES[case].inputs, "seed": seed}) for seed in range(20))
        return [run_probe(TESTS[test], one, {"sample": sample}) for one in seeds]

    chain, start = answers("chain", CHAINS[0]), answers("randomness", RANDOMNESS)
    for answers, outputs in ((chain, TESTS["chain"].outputs), (start, TESTS["randomness"].outputs)):
        for name, bounds in outputs.items():
            if name in ("noise_mean", "noise_deviation", "noise_scale") or name.startswith(("start_", "noise_corr")):
                values = torch.stack([answer[name] for answer in answers])
                middle = (bounds.high + bounds.low) / 2 if name != "noise_scale" else 1.0
                assert (values - middle).abs().max() < 0.8 * min(bounds.high - middle, middle - bounds.low), name
    assert min(answer["new_shares"].min() for answer in start) > 0.9


@pytest.mark.parametrize("variant", CORRECT)
def test_a_correct_solution_loses_nothing(variant):
    assert lost(CORRECT[variant]) == set()


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("noise at the last step too", {"chain"}),
        ("posterior variance", {"chain"}),
        ("noise scaled by the variance", {"chain"}),
        ("result clipped", {"chain"}),
        ("last step left out", {"order", "chain"}),
        ("step as a number", {"order"}),
        ("gradients kept", {"order"}),
        ("gradients cut at the end", {"order"}),
        ("start at zero", {"randomness"}),
        ("start uniform", {"randomness"}),
        ("noise drawn once", {"randomness"}),
        ("noise of one channel", {"randomness"}),
        ("generator seeded", {"randomness"}),
        ("noise from the global state", {"randomness"}),
    ],
)
def test_a_mistake_costs_what_it_is_worth(mistake, tests):
    assert lost(WRONG[mistake]) == tests


def test_a_wrong_mean_of_the_reverse_step_costs_the_chain_alone():
    """The noise of its steps is new noise, even where their mean is wrong."""

    def chain(eps_model, shape, schedule, generator):
        x = torch.randn(shape, generator=generator)
        with torch.no_grad():
            for step in reversed(range(len(schedule.beta))):
                eps = eps_model(x, torch.full(shape[:1], step))
                x = x - schedule.beta[step] / (1 - schedule.alpha_bar[step]) * eps
                if step:
                    x = x + schedule.beta[step].sqrt() * torch.randn(shape, generator=generator)
        return x

    assert lost({"sample": chain}) == {"chain"}


def test_the_model_counts_a_question_asked_twice_once():
    model = probes.LinearModel(torch.ones(3), torch.zeros(3, 2))
    x = torch.randn(4, 2)
    for t in (2, 2, 1):
        model(x, torch.full((4,), t))
    assert [int(steps[0]) for steps in model.steps] == [2, 1]


def test_what_is_used_again_is_no_new_noise():
    rows = torch.randn(3, 100, 10, generator=torch.Generator().manual_seed(0))
    shares = counts.new_shares([rows[0], 2 * rows[0] + rows[1], rows[1] + 1, rows[2], torch.zeros(100, 10)], 5)
    assert shares[0] == pytest.approx(0.2, abs=0.05)
    assert shares[1] < 1e-6 and shares[2] > 0.95 and shares[3] == 0
    assert shares[4] == 1  # there is no fifth


def test_a_sample_that_asks_nothing_is_told():
    with pytest.raises(probes.StepMissing, match="without asking the model"):
        probes.sampling_order({"sample": lambda model, shape, *_: torch.zeros(shape)}, **ORDER)
