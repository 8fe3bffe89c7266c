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
    "reparameterize": "def reparameterize(mu, logvar, eps): return mu + torch.exp(logvar / 2) * eps",
    "kl_divergence": "def kl_divergence(mu, logvar): return 0.5 * (logvar.exp() + mu**2 - 1 - logvar).sum(-1)",
    "log_likelihood_bernoulli": """
def log_likelihood_bernoulli(logits, x):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
""",
    "log_likelihood_normal": """
def log_likelihood_normal(mu, logvar, x):
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mu) ** 2 / logvar.exp()).sum(-1)
""",
    "log_mean_exp": "def log_mean_exp(y): return torch.logsumexp(y, 1) - math.log(y.shape[1])",
    "VAE": """
class VAE(torch.nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, decoder.latent

    def encode(self, x):
        return self.encoder(x)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x, eps):
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar, eps)), mu, logvar
""",
    "vae_loss": """
def vae_loss(logits, x, mu, logvar, beta=1.0):
    reconstruction, kl = -log_likelihood_bernoulli(logits, x).mean(), kl_divergence(mu, logvar).mean()
    return reconstruction + beta * kl, reconstruction, kl
""",
    "train_one_epoch": """
def train_one_epoch(model, loader, optimizer, generator, beta=1.0, device="cpu"):
    model.train()
    totals, count = [0.0, 0.0, 0.0], 0
    for x, _ in loader:
        logits, mu, logvar = model(x, torch.randn(len(x), model.latent, generator=generator))
        parts = vae_loss(logits, x, mu, logvar, beta)
        optimizer.zero_grad()
        parts[0].backward()
        optimizer.step()
        totals = [total + part.item() * len(x) for total, part in zip(totals, parts)]
        count += len(x)
    return tuple(total / count for total in totals)
""",
    "importance_weighted_bound": """
def importance_weighted_bound(model, x, eps):
    mu, logvar = model.encode(x)
    zeros, weights = torch.zeros_like(mu), []
    for noise in eps:
        z = reparameterize(mu, logvar, noise)
        ratio = log_likelihood_normal(zeros, zeros, z) - log_likelihood_normal(mu, logvar, z)
        weights.append(log_likelihood_bernoulli(model.decode(z), x) + ratio)
    return log_mean_exp(torch.stack(weights, dim=1))
""",
}
FOLDERS = {
    "q1a": "q1a_reparameterize",
    "q1b": "q1b_kl_divergence",
    "q1c": "q1c_bernoulli",
    "q1d": "q1d_normal",
    "q1e": "q1e_log_mean_exp",
    "q2": "q2_forward",
    "q3": "q3_loss",
    "q4": "q4_training",
    "q7": "q7_importance_weighted",
}


def notebook(*cells):
    """The graded names after the correct cells and then these."""
    names = {"torch": torch, "F": F, "math": math}
    for cell in (*RIGHT.values(), *cells):
        exec(cell, names)
    return {name: names[name] for name in RIGHT}


def changed(name, *changes):
    """The correct cell of a name with texts replaced: old, new, old, new …"""
    cell = RIGHT[name]
    for old, new in zip(changes[::2], changes[1::2]):
        assert cell.count(old) == 1
        cell = cell.replace(old, new)
    return cell


@cache
def known_tests(id):
    """The tests of a question with the first draw of their cases, without misconceptions."""
    folder = HERE / FOLDERS[id]
    question = replace(load_question(Course(HERE.parents[1]).assignment(HERE.name), id, folder), misconceptions=())
    cases = draws_of(question)[0]
    return [(test, key_test(question, test, cases), [cases[name] for name in test.cases]) for test in question.tests]


def judgements(id, names, wrong=()):
    """Id of each test -> its judgement, or that of the variant that passes instead of it."""
    found: dict[str, Judgement] = {}
    for test, key, cases in sorted(known_tests(id), key=lambda one: bool(one[0].instead_of)):
        if not test.instead_of or (not found[test.instead_of].passed and lost_before(key, found, wrong)):
            judgement = judge(key, {case.name: run_probe(test, case, names) for case in cases})
            if not test.instead_of:
                found[test.id] = judgement
            elif judgement.passed:
                found[test.instead_of] = Judgement(True, test.title)
    return found


def lost(names):
    """Question -> the tests that fail, in the order of the notebook, with the questions that lost points before."""
    found: dict[str, set[str]] = {}
    for id in FOLDERS:
        tests = {test for test, judgement in judgements(id, names, tuple(found)).items() if not judgement.passed}
        if tests:
            found[id] = tests
    return found


def raising(name):
    parameters = RIGHT[name].partition("(")[2].partition(")")[0]
    return f"def {name}({parameters}): raise NotImplementedError('later')"


WRONG = {
    "q1a: variance": changed("reparameterize", "logvar / 2", "logvar"),
    "q1a: nan": changed("reparameterize", "torch.exp(logvar / 2)", "(-1 - logvar.exp()).sqrt()"),
    "q1a: raises": raising("reparameterize"),
    "q1b: negative": changed("kl_divergence", "0.5", "-0.5"),
    "q1b: mean": changed("kl_divergence", "sum(-1)", "mean()"),
    "q1b: nan": changed("kl_divergence", "logvar.exp()", "(-logvar.exp()).log()"),
    "q1b: raises": raising("kl_divergence"),
    "q1b: None": "def kl_divergence(mu, logvar): return None",
    "q1b: without gradient": "kl_divergence = torch.no_grad()(kl_divergence)",
    "q1b: missing": "kl_divergence = None",
    "q1c: positive": changed("log_likelihood_bernoulli", "-F", "F"),
    "q1c: mean": changed("log_likelihood_bernoulli", "sum(1)", "mean(1)"),
    "q1c: raises": raising("log_likelihood_bernoulli"),
    "q1d: without constant": changed("log_likelihood_normal", "math.log(2 * math.pi) + ", ""),
    "q1d: raises": raising("log_likelihood_normal"),
    "q1e: sum": changed("log_mean_exp", " - math.log(y.shape[1])", ""),
    "q1e: pairs of rows": changed("log_mean_exp", "torch.logsumexp(y, 1)", "torch.logsumexp(y, 1, keepdim=True) + 0 * y[:, 0]"),
    "q1e: raises": raising("log_mean_exp"),
    "q3: without beta": changed("vae_loss", "+ beta * kl", "+ kl"),
    "q3: two results": changed("vae_loss", ", reconstruction, kl\n", ", kl\n"),
    "q3: raises": raising("vae_loss"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_function_costs_its_own_question_only(wrong):
    assert set(lost(notebook(WRONG[wrong]))) == {wrong.partition(":")[0]}


def test_a_notebook_whose_functions_of_q1_are_all_wrong_loses_nothing_else():
    found = lost(notebook(*(cell for name, cell in WRONG.items() if name.endswith("raises") and name < "q2")))
    assert set(found) == {"q1a", "q1b", "q1c", "q1d", "q1e"}


CALLS = {
    "by name": changed("vae_loss", "(logits, x).mean()", "(x=x, logits=logits).mean()", "(mu, logvar).mean()",
                       "(logvar=logvar, mu=mu).mean()"),
    "in a helper": "def _kl(*given): return kl_divergence(*given)\n" + changed("vae_loss", "kl_divergence(", "_kl("),
    "image by image": changed("vae_loss", "kl_divergence(mu, logvar)",
                              "torch.cat([kl_divergence(m[None], v[None]) for m, v in zip(mu, logvar)])"),
    "the bound of each image": """
def vae_loss(logits, x, mu, logvar, beta=1.0):
    log_p, kl = log_likelihood_bernoulli(logits, x), kl_divergence(mu, logvar)
    return (beta * kl - log_p).mean(), -log_p.mean(), kl.mean()
""",
    "a loop with a loss of its own": changed("train_one_epoch", "vae_loss(logits, x, mu, logvar, beta)",
                                             "(lambda r, k: (r + beta * k, r, k))(-log_likelihood_bernoulli(logits, x).mean(), "
                                             "kl_divergence(mu, logvar).mean())"),
    "encode and decode": changed("VAE", "self.decode(reparameterize(mu, logvar, eps))",
                                 "self.decoder(reparameterize(eps=eps, logvar=logvar, mu=mu))"),
    "draws at once": """
def importance_weighted_bound(model, x, eps):
    k, n, d = eps.shape
    mu, logvar = (part.repeat(k, 1) for part in model.encode(x))
    z = reparameterize(mu, logvar, eps.reshape(k * n, d))
    log_p = log_likelihood_bernoulli(model.decode(z), x.repeat(k, 1, 1, 1))
    log_w = log_p + log_likelihood_normal(0 * mu, 0 * mu, z) - log_likelihood_normal(mu, logvar, z)
    return log_mean_exp(log_w.view(k, n).T)
""",
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("wrong", ["q1a: variance", "q1b: negative", "q1c: mean", "q1d: without constant", "q1e: sum"])
def test_however_it_is_called(call, wrong):
    assert set(lost(notebook(WRONG[wrong], CALLS[call]))) == {wrong.partition(":")[0]}


LATER = {
    "q2: mu decoded": (changed("VAE", "reparameterize(mu, logvar, eps)", "reparameterize(mu, logvar, 0 * eps)"), {"forward"}),
    "q2: arguments exchanged": (changed("VAE", "(mu, logvar, eps)), mu", "(logvar, mu, eps)), mu"), {"forward"}),
    "q3: beta left out": (changed("vae_loss", "+ beta * kl", "+ kl"), {"value", "gradient"}),
    "q3: minus": (changed("vae_loss", "+ beta * kl", "- beta * kl"), {"value", "gradient"}),
    "q3: logits for x": (changed("vae_loss", "(logits, x).mean()", "(logits, x.round()).mean()"), {"value", "gradient"}),
    "q4: beta left out": (changed("train_one_epoch", ", beta)\n", ")\n"), {"means", "parameters"}),
    "q4: no zero_grad": (changed("train_one_epoch", "        optimizer.zero_grad()\n", ""), {"parameters"}),
    "q4: uniform noise": (changed("train_one_epoch", "torch.randn", "torch.rand"), {"noise"}),
    "q4: eval mode": (changed("train_one_epoch", "model.train()", "model.eval()"), {"conduct"}),
    "q7: prior left out": (
        changed("importance_weighted_bound", "ratio = log_likelihood_normal(zeros, zeros, z) ", "ratio = 0 "), {"value", "extreme"}),
    "q7: mean of logarithms": (
        changed("importance_weighted_bound", "log_mean_exp(torch.stack(weights, dim=1))", "torch.stack(weights).mean(0)"),
        {"value", "extreme"}),
}  # fmt: skip
ALL_OF_Q1 = tuple(
    WRONG[name] for name in ("q1a: variance", "q1b: negative", "q1c: mean", "q1d: without constant", "q1e: sum")
)


@pytest.mark.parametrize("later", LATER)
def test_what_is_wrong_stays_wrong_with_any_functions_before_it(later):
    cell, tests = LATER[later]
    id = later.partition(":")[0]
    assert lost(notebook(cell)) == {id: tests}
    assert lost(notebook(*ALL_OF_Q1, cell))[id] == tests


def test_the_student_reads_what_was_given():
    found = judgements("q3", notebook(WRONG["q1b: negative"]), wrong=("q1b",))["value"]
    assert found.passed and found.message == "The loss is correct: it was given other densities in the place of yours."


STAND_INS = {
    "other_reparameterize": ("mu", "logvar", "eps"),
    "other_kl": ("mu", "logvar"),
    "other_bernoulli": ("logits", "x"),
    "other_normal": ("mu", "logvar", "x"),
    "other_log_mean_exp": ("y",),
    "other_loss": ("logits", "x", "mu", "logvar"),
}


@pytest.mark.parametrize(("name", "argument"), [(name, one) for name, given in STAND_INS.items() for one in given])
def test_a_stand_in_depends_on_every_argument_and_on_rows_alone(name, argument):
    def inputs(seed):
        generator = torch.Generator().manual_seed(seed)
        return {one: torch.rand(3, 4, generator=generator) for one in STAND_INS[name]}

    function, given = getattr(probes, name), inputs(0)
    other = function(**{**given, argument: inputs(1)[argument]})
    assert not torch.equal(*(torch.stack(out) if isinstance(out, tuple) else out for out in (function(**given), other)))
    if name != "other_loss":
        rows = torch.cat([function(**{one: t[k : k + 1] for one, t in given.items()}) for k in range(3)])
        torch.testing.assert_close(rows, function(**given))
