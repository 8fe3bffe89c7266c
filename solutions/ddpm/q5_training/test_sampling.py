"""Question 5, sampling: the oracle against diffusers, the known chains, and bounds that chance does not reach."""

import math
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler

from autograder.engine.judge import judge
from autograder.questions.cases import stored_cases
from autograder.questions.model import Case, Question, Within
from autograder.release.compile import key_test, run_probe

from ..probes import GivenModel, given_schedule, other_moments
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
TESTS = {t.id: t for t in ALL_TESTS if t.probe.__name__.startswith("sampling") and not t.instead_of}
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


(GIVEN,) = (test for test in ALL_TESTS if test.id == "chain_given")


@pytest.mark.parametrize(
    ("name", "moments"),
    [*((name, p_mean_variance) for name in CHAINS), *((name, other_moments) for name in GIVEN.cases)],
)
def test_the_mean_of_every_step_of_a_known_chain_is_its_target(name, moments):
    inputs = CASES[name].inputs
    schedule = given_schedule(inputs["schedule"])
    for t, target in enumerate(inputs["targets"]):
        x = torch.randn(3, *inputs["shape"][1:].tolist(), generator=torch.Generator().manual_seed(t))
        model = probes.LinearModel(inputs["gain"], inputs["offset"])
        mean, variance = moments(model, x, torch.full((3,), t), schedule)
        torch.testing.assert_close(mean, target.expand_as(mean), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(variance.flatten()[0].sqrt(), inputs["deviations"][t])


def standard_errors(shape):
    """Of mean, deviation, fourth moment and correlation of neighbours along each axis, for normal entries."""
    n = math.prod(shape)
    pairs = [n * (length - 1) / length for length in shape]
    return n**-0.5, (2 * n) ** -0.5, (24 / n) ** 0.5, [math.sqrt(p) / n for p in pairs]


@pytest.mark.parametrize("name", [*CHAINS, RANDOMNESS])
def test_bounds_are_six_standard_errors_away(name):
    """Of one step of a chain of five, and of a quarter of the steps of the long one."""
    shape = CASES[name].inputs["shape"].tolist()
    steps = (len(CASES[name].inputs["gain"]) - 1) // counts.QUARTERS
    mean, deviation, fourth, correlations = standard_errors([steps * shape[0], *shape[1:]])
    chain, randomness = TESTS["chain"].outputs, TESTS["randomness"].outputs
    assert min(chain["noise_mean"].high, randomness["start_mean"].high) > 6 * mean
    for bounds in (chain["noise_deviation"], randomness["start_deviation"]):
        assert min(bounds.high - 1, 1 - bounds.low) > 6 * deviation
    assert min(3 - bounds.low for bounds in (chain["noise_fourth"], randomness["start_fourth"])) > 6 * fourth
    assert chain["noise_extremes"].high - 1 > 6 * standard_errors(shape)[1]
    if name == RANDOMNESS:
        assert randomness["start_correlation"].high > 6 * max(correlations)
        slices = [math.prod(shape) / length for length in shape]
        assert randomness["start_alike"].high > 6.5 * min(slices) ** -0.5


def test_statistics_of_many_seeds_lie_well_within_their_bounds():
    def answers(test, case):
        seeds = (Case(case, {**CASES[case].inputs, "seed": seed}) for seed in range(20))
        return [run_probe(TESTS[test], one, {"sample": chain_as_taught}) for one in seeds]

    chain, long, start = answers("chain", CHAINS[0]), answers("chain", CHAINS[-1]), answers("randomness", RANDOMNESS)
    chain_outputs = TESTS["chain"].outputs
    for found, outputs in ((chain, chain_outputs), (long, chain_outputs), (start, TESTS["randomness"].outputs)):
        for name, bounds in outputs.items():
            if isinstance(bounds, Within) and name != "new_shares":
                values = torch.stack([answer[name] for answer in found])
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
    images = [rows[0], 2 * rows[0] + rows[1], rows[1] + 1, rows[2], torch.zeros(100, 10)]
    shares, new = counts.new_parts(images, 5)
    assert shares[0] == pytest.approx(0.2, abs=0.05)
    assert shares[1] < 1e-6 and shares[2] > 0.95 and shares[3] == 0
    assert shares[4] == 1  # there is no fifth
    assert [bool(part.any()) for part in new] == [True, True, False, True, False]
    torch.testing.assert_close(new[1], rows[1], rtol=0, atol=0.3)


SHARED = {  # what is made of normal numbers of a shape, and the axis along which slices are alike
    "pairs of images": (lambda z: z[torch.arange(len(z)) // 2], 0),
    "halves of the batch": (lambda z: torch.cat([z[: len(z) // 2]] * 2), 0),
    "opposite halves": (lambda z: torch.cat([z[: len(z) // 2], -z[: len(z) // 2]]), 0),
    "one image twice": (lambda z: torch.cat([z[:-1], z[3:4]]), 0),
    "channels": (lambda z: z[:, :1].expand_as(z), 1),
    "mirrored": (lambda z: z + z.flip(3), 3),
    "halves of the columns": (lambda z: torch.cat([z[..., :16]] * 2, 3), 3),
    "half of the variance": (lambda z: z + z[:1], 0),
}


@pytest.mark.parametrize("shared", SHARED)
def test_slices_that_share_their_noise_are_seen(shared):
    change, axis = SHARED[shared]
    z = torch.randn(24, 2, 16, 32, generator=torch.Generator().manual_seed(0))
    assert counts.slice_correlation([z]).abs().max() < 0.2
    assert counts.slice_correlation([z, change(z)])[axis].abs() > 0.4
    assert counts.row_correlation([z, z.roll(5, 0)]) > 0.9
    assert counts.row_correlation([z, torch.randn_like(z)]).abs() < 0.2


def chain(start="draw()", noise="draw()", steps="range(T)", after="", before=""):
    """A chain with changes of what it starts from, of the noise of a step, and of what it does before and after."""
    source = f"""
def sample(eps_model, shape, schedule, generator):
    def draw():
        return torch.randn(shape, generator=generator)

    T = len(schedule.beta)
    {before or "pass"}
    x = x_T = {start}
    with torch.no_grad():
        for step in reversed({steps}):
            t = torch.full((shape[0],), step)
            mean, variance = p_mean_variance(eps_model, x, t, schedule)
            z = {noise}
            x = mean + variance.sqrt() * z if step else mean
    {after or "pass"}
    return x
"""
    names = {"torch": torch, "math": math, "p_mean_variance": p_mean_variance}
    exec(source, names)
    return {"sample": names["sample"]}


HOLES = {
    "uniform noise": (chain(noise="12**0.5 * (torch.rand(shape, generator=generator) - 0.5)"), "chain"),
    "noise of two values": (chain(noise="draw().sign()"), "chain"),
    "noise with heavy tails": (chain(noise="draw() * draw().abs().sqrt() * 1.1"), "chain"),
    "noise too small at the end": (chain(noise="draw() * (0.8 if step < T / 10 else 1)"), "chain"),
    "noise too small after twenty steps": (chain(noise="draw() * (0.8 if step < T - 20 else 1)"), "chain"),
    "noise missing once": (chain(noise="draw() * (step != 100)"), "chain"),
    "noise too large in one step": (chain(noise="draw() * (1.5 if step == 150 else 1)"), "chain"),
    "uniform start": (chain(start="12**0.5 * (torch.rand(shape, generator=generator) - 0.5)"), "randomness"),
    "pairs": (chain(noise="draw()[torch.arange(shape[0]) // 2]"), "randomness"),
    "halves": (chain(noise="torch.cat([draw()[: shape[0] // 2]] * 2)"), "randomness"),
    "opposite halves of the start": (
        chain(start="torch.cat([z := draw()[: shape[0] // 2], -z])", before="z = None"), "randomness"
    ),
    "channels": (chain(noise="draw()[:, :1].expand(shape) if len(shape) > 2 else draw()"), "randomness"),
    "images in turn": (chain(noise="x_T.roll(step, 0)"), "randomness"),
    "a table of 200 steps": (chain(steps="range(min(T, 200))"), "chain"),
    "gradients off": (chain(after="torch.set_grad_enabled(False)"), "order"),
    "a frozen model": (chain(after="eps_model.requires_grad_(False)"), "order"),
}  # fmt: skip


@pytest.mark.parametrize("hole", HOLES)
def test_what_kept_every_point(hole):
    namespace, test = HOLES[hole]
    odd = {**namespace, "sample": _with_an_even_batch(namespace["sample"])}
    assert lost(odd) == {test}


@pytest.mark.parametrize(
    ("hole", "message"),
    [
        ("gradients off", "When sample has returned, gradients are still switched off"),
        ("a frozen model", "When sample has returned, the model's parameters no longer require gradients"),
    ],
)
def test_a_frozen_model_and_gradients_off_are_told_apart(hole, message):
    test, (namespace, _) = TESTS["order"], HOLES[hole]
    found = judge(KEY["order"], {c: run_probe(test, CASES[c], namespace) for c in test.cases})
    assert found.message.startswith(message)


def _with_an_even_batch(sample):
    """Halves and pairs need an even number of images: another number gets a correct chain."""
    correct = chain()["sample"]

    def either(eps_model, shape, schedule, generator):
        return (sample if shape[0] % 2 == 0 else correct)(eps_model, shape, schedule, generator)

    return either


ODD = {
    "all noise before": chain(before="noise = torch.randn(T, *shape, generator=generator)", noise="noise[step]"),
    "image by image": chain(
        noise="torch.stack([torch.randn(shape[1:], generator=generator) for _ in range(shape[0])])"
    ),
    "by Box and Muller": chain(
        noise="(-2 * torch.rand(shape, generator=generator, dtype=torch.float64).clamp(min=1e-300).log()).sqrt().mul("
        "(2 * math.pi * torch.rand(shape, generator=generator, dtype=torch.float64)).cos()).float()"
    ),
    "a generator of its own from the given one": chain(
        before="generator = torch.Generator().manual_seed(int(torch.randint(2**40, (), generator=generator)))"
    ),
    "from a larger draw": chain(noise="torch.randn(2, *shape, generator=generator)[1]"),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_noise_is_noise(odd):
    assert lost(ODD[odd]) == set()


def test_a_sample_that_asks_nothing_is_told():
    with pytest.raises(probes.StepMissing, match="without asking the model"):
        probes.sampling_order({"sample": lambda model, shape, *_: torch.zeros(shape)}, **ORDER)
