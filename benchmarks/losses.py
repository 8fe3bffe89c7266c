"""NT-Xent, Barlow Twins and NT-Xent with distances under one budget: same images, epochs, batches and views.

    python -m benchmarks.losses [--run runs/simclr-losses] [--keep]

Each loss pre-trains one network (resumable), then k-NN and linear probe look at the frozen encoder: 10,000 training
images, all test images. ``--keep`` writes table and figure to solutions/simclr/results.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402

from benchmarks.training import RESULTS, Names, cifar10, keep, read_rows, solution, write_rows  # noqa: E402

LOSSES = ("nt_xent", "barlow_twins", "nt_xent_euclidean")
TITLES = {"nt_xent": "NT-Xent", "barlow_twins": "Barlow Twins", "nt_xent_euclidean": "NT-Xent, distances"}
PROBED = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/simclr-losses"))
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--images", type=int, default=25_000, help="to pre-train on, the first of the training images")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="write the results into solutions/simclr/results, too")
    options = parser.parse_args()
    names = solution(options.run, options.profile)
    images, labels = cifar10("train")
    test = cifar10("test")
    file = options.run / "losses.csv"
    budget = {"images": str(options.images), "epochs": str(options.epochs)}
    rows: list[dict] = [row for row in read_rows(file) if budget.items() <= row.items()]
    histories = {}
    for loss in LOSSES:
        histories[loss] = names["pretrain"](
            images[: options.images], labels[: options.images], loss, options.epochs, name=loss
        )
        if loss not in {row["loss"] for row in rows}:
            found = worth(names, loss, images[:PROBED], labels[:PROBED], *test)
            rows.append({"loss": loss, **budget, **found})
            write_rows(file, rows)
        print(*next(row for row in rows if row["loss"] == loss).values(), flush=True)
    figure = plotted(rows, histories)
    if options.keep:
        keep(options.run, *(f"{loss}_pretrain" for loss in LOSSES))
    for folder in [options.run] + [RESULTS] * options.keep:
        write_rows(folder / "losses.csv", rows)
        figure.savefig(folder / "losses.png", dpi=120, bbox_inches="tight")


def worth(names: Names, loss: str, train_images, train_labels, test_images, test_labels) -> dict[str, str]:
    """k-NN and linear-probe top-1 of the frozen encoder."""
    simclr = names["SimCLR"](names["HP"]["projection_dim"])
    saved = torch.load(names["RUN"] / f"{loss}_best_epoch.pt", map_location="cpu", weights_only=True)
    simclr.load_state_dict(saved["state_dict"])
    train_h, test_h = (names["features"](simclr.encoder, images) for images in (train_images, test_images))
    table = names["HP"]
    neighbours = names["knn_accuracy"](train_h, train_labels, test_h, test_labels, table["probe_neighbours"])
    probe = names["linear_probe"](train_h, train_labels, test_h, test_labels, table["probe_epochs"])[0][-1]
    return {"knn_top1": f"{neighbours:.4f}", "probe_top1": f"{probe['test_top1']:.4f}"}


def plotted(rows: list[dict], histories: dict[str, list[dict]]) -> plt.Figure:
    """Each loss's own curve, relative to its first epoch, and what the encoders are worth."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    for loss, history in histories.items():
        first = history[0]["loss"]
        left.plot([row["epoch"] for row in history], [row["loss"] / first for row in history], ".-", label=TITLES[loss])
    left.set(xlabel="epoch", ylabel="loss by that of the first epoch", title="pre-training")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.legend()
    places = range(len(rows))
    for shift, (column, title) in enumerate((("knn_top1", "k-NN"), ("probe_top1", "linear probe"))):
        bars = right.bar([x + 0.38 * shift for x in places], [float(row[column]) for row in rows], 0.36, label=title)
        right.bar_label(bars, fmt="{:.1%}", fontsize=8)
    right.set_xticks([x + 0.19 for x in places], [TITLES[row["loss"]] for row in rows], fontsize=8)
    right.set(ylabel="test top-1", title="frozen encoder, 10,000 labels", ylim=(0, 1))
    right.legend()
    figure.tight_layout()
    return figure


if __name__ == "__main__":
    main()
