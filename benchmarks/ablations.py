"""What keeps SimSiam from collapsing: its ablations and VICReg's, trained by the solution's own functions on CIFAR-10.

    python -m benchmarks.ablations [--run runs/simsiam-ablations] [--only full vicreg …] [--seeds 0 1] [--keep]

Each training is resumable; those that are complete are not repeated. ``--keep`` writes the histories of all trainings
(``ablations.csv``), their figures, and what q6 measures of some encoders (``scores.csv``) to solutions/simsiam/results.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402

from autograder.artefacts import Inputs  # noqa: E402
from autograder.artefacts.knn import Knn  # noqa: E402
from autograder.assignment import read_assignment  # noqa: E402
from autograder.datasets import find_data  # noqa: E402
from autograder.release.notebooks import read_master  # noqa: E402
from benchmarks.training import Names, cifar10, read_rows, write_rows  # noqa: E402
from data_scripts import Prepared  # noqa: E402
from tests.checkout import COURSE, SOLUTIONS  # noqa: E402
from tests.notebook_names import notebook_names  # noqa: E402

FOLDER = SOLUTIONS / "simsiam"


def variant(name: str) -> Callable[[Names], tuple]:
    return lambda names: names["variant"](name, names["new_encoder"](), names["HP"]["width"], names["HP"]["bottleneck"])


def random_predictor(names: Names) -> tuple:
    """The full model with a predictor that keeps its first random weights (Chen and He 2020, table 1b)."""
    model, loss_fn = variant("full")(names)
    model.predictor.requires_grad_(False)
    return model, loss_fn


def vicreg(var: float) -> Callable[[Names], tuple]:
    def made(names: Names) -> tuple:
        model = names["WithExpander"](names["new_encoder"](), names["HP"]["width"])
        return model, lambda p1, p2, z1, z2: names["vicreg_loss"](z1, z2, var=var)[0]

    return made


# Each ablation: its title, the panel of figures it belongs to, and what makes (model, loss_fn).
ABLATIONS = {
    "full": ("SimSiam", "simsiam", variant("full")),
    "no_stop": ("no stop-gradient", "simsiam", variant("no stop-gradient")),
    "identity": ("no predictor (identity)", "simsiam", variant("identity predictor")),
    "random": ("predictor stays random", "simsiam", random_predictor),
    "double": ("double width", "simsiam", variant("double width")),
    "vicreg": ("VICReg", "vicreg", vicreg(25.0)),
    "no_variance": ("VICReg without its variance term", "vicreg", vicreg(0.0)),
}
PANELS = {"knn": "k-NN accuracy", "loss": "loss", "feature_std": "feature_std"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/simsiam-ablations"))
    parser.add_argument("--only", nargs="*", choices=ABLATIONS, default=list(ABLATIONS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--keep", action="store_true", help="write the results into solutions/simsiam/results")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    os.environ["KIT_PROFILE"] = "cpu"
    names = notebook_names(read_master(FOLDER / "master.py", "simsiam", ""), options.run)
    table = names["HP"]
    epochs = table["ablation_epochs"]
    images, labels = (part[: table["ablation_images"]] for part in cifar10("train"))
    for seed in options.seeds:
        for key in options.only:
            if complete(options.run / f"{key}_{seed}.csv", epochs):
                continue
            table["seed"] = seed
            model, loss_fn = ABLATIONS[key][2](names)
            names["train_encoder"](f"{key}_{seed}", model, loss_fn, images, labels, epochs)
    if options.keep:
        table["seed"] = 0
        if not complete(options.run / "one_0.csv", 1):
            names["train_encoder"]("one_0", *variant("full")(names), images, labels, 1)
        if not complete(options.run / "simsiam.csv", table["epochs"]):
            of_q6 = (part[: table["train_images"]] for part in cifar10("train"))
            names["train_variant"]("full", *of_q6, table["epochs"], run="simsiam")
        results = FOLDER / "results"
        histories = gathered(options.run)
        write_rows(results / "ablations.csv", histories)
        for group in ("simsiam", "vicreg"):
            figure = plotted(histories, group, table["width"])
            figure.savefig(results / f"{group}.png", dpi=80, bbox_inches="tight")
        write_rows(results / "scores.csv", list(worth(names, options.run)))


def complete(file: Path, epochs: int) -> bool:
    """Whether a training wrote the rows of all its epochs."""
    return len(read_rows(file)) == epochs


def gathered(run: Path) -> list[dict[str, str]]:
    """The rows of all trainings of a run folder: ablation, seed, and those of an epoch."""
    found = []
    for key in ABLATIONS:
        for file in sorted(run.glob(f"{key}_[0-9].csv")):
            for row in read_rows(file):
                numbers = {name: f"{float(row[name]):.4f}" for name in ("loss", "feature_std", "knn")}
                found.append({"ablation": key, "seed": file.stem[-1], "epoch": row["epoch"], **numbers})
    return found


def plotted(rows: list[dict[str, str]], group: str, width: int) -> plt.Figure:
    """Each seed thin and their mean thick, against the epoch; dotted: guessing, and the deviation of rows on a sphere."""
    figure, all_axes = plt.subplots(1, 3, figsize=(13, 3.6))
    for axes, (column, title), line in zip(all_axes, PANELS.items(), (0.1, None, width**-0.5), strict=True):
        for number, (key, (name, its_group, _)) in enumerate(ABLATIONS.items()):
            if its_group != group:
                continue
            of = [row for row in rows if row["ablation"] == key]
            seeds = {row["seed"]: [] for row in of}
            for row in of:
                seeds[row["seed"]].append(float(row[column]))
            for values in seeds.values():
                axes.plot(range(1, len(values) + 1), values, color=f"C{number}", linewidth=0.7, alpha=0.6)
            means = [statistics.mean(values) for values in zip(*seeds.values(), strict=False)]
            axes.plot(range(1, len(means) + 1), means, color=f"C{number}", linewidth=2, label=name)
        if line:
            axes.axhline(line, color="gray", linestyle=":")
        axes.set(xlabel="epoch", ylabel=title)
        if column != "loss":
            axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    all_axes[0].legend(fontsize=8)
    figure.tight_layout()
    return figure


def encoders(names: Names, run: Path) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    """The weights of encoders whose worth is known, of seed 0, by title."""
    names["HP"]["seed"], epochs = 0, names["HP"]["ablation_epochs"]
    yield "random weights", names["new_encoder"]().state_dict()
    yield f"no stop-gradient, after epoch {epochs}", last(run, "no_stop_0")
    yield "SimSiam after one epoch", last(run, "one_0")
    yield f"SimSiam after epoch {epochs}", last(run, "full_0")
    yield f"VICReg after epoch {epochs}", last(run, "vicreg_0")
    best = torch.load(run / "simsiam_best.pt", map_location="cpu", weights_only=True)
    yield f"SimSiam of this section, after epoch {best['epoch']}", best["state_dict"]


def last(run: Path, name: str) -> dict[str, torch.Tensor]:
    return torch.load(run / f"{name}_last.pt", map_location="cpu", weights_only=True)["model"]


def worth(names: Names, run: Path) -> Iterator[dict[str, str]]:
    """What q6 measures of each encoder."""
    (sheet,) = read_assignment(FOLDER / "assignment.toml").artefacts
    data = find_data("cifar10", None, COURSE)
    for title, state in encoders(names, run):
        yield {"encoder": title, **measured(sheet, data, state)}


def measured(sheet: Knn, data: Prepared, state: dict[str, torch.Tensor]) -> dict[str, str]:
    """The k-NN accuracy of an encoder in per cent, and its points, as the grader measures them."""
    floats = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    finding = sheet.measure(Inputs("cifar10", data, lambda file: True, lambda file: floats, math.inf))
    points, _ = sheet.earned(finding)["accuracy"]
    return {"knn": f"{100 * finding.headline.value:.1f}", "points": f"{points:g}"}


if __name__ == "__main__":
    main()
