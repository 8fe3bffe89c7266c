"""A mistake in one question costs no points in another: names that call each other, as in a notebook."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from autograder.course import Course
from autograder.engine.judge import Judgement, judge
from autograder.questions.loading import load_question
from autograder.release.compile import draws_of, key_test, run_probe
from autograder.release.trial import lost_before

from . import probes

HERE = Path(__file__).parent
RIGHT = {
    "q_sample": """
def q_sample(x0, t, noise, schedule):
    kept = per_row(schedule.alpha_bar, t, x0)
    return kept.sqrt() * x0 + (1 - kept).sqrt() * noise
""",
    "p_mean_variance": """
def p_mean_variance(eps_model, x_t, t, schedule):
    beta, alpha, alpha_bar = (per_row(values, t, x_t) for values in schedule[:3])
    return (x_t - beta / (1 - alpha_bar).sqrt() * eps_model(x_t, t)) / alpha.sqrt(), beta
""",
    "p_sample": """
def p_sample(eps_model, x_t, t, schedule, noise):
    mean, variance = p_mean_variance(eps_model, x_t, t, schedule)
    return mean + variance.sqrt() * noise * (t > 0).view(-1, *[1] * (x_t.dim() - 1))
""",
    "ddpm_loss": """
def ddpm_loss(eps_model, x0, t, noise, schedule):
    return F.mse_loss(eps_model(q_sample(x0, t, noise, schedule), t), noise)
""",
    "sample": """
def sample(eps_model, shape, schedule, generator):
    x = torch.randn(shape, generator=generator)
    with torch.no_grad():
        for step in reversed(range(len(schedule.beta))):
            t = torch.full((shape[0],), step)
            x = p_sample(eps_model, x, t, schedule, torch.randn(shape, generator=generator))
    return x
""",
    "train_one_epoch": """
def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    total, count = 0.0, 0
    for x0, labels in loader:
        loss = loss_fn(model, x0, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total, count = total + loss.item() * len(x0), count + len(x0)
    return total / count
""",
    "per_row": """
def per_row(values, t, x):
    return values[t].reshape(-1, *[1] * (x.dim() - 1))
""",
}
GRADED = [name for name in RIGHT if name != "per_row"]


def notebook(*cells):
    """The graded names after the correct cells and then these."""
    names = {"torch": torch, "F": F, "math": math}
    for cell in (*RIGHT.values(), *cells):
        exec(cell, names)
    return {name: names[name] for name in GRADED}


def changed(name, *changes):
    """The correct cell of a name with texts replaced: old, new, old, new …"""
    cell = RIGHT[name]
    for old, new in zip(changes[::2], changes[1::2]):
        assert cell.count(old) == 1
        cell = cell.replace(old, new)
    return cell


@cache
def known_tests(folder):
    """The tests of a question with the first draw of their cases, without misconceptions. Those of training are left out."""
    course = Course(HERE.parents[1])
    question = load_question(course.assignment(HERE.name), folder.partition("_")[0], HERE / folder)
    question = replace(question, misconceptions=())
    cases = draws_of(question)[0]
    chosen = [test for test in question.tests if not test.probe.__name__.startswith("epoch")]
    return [(test, key_test(question, test, cases), [cases[name] for name in test.cases]) for test in chosen]


def judgements(folder, names, wrong=()):
    """Id of each test -> its judgement, or that of the variant that passes instead of it."""
    found: dict[str, Judgement] = {}
    for test, key, cases in known_tests(folder):
        if not test.instead_of or (not found[test.instead_of].passed and lost_before(key, found, wrong)):
            judgement = judge(key, {case.name: run_probe(test, case, names) for case in cases})
            if not test.instead_of:
                found[test.id] = judgement
            elif judgement.passed:
                found[test.instead_of] = Judgement(True, test.title)
    return found


def lost(folder, names, wrong=()):
    """The tests that fail."""
    return {id for id, judgement in judgements(folder, names, wrong).items() if not judgement.passed}


WRONG_NOISING = {
    "square": changed("q_sample", "kept.sqrt() * x0", "kept * x0"),
    "nan": changed("q_sample", "(1 - kept).sqrt()", "(kept - 1).sqrt()"),
    "raises": "def q_sample(x0, t, noise, schedule): raise NotImplementedError('later')",
    "None": "def q_sample(x0, t, noise, schedule): return None",
    "missing": "q_sample = None",
    "seeds": changed("q_sample", "    kept", "    torch.manual_seed(0)\n    kept"),
    "float64": changed("q_sample", "* noise", "* noise.double()"),
    "without gradients": changed("q_sample", "    kept", "    torch.set_grad_enabled(False)\n    kept"),
    "overwrites": "def q_sample(x0, t, noise, schedule): return x0.mul_(2).add_(noise)",
    "another order": "def q_sample(schedule, x0, noise, t): return x0 + noise",
}
CALLS = {
    "by position": RIGHT["ddpm_loss"],
    "by name": changed("ddpm_loss", "q_sample(x0, t, noise, schedule)", "q_sample(x0=x0, t=t, noise=noise, schedule=schedule)"),
    "in a helper": "def noised(*given): return q_sample(*given)\n" + changed("ddpm_loss", "q_sample(", "noised("),
    "row by row": changed(
        "ddpm_loss",
        "q_sample(x0, t, noise, schedule)",
        "torch.cat([q_sample(x0[k : k + 1], t[k : k + 1], noise[k : k + 1], schedule) for k in range(len(t))])",
    ),
    "without gradients": changed(
        "ddpm_loss", "q_sample(x0, t, noise, schedule)", "torch.no_grad()(q_sample)(x0, t, noise, schedule)"
    ),
    "inlined": "def ddpm_loss(eps_model, x0, t, noise, schedule):\n"
    "    kept = per_row(schedule.alpha_bar, t, x0)\n"
    "    return F.mse_loss(eps_model(kept.sqrt() * x0 + (1 - kept).sqrt() * noise, t), noise)",
}  # fmt: skip


@pytest.mark.parametrize("noising", WRONG_NOISING)
def test_a_wrong_q_sample_costs_the_loss_nothing(noising):
    call = RIGHT["ddpm_loss"]
    if noising == "another order":
        call = changed("ddpm_loss", "q_sample(x0, t, noise, schedule)", "q_sample(schedule, x0, noise, t)")
    names = notebook(WRONG_NOISING[noising], call)
    assert lost("q2_noising", names)
    assert lost("q4_loss", names, wrong=("q2",)) == set()


@pytest.mark.parametrize("call", CALLS)
def test_however_the_loss_calls_it(call):
    names = notebook(WRONG_NOISING["square"], CALLS[call])
    assert lost("q4_loss", names, wrong=("q2",)) == set()


@pytest.mark.parametrize(
    ("wrong", "tests"),
    [
        (changed("ddpm_loss", ", t), noise)", ", t), x0)"), {"value", "gradient"}),
        (changed("ddpm_loss", "(x0, t, noise, schedule)", "(x0, t, noise, schedule._replace(alpha_bar=schedule.alpha))"),
         {"value", "gradient"}),
        (changed("ddpm_loss", "(x0, t, noise, schedule)", "(x0, t * 0, noise, schedule)"), {"value", "gradient"}),
        (changed("ddpm_loss", "(x0, t, noise, schedule)", "(noise, t, x0, schedule)"), {"value", "gradient"}),
        (changed("ddpm_loss", ", t), noise)", ", t).detach(), noise)"), {"gradient"}),
        (changed("ddpm_loss", "    return", "    noise += 0.5\n    return"), {"conduct", "value", "gradient"}),
    ],
)  # fmt: skip
def test_a_wrong_loss_is_wrong_with_any_q_sample(wrong, tests):
    assert (lost("q4_loss", notebook(WRONG_NOISING["square"], wrong), wrong=("q2",))) == tests
    assert (lost("q4_loss", notebook(wrong))) == tests


WRONG_MOMENTS = {
    "mean": changed("p_mean_variance", "(1 - alpha_bar).sqrt()", "(1 - alpha_bar)"),
    "variance": changed("p_mean_variance", "alpha.sqrt(), beta", "alpha.sqrt(), beta.sqrt()"),
    "no pair": changed("p_mean_variance", "alpha.sqrt(), beta", "alpha.sqrt()"),
    "nan": changed("p_mean_variance", "(1 - alpha_bar)", "(alpha_bar - 1)"),
    "raises": "def p_mean_variance(eps_model, x_t, t, schedule): raise NotImplementedError('later')",
}
DRAWS = {
    "as a pair": RIGHT["p_sample"],
    "by name": changed(
        "p_sample", "(eps_model, x_t, t, schedule)\n", "(schedule=schedule, t=t, x_t=x_t, eps_model=eps_model)\n"
    ),
    "by index": "def p_sample(eps_model, x_t, t, schedule, noise):\n"
    "    moments = p_mean_variance(eps_model, x_t, t, schedule)\n"
    "    return torch.where(per_row(t, torch.arange(len(t)), x_t) > 0, moments[0] + moments[1] ** 0.5 * noise, moments[0])",
    "in logarithms": changed("p_sample", "variance.sqrt()", "(0.5 * variance.log()).exp()"),
}


@pytest.mark.parametrize("moments", WRONG_MOMENTS)
def test_wrong_moments_cost_p_sample_nothing(moments):
    found = lost("q3_denoising", notebook(WRONG_MOMENTS[moments]))
    assert found and found <= {"mean", "variance", "conduct"}


@pytest.mark.parametrize("draw", DRAWS)
def test_however_p_sample_calls_them(draw):
    assert (lost("q3_denoising", notebook(WRONG_MOMENTS["mean"], DRAWS[draw]))) == {"mean"}


@pytest.mark.parametrize(
    ("wrong", "tests"),
    [
        (changed("p_sample", "variance.sqrt()", "variance"), {"mean", "step"}),
        (changed("p_sample", "t > 0", "t > 1"), {"mean", "step", "last"}),
        (changed("p_sample", "t > 0", "t >= 0"), {"mean", "last"}),
        (
            changed("p_sample", "(eps_model, x_t, t, schedule)\n", "(eps_model, x_t, t * 0, schedule)\n"),
            {"mean", "step"},
        ),
    ],
)
def test_a_wrong_draw_is_wrong_with_any_moments(wrong, tests):
    assert (lost("q3_denoising", notebook(WRONG_MOMENTS["mean"], wrong))) == tests


WRONG_STEPS = {
    "mean": WRONG_MOMENTS["mean"],
    "no pair": WRONG_MOMENTS["no pair"],
    "variance for deviation": changed("p_sample", "variance.sqrt()", "variance"),
    "noise at the last step too": changed("p_sample", " * (t > 0).view(-1, *[1] * (x_t.dim() - 1))", ""),
    "no noise": changed("p_sample", "mean + variance", "mean + 0 * variance"),
    "noise of its own": changed("p_sample", "* noise", "* torch.randn_like(x_t)"),
    "x_t": "def p_sample(eps_model, x_t, t, schedule, noise): return x_t",
    "clipped": changed("p_sample", "    return mean", "    mean = mean.clamp(-1, 1)\n    return mean"),
    "raises": "def p_sample(eps_model, x_t, t, schedule, noise): raise NotImplementedError('later')",
    "fraction of the steps": changed(
        "p_sample", "(eps_model, x_t, t, schedule)\n", "(eps_model, x_t, t // 2, schedule)\n"
    ),
}
CHAINS = {
    "by name": changed(
        "sample",
        "p_sample(eps_model, x, t, schedule, torch.randn(shape, generator=generator))",
        "p_sample(eps_model, x_t=x, t=t, schedule=schedule, noise=torch.randn(shape, generator=generator))",
    ),
    "by moments": "def sample(eps_model, shape, schedule, generator):\n"
    "    x = torch.randn(shape, generator=generator)\n"
    "    with torch.no_grad():\n"
    "        for step in reversed(range(len(schedule.beta))):\n"
    "            mean, variance = p_mean_variance(eps_model, x, torch.full((shape[0],), step), schedule)\n"
    "            noise = torch.randn(shape, generator=generator) if step else torch.zeros(shape)\n"
    "            x = mean + variance.sqrt() * noise\n"
    "    return x",
    "noise before": changed(
        "sample",
        "    with torch",
        "    noise = torch.randn(len(schedule.beta), *shape, generator=generator)\n    with torch",
        "torch.randn(shape, generator=generator))",
        "noise[step])",
    ),
}


@pytest.mark.parametrize("step", WRONG_STEPS)
def test_a_wrong_reverse_step_costs_sample_nothing(step):
    names = notebook(WRONG_STEPS[step])
    assert lost("q3_denoising", names)
    assert lost("q5_training", names, wrong=("q3",)) == set()


@pytest.mark.parametrize("chain", CHAINS)
def test_however_sample_calls_it(chain):
    names = notebook(WRONG_STEPS["mean"], CHAINS[chain])
    assert lost("q5_training", names, wrong=("q3",)) == set()


@pytest.mark.parametrize(
    ("wrong", "tests"),
    [
        (changed("sample", "reversed(range(len(schedule.beta)))", "reversed(range(min(200, len(schedule.beta))))"), {"chain"}),
        (changed("sample", "reversed(range(len(", "reversed(range(1, len("), {"order", "chain"}),
        (changed("sample", "    return x", "    return x.clamp(-1, 1)"), {"chain"}),
        (changed("sample", "schedule, torch.randn(shape", "schedule, torch.rand(shape"), {"chain"}),
        (changed("sample", "schedule, torch.randn(shape, generator=generator)", "schedule, torch.randn(shape)"), {"randomness"}),
        (changed("sample", "    x = torch.randn(shape", "    x = torch.rand(shape"), {"randomness"}),
        (changed("sample", "torch.full((shape[0],), step)", "torch.full((shape[0],), step, dtype=torch.int32)"), {"order"}),
    ],
)  # fmt: skip
def test_a_wrong_chain_is_wrong_with_any_step(wrong, tests):
    assert (lost("q5_training", notebook(WRONG_STEPS["mean"], wrong), wrong=("q3",))) == tests
    assert (lost("q5_training", notebook(wrong))) == tests


def test_the_student_reads_what_was_given():
    found = judgements("q5_training", notebook(WRONG_STEPS["mean"]), wrong=("q3",))["chain"]
    assert (
        found.passed and found.message == "sample is correct: it was given another reverse step in the place of yours."
    )
    assert judgements("q5_training", notebook())["chain"].message == ""


@pytest.mark.parametrize("argument", ["x0", "t", "noise", "schedule"])
def test_other_noising_depends_on_every_argument(argument):
    given, other = (_given(seed) for seed in (0, 1))
    changed_one = {**given, argument: other[argument]}
    assert not torch.equal(probes.other_noising(**given), probes.other_noising(**changed_one))


@pytest.mark.parametrize("argument", ["eps_model", "x_t", "t", "schedule", "noise"])
def test_other_step_depends_on_every_argument(argument):
    def arguments(seed):
        given = _given(seed)
        return {"eps_model": lambda x, t: (seed + 2) * x, "x_t": given.pop("x0"), **given}

    given, other = arguments(0), arguments(1)
    changed_one = {**given, argument: other[argument]}
    assert not torch.equal(probes.other_step(**given), probes.other_step(**changed_one))


def _given(seed):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.rand(4, 6, generator=generator)
    return {
        "x0": torch.randn(3, 2, 4, generator=generator),
        "t": torch.randperm(5, generator=generator)[:3] + 1,
        "noise": torch.randn(3, 2, 4, generator=generator),
        "schedule": probes.given_schedule(rows),
    }
