"""The runs of `contrastive`: encoder, both heads, hard mining and t-SNE, by the solution's own functions on CIFAR-10.

    python -m benchmarks.contrastive_runs [--run runs/contrastive] [--only encoder linear nn mining tsne] [--keep]

Each training is resumable; those that are complete are not repeated. ``linear``, ``nn`` and ``tsne`` need ``encoder``.
``--keep`` writes histories, figures, and what q6a and q6b measure (``scores.csv``) to solutions/contrastive/results.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402

from autograder.artefacts import Inputs  # noqa: E402
from autograder.assignment import read_assignment  # noqa: E402
from autograder.datasets import find_data  # noqa: E402
from autograder.release.course import assignment_master  # noqa: E402
from benchmarks.training import Names, cifar10, read_rows, write_rows  # noqa: E402
from tests.checkout import COURSE, SOLUTIONS  # noqa: E402
from tests.notebook_names import notebook_names  # noqa: E402

FOLDER = SOLUTIONS / "contrastive"
SEEDS = (0, 1)
# What is compared under one budget of images: its title, its mining, and whether it begins with the weights of a warm-up.
MINED = {
    "warm_random": ("random triplets, after a warm-up", "triplets", True),
    "warm_hard": ("hardest triplets, after a warm-up", "hard", True),
    "cold_hard": ("hardest triplets, from random weights", "hard", False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/contrastive"))
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--keep", action="store_true", help="write the results into solutions/contrastive/results")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    os.environ["KIT_PROFILE"] = "cpu"
    names = notebook_names(assignment_master(COURSE.assignment("contrastive")), options.run)
    learnt, kept = names["held_out"](*cifar10("train"))
    for part in options.only:
        before = time.process_time()
        PARTS[part](names, learnt, kept)
        print(f"{part}: {(time.process_time() - before) / 60:.1f} minutes of processor time")
    if options.keep:
        keep(options.run)


def train_encoder(names: Names, learnt: tuple, kept: tuple) -> None:
    table = names["HP"]
    names["train_metric"]("first", table["mining"], learnt, kept, table["epochs"])
    rest = table["second_epochs"], "first.pt", table["second_lr"], learnt[0].shape[-1]
    names["train_metric"]("encoder", table["mining"], learnt, kept, *rest)


def train_linear(names: Names, learnt: tuple, kept: tuple) -> None:
    names["train_head"]("linear", False, learnt, kept, names["HP"]["linear_epochs"], names["HP"]["linear_lr"])


def train_nn(names: Names, learnt: tuple, kept: tuple) -> None:
    names["train_head"]("nn", True, learnt, kept, names["HP"]["nn_epochs"], names["HP"]["nn_lr"])


def train_mining(names: Names, learnt: tuple, kept: tuple) -> None:
    """Each of ``MINED`` with two seeds, on a part of the images."""
    table = names["HP"]
    some, few = tuple(part[: table["mining_images"]] for part in learnt), tuple(part[:2000] for part in kept)
    how = {"widths": table["mining_widths"]}
    for table["seed"] in SEEDS:
        warm = f"warm_{table['seed']}"
        names["train_metric"](warm, table["mining"], some, few, table["warm_epochs"], **how)
        for key, (_, mining, is_warm) in MINED.items():
            more = how | {"lr": table["mining_lr"], "batch": table["mining_batch"], "start": f"{warm}.pt" * is_warm}
            names["train_metric"](f"{key}_{table['seed']}", mining, some, few, table["mining_epochs"], **more)
    table["seed"] = SEEDS[0]


def draw_tsne(names: Names, learnt: tuple, kept: tuple) -> None:
    """Embeddings of test images under random weights and under those of ``encoder.pt``."""
    images, labels = (part[: names["HP"]["tsne_images"]] for part in cifar10("test"))
    states = {"random weights": "", "after cont_rep": "encoder.pt"}
    found = {title: names["embeddings"](names["new_encoder"](file), images) for title, file in states.items()}
    names["draw_tsne"](found, labels).savefig(names["RUN"] / "tsne.png", dpi=80, bbox_inches="tight")


PARTS = {"encoder": train_encoder, "linear": train_linear, "nn": train_nn, "mining": train_mining, "tsne": draw_tsne}


def keep(run: Path) -> None:
    """Write the histories, the figures and the scores of a run folder to the committed results."""
    results = FOLDER / "results"
    for name in ("first", "encoder", "linear", "nn"):
        rows = read_rows(run / f"{name}.csv")
        write_rows(results / f"{name}.csv", [{key: rounded(value) for key, value in row.items()} for row in rows])
    rows = [
        {"mining": key, "seed": str(seed), **{name: rounded(row[name]) for name in ("epoch", "loss", "nearest_mean")}}
        for key in MINED
        for seed in SEEDS
        for row in read_rows(run / f"{key}_{seed}.csv")
    ]
    write_rows(results / "mining.csv", rows)
    plotted(rows).savefig(results / "mining.png", dpi=80, bbox_inches="tight")
    (results / "tsne.png").write_bytes((run / "tsne.png").read_bytes())
    write_rows(
        results / "scores.csv", [scored(run, sheet) for sheet in read_assignment(FOLDER / "assignment.toml").artefacts]
    )


def rounded(value: str) -> str:
    return f"{float(value):.5g}"


def plotted(rows: list[dict[str, str]]) -> plt.Figure:
    """Nearest-mean accuracy against the epoch: each seed thin and their mean thick."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for number, (key, (title, *_)) in enumerate(MINED.items()):
        of = {
            seed: [float(row["nearest_mean"]) for row in rows if (row["mining"], row["seed"]) == (key, str(seed))]
            for seed in SEEDS
        }
        for values in of.values():
            axes.plot(range(1, len(values) + 1), values, color=f"C{number}", linewidth=0.7, alpha=0.6)
        means = [statistics.mean(values) for values in zip(*of.values(), strict=True)]
        axes.plot(range(1, len(means) + 1), means, color=f"C{number}", linewidth=2, label=title)
    axes.axhline(0.1, color="gray", linestyle=":")
    axes.set(xlabel="epoch", ylabel="nearest-mean accuracy")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return figure


def scored(run: Path, sheet) -> dict[str, str]:
    """What the grader measures of an artefact's files, beside the accuracy on the 20 % that were kept."""
    data = find_data("cifar10", None, COURSE)

    def read(file: str) -> dict[str, torch.Tensor]:
        state = torch.load(run / file, map_location="cpu", weights_only=True)["state_dict"]
        return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}

    before = time.process_time()
    finding = sheet.measure(Inputs("cifar10", data, lambda file: True, read, math.inf))
    spent = time.process_time() - before
    kept = float(read_rows(run / f"{Path(sheet.file).stem}.csv")[-1]["kept_accuracy"])
    points, _ = sheet.earned(finding)["accuracy"]
    return {
        "files": " ".join(sheet.files()),
        "kept": f"{100 * kept:.2f}",
        "test": f"{100 * finding.headline.value:.2f}",
        "points": f"{points:g}",
        "seconds_to_measure": f"{spent:.0f}",
    }


if __name__ == "__main__":
    main()
