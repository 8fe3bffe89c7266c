"""What the notebooks tell a student to expect: minutes for every question, and numbers that the solution really gives."""

from __future__ import annotations

import json
import math
import re
import statistics

import numpy as np
import pytest
import torch

from autograder.assignment import read_assignment
from autograder.release.course import assignment_master
from benchmarks.labels import gathered
from benchmarks.training import RESULTS, read_rows
from tests.checkout import COURSE, ROOT, SOLUTIONS
from tests.notebook_names import notebook_names

EFFORT = re.compile(r"^### (\w+) · .*\n\n\*(\d+) minutes · (easy|medium|hard)\*$", re.MULTILINE)
ROW = re.compile(r"^\| (\w+)(?: – (\w+))? \|.*\| (\d+)(?: each)? \| (easy|medium|hard) \|$", re.MULTILINE)


def text_of(name: str) -> str:
    cells = assignment_master(COURSE.assignment(name)).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def said(name: str) -> str:
    """The text on one line."""
    return " ".join(text_of(name).split())


@pytest.fixture(params=COURSE.names())
def name(request):
    return request.param


@pytest.fixture
def solved(tmp_path, monkeypatch):
    """The names of a solution notebook under the profile smoke."""
    monkeypatch.setenv("KIT_PROFILE", "smoke")
    monkeypatch.chdir(tmp_path)
    return lambda name: notebook_names(assignment_master(COURSE.assignment(name)), tmp_path)


def test_every_question_tells_minutes_and_difficulty_and_the_table_agrees(name):
    settings = read_assignment(COURSE.assignment(name).settings)
    asked = [sheet.id for sheet in (*settings.questions, *settings.written)]
    asked += [artefact.question for artefact in settings.artefacts]
    text = text_of(name)
    told = {question: tuple(effort) for question, *effort in EFFORT.findall(text)}
    assert sorted(told) == sorted(asked)
    for first, last, *effort in ROW.findall(text):
        some = [f"{first[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1)] if last else [first]
        assert [told.pop(question) for question in some] == [tuple(effort)] * len(some)
    assert told == {}


def test_the_stages_of_the_losses_give_what_the_text_says(solved):
    names, text = solved("simclr"), said("simclr")
    toy_i, toy_j = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[4.0, 3.0], [0.0, 2.0]])
    cell = next(c.source for c in assignment_master(COURSE.assignment("simclr")).cells if "toy_i, toy_j =" in c.source)
    trial = {"torch": torch}
    exec(cell, trial)
    assert torch.equal(trial["toy_i"], toy_i) and torch.equal(trial["toy_j"], toy_j)
    z = torch.cat([toy_i, toy_j])
    cosines = torch.nn.functional.normalize(z) @ torch.nn.functional.normalize(z).T
    pairs = sorted(f"{cosines[a, b]:g}" for a in range(4) for b in range(a) if (a, b) != (2, 0))
    assert abs(cosines[2, 0] - 0.8) < 1e-6 and f"have {', '.join(pairs[:-1])} and {pairs[-1]}." in text
    for loss, similarity in (("nt_xent", cosines), ("nt_xent_euclidean", -torch.cdist(z, z))):
        rest = similarity.clone().fill_diagonal_(-torch.inf)
        anchors = (rest.logsumexp(1) - similarity[range(4), [2, 3, 0, 1]]).tolist()
        mean = float(names[loss](toy_i, toy_j, 1.0))
        *most, last = (f"{anchor:.4f}" for anchor in anchors)
        assert any(f"{', '.join(most)}{join}{last}" in text for join in (", ", " and "))
        assert abs(mean - statistics.mean(anchors)) < 1e-6 and f" is {mean:.4f}." in text
    columns = (torch.nn.functional.normalize(toy, dim=0) for toy in (toy_i, toy_j))
    (a, b), (c, d) = torch.einsum("bp,bq->pq", *columns).tolist()
    assert f"the matrix $C$ is (({a:.4g}, {b:.4g}), ({c:.4g}, {d:.4g}))" in text
    assert f"the loss {names['barlow_twins'](toy_i, toy_j, 0.1):.4f}." in text
    parameters = {
        part: sum(p.numel() for p in getattr(names["SimCLR"](), part).parameters())
        for part in ("encoder", "projection")
    }
    assert "has {encoder:,} parameters, the head with 128 outputs {projection:,}.".format(**parameters) in text
    random = [float(names["nt_xent"](torch.randn(256, 128), torch.randn(256, 128), tau)) for tau in (0.5, 1.0)]
    assert all(abs(loss - 6.2) < 0.1 for loss in random) and "about 6.2 for `torch.randn(256, 128)`" in text


def test_the_stages_of_the_diffusion_give_what_the_text_says(solved):
    names, text = solved("ddpm"), text_of("ddpm")
    schedule = names["noise_schedule"](3, 0.1, 0.3)
    for symbol, values in (("\\beta_t", schedule.beta), ("\\bar\\alpha_t", schedule.alpha_bar)):
        assert f"| ${symbol}$ | {' | '.join(f'{value:.3g}' for value in values)} |" in text
    posterior = " | ".join(f"{value:.4f}" if value else "0" for value in schedule.posterior_variance.tolist())
    assert f"| $\\tilde\\beta_t$ | {posterior} |" in text
    assert names["cosine_schedule"](2, 0.0).beta.tolist() == pytest.approx([0.5, 0.999])
    one = names["Schedule"](*(torch.tensor([value]) for value in (0.36, 0.64, 0.64, 0.0)))
    x0, noise, t = torch.ones(2, 3), torch.full((2, 3), 2.0), torch.zeros(2, dtype=torch.int64)
    assert names["q_sample"](x0, t, noise, one)[0, 0].item() == pytest.approx(2.0)
    mean, variance = names["p_mean_variance"](lambda x, t: torch.ones_like(x), torch.full((2, 3), 3.0), t, one)
    assert (mean[0, 0].item(), variance.flatten()[0].item()) == pytest.approx((3.0, 0.36))
    noise = torch.randn(2, 3)
    back = names["p_sample"](lambda x, t: noise, names["q_sample"](x0, t, noise, one), t, one, torch.randn(2, 3))
    assert torch.allclose(back, x0, atol=1e-5)
    start = names["UNet"](1, (8, 16))(torch.randn(2, 1, 8, 8), t)
    assert not start.any() and "(the last layer of the new network is 0)" in said("ddpm")
    guided = [names["guided_eps"](lambda x, t, y: y * 1.0, x0, t, torch.tensor([2]), s, 7).item() for s in (0, 1, 3)]
    assert guided == [7, 2, -8]


def test_what_a_run_should_give_was_measured():
    simclr, ddpm = said("simclr"), said("ddpm")
    losses = [float(row["loss"]) for row in read_rows(RESULTS / "simclr_pretrain.csv")]
    assert f"loss is {losses[0]:.2f} after epoch 1 and {losses[-1]:.2f} after epoch {len(losses)}." in simclr
    plan = json.loads((RESULTS / "barlow_twins_pretrain.json").read_text())["plan"]
    first, second = (float(row["loss"]) for row in read_rows(RESULTS / "barlow_twins_pretrain.csv"))
    measured = (
        f"{plan['images']:,} images and the other settings of `cpu` the solution's loss was {first:.1f} in epoch 1"
    )
    assert f"{measured} and {second:.1f} in epoch 2." in simclr
    metrics = json.loads((RESULTS / "metrics.json").read_text())
    assert metrics["profile"] == "cpu"
    probe = float(read_rows(RESULTS / "simclr_probe.csv")[-1]["test_top1"])
    assert f"reaches {metrics['knn_top1']:.1%} and {probe:.1%}".replace("%", " %") in simclr
    tuned = [100 * float(row["test_top1"]) for row in read_rows(RESULTS / "simclr_finetune.csv")]
    assert (
        f"{tuned[0]:.0f} % after epoch 1, {tuned[6]:.0f} % after epoch 7 and {tuned[-1]:.1f} % after epoch 11" in simclr
    )
    losses = [float(row["loss"]) for row in read_rows(SOLUTIONS / "ddpm" / "results" / "ddpm.csv")]
    assert f"{losses[0]:.3f} in epoch 1, {losses[1]:.3f} in epoch 2 and {losses[-1]:.3f} in epoch 5" in ddpm


def test_the_stages_of_the_vae_give_what_the_text_says(solved):
    names, text, log = solved("vae"), said("vae"), math.log

    def row(*values):
        return torch.tensor([values])

    z = names["reparameterize"](row(1.0), row(log(9)), row(2.0))
    assert z.item() == pytest.approx(7) and "With μ = 1, log σ² = log 9 and ε = 2 it is 7." in text
    kl = names["kl_divergence"](row(1.0, 2.0, 0.0), row(0.0, 0.0, log(4))).item()
    assert f"With μ = (1, 2, 0) and σ² = (1, 1, 4) it is {kl:.4f};" in text
    pixels = names["log_likelihood_bernoulli"](row(0.0, 0.0), row(0.0, 0.3)).item()
    assert f"$x$ = 0 and 0.3 give 2 log ½ = −{-pixels:.4f}," in text
    normal = names["log_likelihood_normal"](row(1.0, -1.0), row(log(4), 0.0), row(3.0, 1.0)).item()
    assert f"With μ = (1, −1), σ² = (4, 1) and $x$ = (3, 1) it is −{-normal:.4f}." in text
    mean = names["log_mean_exp"](torch.tensor([[0.0, log(3)], [-1000.0, -1000.0]])).tolist()
    assert mean == pytest.approx([log(2), -1000]) and "The row (log 1, log 3) gives log 2;" in text
    loss, _, kl = names["vae_loss"](torch.zeros(1, 4), torch.ones(1, 4), row(10.0**0.5), row(0.0), beta=0.5)
    assert f"a mean KL divergence of {kl:.0f} and β = 0.5 the loss is {loss:.4f}." in text


def test_what_a_run_of_the_vae_should_give_was_measured():
    results, text = SOLUTIONS / "vae" / "results", said("vae")
    bounds = [-float(row["validation_elbo"]) for row in read_rows(results / "vae.csv")]
    assert f"a bound of −{bounds[0]:.0f} nats after the first epoch, −{bounds[4]:.0f} after the fifth" in text
    ignoring = next(r["bound"] for r in read_rows(results / "scores.csv") if r["model"] == "a decoder that ignores z")
    assert f"stays near −{-float(ignoring):.0f}, the decoder ignores $z$" in text


def test_the_stages_of_simsiam_give_what_the_text_says(solved):
    names, text = solved("simsiam"), said("simsiam")
    cell = next(
        c.source for c in assignment_master(COURSE.assignment("simsiam")).cells if "toy_p1, toy_p2 =" in c.source
    )
    toy = {"torch": torch}
    exec(cell, toy)
    p1, p2, z1, z2 = (toy[f"toy_{name}"] for name in ("p1", "p2", "z1", "z2"))
    one = names["negative_cosine"](p1, z2).item()
    assert f"the two cosines are 0.8 and 1, so $D$ is −{-one:.1f}." in text
    both = names["simsiam_loss"](p1, p2, z1, z2).item()
    assert f"For the toy tensors it is −{-both:.2f}." in text
    assert f"the loss is {names['byol_loss'](p1, p2, z1, z2).item():.1f}." in text
    heavy = names["directed_loss"](torch.stack([p1, p2])[:, None], torch.zeros(2, 1, 2, 2), p1, p2, z1, z2).item()
    assert f"the loss is −0.65 − {both - heavy:.2f} = −{-heavy:.1f}." in text
    rows = [[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]], [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]
    loss, *terms = (part.item() for part in names["vicreg_loss"](*map(torch.tensor, rows)))
    assert "the three terms are {:.4f}, {:.4f} and {:.2f}, and the loss is {:.4f}.".format(*terms, loss) in text
    taus = [f"{names['tau_schedule'](step, 4, 0.9):.4g}" for step in (0, 2, 4)]
    assert f"With τ₀ = 0.9 and $K$ = 4, steps 0, 2 and 4 have τ = {', '.join(taus)}." in text
    spread = names["feature_std"](torch.tensor([[3.0, 0.0], [0.0, 5.0]]))
    assert f"(3, 0) and (0, 5) have `feature_std` {spread:.4f};" in text
    assert abs(names["feature_std"](torch.randn(1000, 512)) - 512**-0.5) < 1e-3
    votes = math.exp(0.6) + math.exp(0.8), math.exp(1)
    assert "class 1 wins for $T$ = 1 ({:.2f} against {:.2f})".format(*votes) in text


def test_the_stages_of_softmax_give_what_the_text_says(solved):
    names, text = solved("softmax"), said("softmax")
    rng, X, y = np.random.default_rng(0), np.eye(2), np.array([0, 2])
    parts = names["train_test_split"](np.zeros((10, 1)), np.arange(10), 0.25, rng)
    assert len(parts[3]) == 2 and "With ten rows and a ratio of 0.25 two go to the test part." in text
    assert names["sigmoid"](np.array([log3 := math.log(3), -1000.0, 1000.0])).tolist() == pytest.approx([0.75, 0, 1])
    assert r"$\sigma(\log 3)$ = 0.75, $\sigma(-1000)$ = 0, $\sigma(1000)$ = 1." in text and log3 > 1
    rows = np.array([[0.0, math.log(2), 0.0], [1000.0, 1000 + math.log(2), 1000.0]])
    assert np.allclose(names["softmax"](rows), [[0.25, 0.5, 0.25]] * 2) and "gives (0.25, 0.5, 0.25), and so" in text
    model = names["SoftmaxRegression"](2, 3, rng)
    model.W = np.array([[0.0, math.log(2), 0.0], [0.0, 0.0, math.log(6)]])
    assert (
        np.allclose(8 * model(X), [[2, 4, 2], [1, 1, 6]])
        and "the probabilities are (2, 4, 2)/8 and (1, 1, 6)/8" in text
    )
    loss, accuracy = (names[f"calculate_{what}"](model, X, y, False) for what in ("loss", "accuracy"))
    assert f"the loss is {loss:.4f} and the accuracy {accuracy:g}." in text
    grad_W, grad_b = names["gradients"](model, X, y, 0.0, False)
    told = [
        f"({', '.join(f'{entry:.4g}' for entry in row)})".replace("-", "−") for row in (*grad_W, grad_b.round(9) + 0)
    ]
    assert rf"$\nabla_W$ = ({told[0]}, {told[1]}) and $\nabla_b$ = {told[2]}." in text
    short = names["clip_gradients"](np.array([[3.0, 0.0], [0.0, 0.0]]), np.array([4.0, 0.0]), 1.0)
    assert np.allclose(short[0][0], [0.6, 0]) and np.allclose(short[1], [0.8, 0])
    assert "the result is ((0.6, 0), (0, 0)) and (0.8, 0)." in text
    cell = next(c.source for c in assignment_master(COURSE.assignment("softmax")).cells if "centres =" in c.source)
    exec(cell.partition("print")[0], names)
    assert f"reaches a validation accuracy of {names['toy_lists'][3][-1]:.4f}." in text


def test_the_stages_of_contrastive_give_what_the_text_says(solved):
    names, text = solved("contrastive"), said("contrastive")
    cells = assignment_master(COURSE.assignment("contrastive")).cells
    toy = {"torch": torch}
    exec(next(cell.source for cell in cells if "toy_z1, toy_z2 =" in cell.source), toy)
    loss = names["contrastive_loss"](toy["toy_z1"], toy["toy_z2"], toy["toy_same"], 2.0).item()
    assert f"the three pairs cost 12.5, 0.5 and 0, so the loss is {loss:.4f}." in text
    positive, negative = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[0.0, 2.0], [0.0, 6.0]])
    loss = names["triplet_loss"](torch.zeros(2, 2), positive, negative, 1.0).item()
    assert f"cost 4 and 0 with $m$ = 1: the loss is {loss:.0f}." in text
    parts = [names["pair_nll_loss"](torch.eye(2), torch.eye(2), torch.tensor([one, one]), 1.0) for one in (True, False)]
    p, mean = math.e / (math.e + 1), sum(parts).item() / 2
    told = "both $p_{{kk}}$ are {:.4f}, and the loss is the mean of {:.4f} and {:.4f}: {:.4f}."
    assert told.format(p, *parts, mean) in text
    z, y = torch.tensor([[0.0], [1], [3], [4], [9]]), torch.tensor([5, 5, 5, 2, 7])
    found = (str(tuple(part.tolist())) for part in names["batch_hard"](z, y))
    assert "gives anchors {}, positives {} and negatives {}.".format(*found) in text
    distance = names["mahalanobis"](torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2), torch.diag(torch.tensor([4.0, 1.0])))
    assert f"is $\\sqrt 8$ = {distance.item():.4f}." in text
    (a, b), (c, d) = names["project_psd"](torch.tensor([[1.0, 2.0], [0.0, -1.0]])).tolist()
    assert f"is (({a:.4f}, {b:.1f}), ({c:.1f}, {d:.4f}))." in text


def test_what_pre_training_is_worth_was_measured():
    found = gathered(read_rows(RESULTS / "labels.csv"))
    text = text_of("simclr").replace("**", "")
    ways = (("fine-tuned", "scratch"), ("fine-tuned", "pre-trained"), ("linear probe", "pre-trained"))
    for share, title in (("1", "1 % (500)"), ("10", "10 % (5,000)"), ("100", "100 % (50,000)")):
        cells = " | ".join(f"{100 * statistics.mean(found[*way, share]):.1f} %" for way in ways)
        assert f"| {title} | {cells} |" in text


def test_neighbours_are_those_of_the_largest_cosine_and_a_frame_marks_the_same_class(solved):
    names = solved("simclr")
    train_h = torch.tensor([[1.0, 0.0], [0.0, 9.0], [2.0, 2.0]])
    names["train_images"] = torch.zeros(3, 3, 4, 4, dtype=torch.uint8) + torch.tensor([10, 20, 30])[:, None, None, None]
    names["train_images"], names["train_labels"] = names["train_images"].byte(), torch.tensor([0, 1, 2])
    names["test_images"], names["test_labels"] = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor([0, 2])
    figure = names["plot_neighbours"]({"after": (train_h, torch.tensor([[3.0, 1.0], [0.0, 0.1]]))}, count=2, each=2)
    shown = [[int(axis.images[0].get_array()[0, 0, 0]) for axis in row] for row in (figure.axes[2:4], figure.axes[4:6])]
    assert shown == [[10, 20], [30, 30]]
    framed = [axis.spines["top"].get_visible() for axis in figure.axes]
    assert framed == [False, False, True, False, False, True]
    assert figure.axes[4].get_ylabel() == "after:\n2 of 4"


def test_fine_tuning_without_a_checkpoint_is_a_sentence(solved):
    names = solved("simclr")
    images, labels = torch.zeros(2, 3, 16, 16, dtype=torch.uint8), torch.tensor([0, 1])
    with pytest.raises(names["Stop"], match="not in the run folder: run the pre-training cell first"):
        names["finetune"](images, labels, images, labels, "few_pretrained", stages=names["HP"]["few_stages"])


def test_the_times_of_the_profiles_were_measured_and_agree_with_the_page_for_students():
    page = " ".join((ROOT / "docs" / "students.md").read_text().split())
    assert (
        "`demo` (one or two minutes), `cpu` (`softmax` two minutes, `vae` about 20 minutes, `simsiam` about 20 minutes, "
        "`contrastive` and `ddpm` about an hour, `simclr` two to four hours)" in page
    )
    for name, hours in (
        ("simclr", "two to four hours"),
        ("ddpm", "about an hour"),
        ("simsiam", "about 20 minutes"),
        ("contrastive", "about an hour"),
    ):
        rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text_of(name), re.MULTILINE))
        assert rows["smoke"].startswith("seconds") and rows["demo"].startswith("one or two minutes")
        assert rows["cpu"].startswith(hours)
    trained = [RESULTS / f"simclr_{part}.csv" for part in ("pretrain", "finetune")]
    took = [sum(float(row["seconds"]) for row in read_rows(file)) / 3600 for file in trained]
    assert 2 <= sum(took) <= 4
    assert 0.75 <= sum(float(row["seconds"]) for row in read_rows(SOLUTIONS / "ddpm/results/ddpm.csv")) / 3600 <= 1.25
