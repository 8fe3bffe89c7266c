"""A mistake in one question costs no points in another: names that call each other, as in the solution."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tqdm import tqdm

from autograder.release.trial import Solution, raising

from . import probes

SOLUTION = Solution(Path(__file__).parent, torch=torch, nn=torch.nn, F=F, math=math, tqdm=tqdm)
QUESTIONS = ("q1a", "q1b", "q1c", "q1d", "q1e", "q2", "q3", "q4", "q7")  # q5 builds on no other
notebook, changed = SOLUTION.notebook, SOLUTION.changed


def lost(names):
    return SOLUTION.lost(names, QUESTIONS)


REC, KL = "-log_likelihood_bernoulli(logits, x).mean()", "kl_divergence(mu, logvar).mean()"
WRONG = {
    "q1a: variance": changed("reparameterize", "(logvar / 2)", "logvar"),
    "q1a: nan": changed("reparameterize", "(logvar / 2).exp()", "(-1 - logvar.exp()).sqrt()"),
    "q1a: raises": raising("reparameterize"),
    "q1b: negative": changed("kl_divergence", "dim=-1) / 2", "dim=-1) / -2"),
    "q1b: mean": changed("kl_divergence", "sum(dim=-1)", "mean()"),
    "q1b: nan": changed("kl_divergence", "(logvar.exp()", "((-logvar.exp()).log()"),
    "q1b: raises": raising("kl_divergence"),
    "q1b: None": "def kl_divergence(mu, logvar): return None",
    "q1b: without gradient": "kl_divergence = torch.no_grad()(kl_divergence)",
    "q1b: missing": "kl_divergence = None",
    "q1c: positive": changed("log_likelihood_bernoulli", "-F.", "F."),
    "q1c: mean": changed("log_likelihood_bernoulli", "sum(dim=1)", "mean(dim=1)"),
    "q1c: raises": raising("log_likelihood_bernoulli"),
    "q1d: without constant": changed("log_likelihood_normal", "math.log(2 * math.pi) + ", ""),
    "q1d: raises": raising("log_likelihood_normal"),
    "q1e: sum": changed("log_mean_exp", " - math.log(y.shape[1])", ""),
    "q1e: pairs of rows": changed("log_mean_exp", "dim=1)", "dim=1, keepdim=True) + 0 * y[:, 0]"),
    "q1e: raises": raising("log_mean_exp"),
    "q3: without beta": changed("vae_loss", "+ beta * kl,", "+ kl,"),
    "q3: two results": changed("vae_loss", "beta * kl, reconstruction, kl", "beta * kl, kl"),
    "q3: raises": raising("vae_loss"),
}
ALL_OF_Q1 = [
    WRONG[name] for name in ("q1a: variance", "q1b: negative", "q1c: mean", "q1d: without constant", "q1e: sum")
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_function_costs_its_own_question_only(wrong):
    assert set(lost(notebook(WRONG[wrong]))) == {wrong.partition(":")[0]}


def test_a_notebook_whose_functions_of_q1_are_all_wrong_loses_nothing_else():
    for cells in (ALL_OF_Q1, [cell for name, cell in WRONG.items() if name.endswith("raises") and name < "q2"]):
        assert set(lost(notebook(*cells))) == {"q1a", "q1b", "q1c", "q1d", "q1e"}


CALLS = {
    "by name": changed("vae_loss", "(logits, x).mean()", "(x=x, logits=logits).mean()", KL, KL.replace("(mu, logvar", "(logvar=logvar, mu=mu")),
    "in a helper": "def _kl(*given): return kl_divergence(*given)\n" + changed("vae_loss", KL, f"_{KL[:2]}{KL[13:]}"),
    "image by image": changed("vae_loss", KL, "torch.cat([kl_divergence(m[None], v[None]) for m, v in zip(mu, logvar)]).mean()"),
    "a loop with a loss of its own": changed(
        "train_one_epoch", "vae_loss(logits, x, mu, logvar, beta)", f"(lambda r, k: (r + beta * k, r, k))({REC}, {KL})"),
    "encode and decode": changed(
        "VAE", "self.decode(reparameterize(mu, logvar, eps))", "self.decoder(reparameterize(eps=eps, logvar=logvar, mu=mu))"),
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
def test_however_it_is_called(call):
    for id, cell in zip(("q1a", "q1b", "q1c", "q1d", "q1e"), ALL_OF_Q1):
        assert set(lost(notebook(cell, CALLS[call]))) == {id}


BOTH = {"value", "gradient"}
LATER = {
    "q2: mu decoded": (changed("VAE", "logvar, eps))", "logvar, 0 * eps))"), {"forward"}),
    "q2: arguments exchanged": (changed("VAE", "(mu, logvar, eps))", "(logvar, mu, eps))"), {"forward"}),
    "q3: beta left out": (WRONG["q3: without beta"], BOTH),
    "q3: minus": (changed("vae_loss", "+ beta * kl,", "- beta * kl,"), BOTH),
    "q3: rounded pixels": (changed("vae_loss", "(logits, x).mean()", "(logits, x.round()).mean()"), BOTH),
    "q4: beta left out": (changed("train_one_epoch", ", beta)\n", ")\n"), {"means", "parameters"}),
    "q4: no zero_grad": (changed("train_one_epoch", "optimizer.zero_grad()\n", "pass\n"), {"parameters"}),
    "q4: uniform noise": (changed("train_one_epoch", "torch.randn(", "torch.rand("), {"noise"}),
    "q4: eval mode": (changed("train_one_epoch", "model.train()", "model.eval()"), {"conduct"}),
    "q7: prior left out": (changed("importance_weighted_bound", "+ prior - posterior", "- posterior"), {"value", "extreme"}),
    "q7: mean of logarithms": (
        changed("importance_weighted_bound", "log_mean_exp(torch.stack(", "torch.mean(torch.stack(", "dim=1))", "dim=1), 1)"),
        {"value", "extreme"}),
}  # fmt: skip


@pytest.mark.parametrize("later", LATER)
def test_what_is_wrong_stays_wrong_with_any_functions_before_it(later):
    (cell, tests), id = LATER[later], later.partition(":")[0]
    assert lost(notebook(cell)) == {id: tests}
    assert lost(notebook(*ALL_OF_Q1, cell))[id] == tests


def test_the_student_reads_what_was_given():
    found = SOLUTION.judgements("q3", notebook(WRONG["q1b: negative"]), wrong=("q1b",))["value"]
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
