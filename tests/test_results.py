"""The figures of training that the documents state are those of the committed results."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator

import pytest

from benchmarks.ablations import ABLATIONS, PANELS
from benchmarks.labels import gathered
from benchmarks.training import RESULTS, read_rows
from tests.checkout import ROOT, SOLUTIONS

PAGES = {name: " ".join((ROOT / name).read_text().split()) for name in ("README.md", "docs/training.md")}


def rows(name: str) -> list[dict[str, str]]:
    found = read_rows(RESULTS / name)
    assert found, f"{name} is not among the committed results"
    return found


def percent(share: str | float, digits: int = 1) -> str:
    return f"{100 * float(share):.{digits}f} %"


def fine_tuning() -> Iterator[str]:
    """Top-1 and top-5 of the last epoch; the first epochs above 75 % and 85 %."""
    history = rows("simclr_finetune.csv")
    yield f"top-1 {percent(history[-1]['test_top1'], 2)}"
    yield f"top-5 {percent(history[-1]['test_top5'], 2)}"
    for threshold in (0.75, 0.85):
        first = next(row["epoch"] for row in history if float(row["test_top1"]) > threshold)
        yield f"above {threshold:.0%} after epoch {first}".replace("%", " %")


def frozen_encoder() -> Iterator[str]:
    """Top-1 by k-NN; top-1 and top-5 of the linear probe with all labels."""
    yield f"k-NN {percent(json.loads((RESULTS / 'metrics.json').read_text())['knn_top1'])}"
    last = rows("simclr_probe.csv")[-1]
    yield f"top-1 {percent(last['test_top1'])}"
    yield f"top-5 {percent(last['test_top5'])}"


def labels() -> Iterator[str]:
    """Top-1 with few and with all labels: mean and standard deviation over the seeds, at least three where labels are few."""
    for (_, _, share), values in gathered(rows("labels.csv")).items():
        mean = f"{100 * statistics.mean(values):.1f}"
        if share != "100":
            assert len(values) >= 3
            mean += f" ± {100 * statistics.stdev(values):.1f}"
        yield f"{mean} %"


def losses() -> Iterator[str]:
    """Top-1 by k-NN and linear probe of the encoder that each loss trained."""
    for row in rows("losses.csv"):
        yield f"{percent(row['knn_top1'])} and {percent(row['probe_top1'])}"


@pytest.mark.parametrize(
    "statements", [fine_tuning, frozen_encoder, labels, losses], ids=lambda function: function.__name__
)
def test_the_documents_state_what_was_measured(statements):
    for statement in statements():
        missing = [name for name, page in PAGES.items() if statement not in page]
        assert not missing, f"{statement} is not in {missing}"


def test_the_readme_states_what_the_long_run_of_ddpm_took_and_drew():
    results = SOLUTIONS / "ddpm" / "results"
    seconds = sum(float(row["seconds"]) for row in read_rows(results / "ddpm.csv"))
    assert f"| {seconds / 60:.0f} minutes beside other work" in PAGES["README.md"]
    found = {row["samples"]: row for row in read_rows(results / "scores.csv")}
    numbers = {
        title: ", ".join(found[title][column] for column in ("coverage", "confidence", "frechet"))
        for title in ("the solution after epoch 5", "1,024 handed in by the solution", "a VAE after three epochs")
    }
    drawn, handed_in, vae = numbers.values()
    said = f"{drawn} drawn in 25 steps; {handed_in} of the 1,024 handed in; a VAE after three epochs {vae}"
    assert said in PAGES["README.md"]
    master = (SOLUTIONS / "ddpm" / "master.py").read_text()
    for title, row in found.items():
        coverage, confidence, frechet, percent_of_points = list(row.values())[1:]
        assert f"# | {title} | {coverage} | {confidence} | {frechet} | {percent_of_points}% |" in master


def test_the_notebook_and_the_readme_state_what_the_long_run_of_vae_reached():
    results = SOLUTIONS / "vae" / "results"
    master = (SOLUTIONS / "vae" / "master.py").read_text()
    rows = read_rows(results / "scores.csv")
    for row in (*rows, *read_rows(results / "scores_fashion_mnist.csv")):
        assert f"# | {' | '.join(row.values())} |" in master
    last = next(row for row in rows if row["model"] == "the solution after epoch 30")
    assert float(last["bound"]) >= -103
    stated = f"{last['bound']} nats, {last['points']} of 8 points"
    assert stated in PAGES["README.md"]
    costs = {row["model"]: float(row["milliseconds_per_image"]) for row in read_rows(results / "drawing.csv")}
    times = costs["DDPM, 200 steps"] / costs["VAE"]
    assert f"about {round(times, -4):,.0f} times the work" in " ".join(master.replace("\n# ", " ").split())


def test_the_notebook_and_the_readme_state_what_the_runs_of_simsiam_reached():
    results = SOLUTIONS / "simsiam" / "results"
    master = (SOLUTIONS / "simsiam" / "master.py").read_text()
    rows, reached = read_rows(results / "ablations.csv"), {}
    for key in dict.fromkeys(row["ablation"] for row in rows):
        last = [row for row in rows if row["ablation"] == key and row["epoch"] == "12"]
        assert {row["seed"] for row in last} == {"0", "1"}
        loss, deviation, knn = (
            statistics.mean(float(row[name]) for row in last) for name in ("loss", "feature_std", "knn")
        )
        assert f" | {loss:.2f} | {deviation:.4f} | {100 * knn:.1f} % |" in master
        reached[key] = f"{100 * knn:.1f} %"
    assert (
        "k-NN {full}, without the stop-gradient {no_stop}, with the identity as predictor {identity}; VICReg {vicreg}, "
        "without its variance term {no_variance}".format(**reached)
    ) in PAGES["README.md"]
    for row in read_rows(results / "scores.csv"):
        assert f"# | {' | '.join(row.values())} |" in master


def test_the_notebook_and_the_readme_state_what_the_runs_of_softmax_reached():
    master = (SOLUTIONS / "softmax" / "master.py").read_text()
    found = read_rows(SOLUTIONS / "softmax" / "results" / "scores.csv")
    for row in found:
        assert f"# | {' | '.join(row.values())} |" in master
    handout, better = found[1], found[2]
    assert float(handout["logistic"]) >= 0.803 and float(handout["softmax"]) >= 0.3684
    assert f"airplane against automobile {handout['logistic']}, ten classes {handout['softmax']}" in PAGES["README.md"]
    assert f"better settings {better['logistic']} and {better['softmax']}" in PAGES["README.md"]
    for mode in ("logistic", "softmax"):
        curves = read_rows(SOLUTIONS / "softmax" / "results" / "handout" / f"{mode}_curves.csv")
        assert [int(row["iteration"]) for row in curves] == list(range(10, 1001, 10))
        assert abs(float(curves[-1]["val_acc"]) - float(handout[mode])) < 0.02, "validation and test agree"


def test_the_notebook_and_the_readme_state_what_the_runs_of_contrastive_reached():
    results = SOLUTIONS / "contrastive" / "results"
    master = (SOLUTIONS / "contrastive" / "master.py").read_text()
    linear, network = scores = read_rows(results / "scores.csv")
    for row in scores:
        assert f"# | {' | '.join(list(row.values())[:4])} |" in master
    assert min(float(linear["test"]), float(linear["kept"])) >= 83.15
    assert min(float(network["test"]), float(network["kept"])) >= 87.5
    assert f"top-1 {linear['test']} % with a linear head, {network['test']} % fine-tuned" in PAGES["README.md"]
    ends = {(row["mining"], row["seed"]): float(row["nearest_mean"]) for row in read_rows(results / "mining.csv")}
    for mining, row in (("warm_random", "random triplets | 52.1 %"), ("warm_hard", "hardest triplets | 52.1 %")):
        assert f"# | {row} | {percent(statistics.mean(ends[mining, seed] for seed in '01'))} |" in master
    cold = statistics.mean(ends["cold_hard", seed] for seed in "01")
    assert f"# | hardest, from random weights | | {percent(cold)} |" in master
    histories = [read_rows(results / f"{name}.csv") for name in ("first", "encoder", "linear", "nn")]
    first, second, linear_head, whole = (f"{sum(float(row['seconds']) for row in one) / 60:.0f}" for one in histories)
    for said in (PAGES["README.md"], " ".join(master.replace("\n# ", " ").split())):
        assert f"{first} and {second} minutes by the clock" in said
        assert f"{linear_head} and {whole} minutes by the clock" in said


@pytest.mark.parametrize("seed", ["0", "1"])
def test_simsiam_s_ablations_are_complete_and_collapse_as_the_notebook_says(seed):
    rows = [row for row in read_rows(SOLUTIONS / "simsiam" / "results" / "ablations.csv") if row["seed"] == seed]
    last = {row["ablation"]: {name: float(row[name]) for name in PANELS} for row in rows}
    assert list(last) == list(ABLATIONS) and len(rows) == len(last) * max(int(row["epoch"]) for row in rows)
    full, collapsed, healthy = last["full"], last["no_stop"], 512**-0.5
    assert collapsed["loss"] < -0.95 and collapsed["feature_std"] < healthy / 3 and collapsed["knn"] < full["knn"] - 0.1
    assert full["loss"] > -0.7 and full["feature_std"] > 0.95 * healthy
    assert last["no_variance"]["feature_std"] < healthy / 5 < last["vicreg"]["feature_std"] / 4
    assert last["no_variance"]["knn"] < last["vicreg"]["knn"] - 0.08
    assert last["identity"]["knn"] < full["knn"] - 0.1 and last["identity"]["feature_std"] < healthy / 2
