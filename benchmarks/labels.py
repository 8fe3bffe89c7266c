"""What pre-training is worth when labels are few: 1 %, 10 % and all labels, from the pre-trained encoder and from scratch.

    ./kit train simclr --profile cpu --run runs/simclr-cpu        # the pre-training, and fine-tuning with all labels
    python -m benchmarks.labels --run runs/simclr-cpu [--keep]

Every training has its own row, in ``RUN/labels.csv``; what is there already is not trained again (remove it after a new
pre-training), and one that was interrupted goes on from its last epoch. Few labels are tried with three seeds (weights of
the head or of the whole network, order, crops and flips), always on the images of the stored index files. The linear probe
is on the frozen encoder. Top-1 is that of the last epoch on all test images. ``--keep`` writes table and figure to
solutions/simclr/results, beside the curves of the run itself.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402

from benchmarks.training import (  # noqa: E402
    RESULTS,
    Names,
    cifar10,
    keep,
    label_rows,
    read_rows,
    solution,
    write_rows,
)

SEEDS = (0, 1, 2)
# Share of the labels in percent -> what differs from the profile's row; fewer images are seen more often.
SETTINGS = {
    1: {"finetune_stages": ((16, 20, 0), (24, 6, 0), (32, 3, 1)), "finetune_batch": 64, "finetune_lr": 0.05},
    10: {"finetune_stages": ((16, 3, 0), (24, 2, 0), (32, 1, 1)), "finetune_batch": 64, "finetune_lr": 0.05},
    100: {},
}
WATCHED = 200  # test images looked at after each epoch, where only the last one counts
STARTS = ("pre-trained", "scratch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/simclr-cpu"), help="run folder with the pre-training")
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--keep", action="store_true", help="write the results into solutions/simclr/results, too")
    options = parser.parse_args()
    names = solution(options.run, options.profile)
    epochs = sum(epochs for _, epochs, _ in names["HP"]["finetune_stages"])
    if len(read_rows(options.run / "simclr_finetune.csv")) < epochs:
        raise SystemExit(f"{options.run} is not finished: ./kit train simclr --profile cpu --run {options.run}")
    file = options.run / "labels.csv"
    rows: list[dict] = read_rows(file)
    train, test = cifar10("train"), cifar10("test")
    for wanted in trainings():
        if not any(all(row[key] == str(value) for key, value in wanted.items()) for row in rows):
            rows.append(wanted | {"top1": f"{trained(names, wanted, train, test):.4f}"})
            write_rows(file, rows)
            print(*rows[-1].values(), flush=True)
    print(as_text(rows))
    figure = plotted(rows)
    if options.keep:
        keep(options.run, "simclr_*", "labels_*", "metrics")
    for folder in [options.run] + [RESULTS] * options.keep:
        write_rows(folder / "labels.csv", rows)
        figure.savefig(folder / "labels.png", dpi=120, bbox_inches="tight")


def trainings() -> list[dict]:
    """Every training, cheap ones first."""
    few = [
        {"labels": percent, "method": method, "start": start, "seed": seed}
        for method, starts in (("linear probe", STARTS[:1]), ("fine-tuned", STARTS))
        for percent in (1, 10)
        for seed in SEEDS
        for start in starts
    ]
    probe = {"labels": 100, "method": "linear probe", "start": "pre-trained", "seed": 0}
    return [probe, *few, *({"labels": 100, "method": "fine-tuned", "start": start, "seed": 0} for start in STARTS)]


def trained(names: Names, wanted: dict, train, test) -> float:
    """Top-1 on all test images of one training."""
    images, labels = train
    rows = torch.arange(len(images)) if wanted["labels"] == 100 else label_rows(wanted["labels"])
    table = dict(names["HP"])
    names["HP"].update(SETTINGS[wanted["labels"]], seed=wanted["seed"])
    try:
        if wanted["labels"] == 100 and wanted["start"] == "pre-trained":  # by the run itself
            part = {"linear probe": "probe", "fine-tuned": "finetune"}[wanted["method"]]
            return float(read_rows(names["RUN"] / f"simclr_{part}.csv")[-1]["test_top1"])
        if wanted["method"] == "linear probe":
            h = torch.load(names["RUN"] / "simclr_features.pt", map_location="cpu", weights_only=True)
            batch = min(512, len(rows) // 8)
            probe = h["train"][rows], labels[rows], h["test"], test[1], names["HP"]["probe_epochs"], batch
            return names["linear_probe"](*probe)[0][-1]["test_top1"]
        return fine_tuned(names, wanted, (images[rows], labels[rows]), test)
    finally:
        names["HP"].update(table)


def fine_tuned(names: Names, wanted: dict, train, test) -> float:
    """Top-1 after the last epoch; the checkpoints of a training that is done are removed."""
    whole = wanted["labels"] == 100
    name = f"labels_{wanted['labels']}_{wanted['start']}_{wanted['seed']}"
    watched = test if whole else tuple(part[:WATCHED] for part in test)
    history = names["finetune"](*train, *watched, name=name, pretrained=wanted["start"] == "pre-trained")
    if whole:
        return history[-1]["test_top1"]
    best = names["RUN"] / f"{name}_lin_best.pt"
    model = names["Classifier"](names["SimCLR"](names["HP"]["projection_dim"]))
    model.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    network = names["InPrecision"](model.to(names["DEVICE"]))
    _, top1, _ = names["evaluate"](network, names["finetune_batches"](*test)[1], names["DEVICE"])
    for file in (names["RUN"] / f"{name}_finetune_last.pt", best):
        file.unlink()
    return top1


def gathered(rows: list[dict]) -> dict[tuple[str, str, str], list[float]]:
    """(method, start, labels) -> top-1 of each seed."""
    found = defaultdict(list)
    for row in rows:
        found[row["method"], row["start"], str(row["labels"])].append(float(row["top1"]))
    return found


def as_text(rows: list[dict]) -> str:
    """Mean, and standard deviation where there are several seeds."""
    lines = []
    for (method, start, labels), values in sorted(gathered(rows).items(), key=lambda item: (item[0][2], item[0])):
        spread = f" ± {statistics.stdev(values):.2%}" if len(values) > 1 else ""
        lines.append(f"{labels:>3} %  {method:13} {start:12} {statistics.mean(values):.2%}{spread}  ({len(values)})")
    return "\n".join(lines)


def plotted(rows: list[dict]) -> plt.Figure:
    """Top-1 over the share of labels, one line for each way."""
    figure, axes = plt.subplots(figsize=(6.5, 4))
    by_way = defaultdict(dict)
    for (method, start, labels), values in gathered(rows).items():
        by_way[method, start][int(labels)] = values
    for (method, start), found in sorted(by_way.items()):
        shares = sorted(found)
        means = [statistics.mean(found[share]) for share in shares]
        spread = [statistics.stdev(found[share]) if len(found[share]) > 1 else 0 for share in shares]
        axes.errorbar(shares, means, spread, marker="o", capsize=3, label=f"{method}, {start}")
    axes.set_xscale("log")
    axes.set_xticks([1, 10, 100], ["1 %", "10 %", "100 %"])
    axes.set(xlabel="labels", ylabel="test top-1", title="CIFAR-10 (JPEG-75 copy), bars: deviation over three seeds")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
