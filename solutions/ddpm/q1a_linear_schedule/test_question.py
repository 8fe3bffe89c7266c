"""Question 1a: the oracle against hand-made examples, laws and a library, the probes of a schedule, what a mistake costs.

The laws are those of question 1b, too.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from autograder.release.trial import judgements, lost

from ..probes import Schedule
from ..q1b_cosine_schedule.oracle import cosine_schedule
from . import counts, probes
from .correct import linspace_and_cumprod
from .mistakes import MISCONCEPTIONS
from .oracle import noise_schedule

HERE = Path(__file__).parent
SCHEDULES = {
    "linear, defaults": noise_schedule(1000),
    "linear, wide": noise_schedule(30, 0.01, 0.4),
    "cosine, defaults": cosine_schedule(100),
    "cosine, s = 0.2": cosine_schedule(12, s=0.2),
}
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


def close(got, want, rtol=1e-5, atol=0.0):
    torch.testing.assert_close(got, torch.as_tensor(want, dtype=got.dtype), rtol=rtol, atol=atol)


def test_three_linear_steps_by_hand():
    schedule = noise_schedule(3, 0.1, 0.3)
    close(schedule.beta, [0.1, 0.2, 0.3])
    close(schedule.alpha, [0.9, 0.8, 0.7])
    close(schedule.alpha_bar, [0.9, 0.72, 0.504])
    close(schedule.posterior_variance, [0.0, 0.2 * 0.1 / 0.28, 0.3 * 0.28 / 0.496])


def test_one_linear_step_starts_and_ends_at_once():
    assert [part.tolist() for part in noise_schedule(1, 0.25, 0.5)] == [[0.25], [0.75], [0.75], [0.0]]


@each_schedule
def test_four_float32_tensors(schedule):
    assert [(part.dtype, part.shape) for part in schedule] == [(torch.float32, schedule.beta.shape)] * 4


@each_schedule
def test_signal_fades_and_noise_grows(schedule):
    assert bool((schedule.alpha_bar.diff() < 0).all()) and bool((schedule.beta.diff() > 0).all())
    assert schedule.alpha_bar[0] == schedule.alpha[0]


@each_schedule
def test_precisions_of_the_posterior_add_up(schedule):
    """By Bayes' rule the precision of x_{t−1} given x_t and x_0 is α_t/β_t from x_t and 1/(1 − ᾱ_{t−1}) from x_0."""
    beta, alpha, alpha_bar, posterior = (part.double() for part in schedule)
    precision = alpha[1:] / beta[1:] + 1 / (1 - alpha_bar[:-1])
    close(posterior[1:] * precision, torch.ones(len(beta) - 1), rtol=2e-3)  # of 1 − ᾱ, which float32 rounds
    assert posterior[0] == 0


@pytest.mark.parametrize("linear", [noise_schedule, linspace_and_cumprod], ids=["oracle", "plain"])
@pytest.mark.parametrize("setting", [(1000, 1e-4, 0.02), (50, 0.001, 0.05), (10, 0.02, 0.3)], ids=str)
def test_linear_agrees_with_diffusers(linear, setting):
    """Its small variance differs at the first step, where it is kept off 0 for its logarithm."""
    T, beta_start, beta_end = setting
    theirs = DDPMScheduler(T, beta_start, beta_end, beta_schedule="linear")
    ours = linear(T, beta_start, beta_end)
    close(theirs.betas, ours.beta)
    close(theirs.alphas, ours.alpha)
    close(theirs.alphas_cumprod, ours.alpha_bar, rtol=1e-4)
    small = torch.stack([theirs._get_variance(t, variance_type="fixed_small") for t in range(T)])
    large = torch.stack([theirs._get_variance(t, variance_type="fixed_large") for t in range(T)])
    close(small[1:], ours.posterior_variance[1:], rtol=2e-3)
    assert small[0] == pytest.approx(1e-20) and ours.posterior_variance[0] == 0
    close(large, ours.beta, rtol=2e-3)  # theirs is 1 − ᾱ_t/ᾱ_{t−1}


def forward(answer, T=3, **settings):
    return probes.schedule_beta({"f": lambda T, **_: answer}, "f", T, **settings)


PARTS = tuple(torch.tensor([k, k + 0.25, k + 0.5]) for k in range(4))


def test_settings_are_handed_on_and_defaults_left_alone():
    seen = []

    def f(*arguments, **settings):
        seen.append((arguments, settings))
        return PARTS

    probes.schedule_beta({"f": f}, "f", 3)
    probes.schedule_beta({"f": f}, "f", 3, beta_start=0.5, beta_end=0.75)
    assert seen == [((3,), {}), ((3,), {"beta_start": 0.5, "beta_end": 0.75})]


def test_every_thins_the_steps_and_keeps_the_last_ones():
    numbers = torch.arange(20.0)
    assert forward((numbers,) * 4, T=20, every=5)["beta"].tolist() == [0, 5, 10, *range(12, 20)]
    assert forward((numbers,) * 4, T=20)["beta"].tolist() == numbers.tolist()


@pytest.mark.parametrize(
    ("T", "error", "words"),
    [
        (2, probes.OneTooMany, "beta of f has one entry too many"),
        (4, probes.OneTooFew, "beta of f has one entry too few"),
        (9, probes.WrongLength, "beta of f has another number of entries"),
    ],
)
def test_another_length_is_a_sentence(T, error, words):
    with pytest.raises(error, match=words + r"; it has one for each of the T steps, shape \(T,\)"):
        forward(PARTS, T=T)
    with pytest.raises(probes.WrongLength, match="beta of f has 2 axes"):
        forward([part[:, None] for part in PARTS])


@pytest.mark.parametrize(
    ("answer", "found"), [(None, "None"), (PARTS[:3], "a tuple of 3"), (dict(enumerate(PARTS)), "a dict")], ids=str
)
def test_no_schedule_is_a_sentence(answer, found):
    with pytest.raises(probes.NoSchedule, match=rf"f returns {found}; return Schedule\(beta, alpha"):
        forward(answer)


def test_a_part_that_is_no_tensor_is_named():
    with pytest.raises(TypeError, match="alpha of f is a list, expected a tensor"):
        forward((PARTS[0], [1, 2, 3], *PARTS[2:]))


def test_dtype_is_a_matter_of_its_own():
    doubles = tuple(part.double() for part in PARTS)
    assert forward(doubles)["beta"].dtype is torch.float32
    answer = counts.products(probes.schedule_products({"f": lambda T: (*PARTS[:3], doubles[3])}, "f", 3))
    assert answer["float32_parts"] == 3 and torch.equal(answer["posterior_variance"], PARTS[3])


def test_side_effects_are_seen_and_undone():
    def careless(T):
        torch.manual_seed(7)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return PARTS

    before = torch.get_rng_state()
    answer = counts.schedule_side_effects(probes.schedule_side_effects({"f": careless}, "f", 3))
    assert answer["rng_bytes"] > 0 and answer["default_changed"] == 1 and answer["float32_parts"] == 4
    assert answer["gradients_off"] > 0
    assert torch.equal(torch.get_rng_state(), before) and torch.get_default_dtype() is torch.float32
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("roots evenly spaced", ("beta",)),
        ("beta scaled by a thousand over T and clipped", ("beta",)),
        ("both beta arguments ignored", ("beta",)),
        ("T plus one steps", ("beta", "alpha_bar", "posterior", "conduct")),
        ("alpha bar by sum", ("alpha_bar",)),
        ("alpha bar shifted", ("alpha_bar",)),
        ("posterior starts with beta", ("posterior",)),
        ("posterior padded with zero", ("posterior",)),
        ("one step divides by zero", ("conduct",)),
        ("one step raises", ("conduct",)),
        ("float64 schedule", ("conduct",)),
        ("seeds", ("conduct",)),
    ],
)
def test_a_mistake_costs_what_it_breaks_and_is_recognised(mistake, tests):
    wrong = next(entry for entry in MISCONCEPTIONS if entry.id == mistake)
    assert lost(HERE, wrong.namespace) == dict.fromkeys(tests, wrong.hint)


def linear(change_beta=lambda beta: beta, change_bar=lambda bar: bar, change=lambda schedule: schedule):
    """A schedule with a change of β, one of ᾱ, and one of what both and everything else has become."""

    def noise_schedule(T, beta_start=1e-4, beta_end=0.02):
        beta = change_beta(torch.linspace(beta_start, beta_end, T))
        bar = change_bar((1 - beta).cumprod(0))
        before = torch.cat([torch.ones(1), bar[:-1]])
        return change(Schedule(beta, 1 - beta, bar, beta * (1 - before) / (1 - bar)))

    return {"noise_schedule": noise_schedule}


CUT = {
    "β has a floor": (linear(lambda beta: beta.clamp(min=1e-4)), {"beta"}),
    "β has a floor after ten steps": (linear(lambda beta: torch.cat([beta[:10], beta[10:].clamp(min=2e-3)])), {"beta"}),
    "β from a table of 200 steps": (linear(lambda beta: torch.cat([beta[:200], beta[200:] * 0 + 0.01])), {"beta"}),
    "ᾱ has a floor": (linear(change=lambda s: s._replace(alpha_bar=s.alpha_bar.clamp(min=1e-4))), {"alpha_bar"}),
    "ᾱ has a small offset": (linear(change=lambda s: s._replace(alpha_bar=s.alpha_bar + 1e-5)), {"alpha_bar"}),
    "ᾱ has one entry in front": (
        linear(change=lambda s: s._replace(alpha_bar=torch.cat([torch.ones(1), s.alpha_bar]))),
        {"alpha_bar"},
    ),
    "all is built on a wrong ᾱ": (linear(change_bar=lambda bar: bar**2), {"alpha_bar"}),
    "all is built on a wrong β": (linear(lambda beta: beta**1.5), {"beta"}),
    "wrong ᾱ and wrong β̃": (
        linear(change_bar=lambda bar: bar**2, change=lambda s: s._replace(posterior_variance=s.beta)),
        {"alpha_bar", "posterior"},
    ),
    "constants": (
        linear(change=lambda s: Schedule(0 * s.beta, 0 * s.beta + 1, 0 * s.beta + 1, 0 * s.beta)),
        {"beta", "alpha_bar", "posterior"},
    ),
    "gradients are off": (linear(change=lambda s: (torch.set_grad_enabled(False), s)[1]), {"conduct"}),
}


@pytest.mark.parametrize("wrong", CUT)
def test_what_is_right_in_itself_is_kept(wrong):
    namespace, tests = CUT[wrong]
    assert set(lost(HERE, namespace)) == tests


def test_the_student_reads_what_was_compared():
    found = judgements(HERE, CUT["all is built on a wrong ᾱ"][0])["posterior"]
    assert found.passed and found.message.startswith("Your posterior variance follows from your own β and ᾱ")


def test_a_mistake_in_another_style_gets_the_same_hint():
    """ᾱ by a power, written as a loop over lists."""

    def noise_schedule(T, beta_start=1e-4, beta_end=0.02):
        beta = np.linspace(beta_start, beta_end, T)
        bar = np.array([(1 - b) ** (k + 1) for k, b in enumerate(beta)])
        before = np.concatenate([[1.0], bar[:-1]])
        return tuple(torch.tensor(a).float() for a in (beta, 1 - beta, bar, beta * (1 - before) / (1 - bar)))

    found = judgements(HERE, {"noise_schedule": noise_schedule})
    assert found["alpha_bar"].misconception == "alpha bar by power"
    assert [test for test in found if not found[test].passed] == ["alpha_bar"]


def test_an_unfinished_posterior_leaves_the_forward_part_its_points():
    def noise_schedule(T, beta_start=1e-4, beta_end=0.02):
        beta = torch.linspace(beta_start, beta_end, T)
        return beta, 1 - beta, (1 - beta).cumprod(0), None

    found = judgements(HERE, {"noise_schedule": noise_schedule})
    assert found["beta"].passed and found["alpha_bar"].passed and not found["posterior"].passed
    assert found["posterior"].message == "posterior_variance of noise_schedule is None, expected a tensor."


def test_a_schedule_that_is_kept_by_its_length_alone_costs_beta():
    kept = {}

    def by_length(T, *settings, **named):
        return kept.setdefault(T, linspace_and_cumprod(T, *settings, **named))

    assert set(lost(HERE, {"noise_schedule": by_length}, one_draw=True)) == {"beta"}
