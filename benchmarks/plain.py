"""Minutes to 75 % and 85 % on CIFAR-10: the notebook's recipe beside a plain implementation of the handout's.

    ./kit train simclr --profile cpu --run runs/simclr-cpu
    python -m benchmarks.plain [--run runs/simclr-cpu] [--keep] [--train]

The plain one has the same networks, losses, batches, learning rates and numbers of epochs, and does what most notebooks
do: torchvision's transforms on PIL images in a DataLoader with two workers, views and pictures of 32x32 from first to
last, all weights in training, float32 in PyTorch's own memory layout. **Minutes** are steps times the seconds of a step,
and these are measured in one go, the two recipes taking turns in processes of their own, so that other work on the machine
disturbs both alike.

Which epoch reaches a threshold is known of the notebook's run. The plain recipe is trained only with ``--train``: for
hours, resumable, in the run folder ``--plain``. Until it has been, ``>`` marks the end of its next epoch of fine-tuning,
before which no test of it can be above a threshold. ``--keep`` writes tables and figure to solutions/simclr/results.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402
from torchvision import transforms  # noqa: E402

from benchmarks.training import RESULTS, Names, cifar10, keep, read_rows, solution, write_rows  # noqa: E402

RECIPES = ("notebook", "plain")
THRESHOLDS = (0.75, 0.85)
ROUNDS, STEPS = 3, 4
IMAGES, TEST_IMAGES = 50_000, 10_000
WORKERS = 2
SIZE = 32
TESTED = 1_000  # images of a timed test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plain", type=Path, default=Path("runs/simclr-plain"), help="run folder of the plain recipe")
    parser.add_argument("--run", type=Path, default=Path("runs/simclr-cpu"), help="run folder of the notebook's recipe")
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--keep", action="store_true", help="write the results into solutions/simclr/results, too")
    parser.add_argument("--train", action="store_true", help="train the plain recipe, too: hours, resumable")
    parser.add_argument("--time", choices=RECIPES, help=argparse.SUPPRESS)  # one recipe's turn, as JSON
    options = parser.parse_args()
    if options.time:
        print(json.dumps(timed(recipe(options.time, options.plain, options.profile))))
        return
    if not (options.run / "simclr_finetune.csv").is_file():
        raise SystemExit(f"{options.run} holds no training: ./kit train simclr --profile cpu --run {options.run}")
    if options.train:
        train_plainly(recipe("plain", options.plain, options.profile))
    seconds = side_by_side(options)
    table = solution(options.run, options.profile)["HP"]
    ways = [minutes(name, table, seconds[name], run) for name, run in zip(RECIPES, (options.run, options.plain))]
    rows = comparison(*ways)
    for row in rows:
        print("  ".join(f"{value!s:>14}" for value in row.values()))
    figure = plotted(dict(zip(RECIPES, ways)))
    if options.keep:
        keep(options.plain, "plain_*")
    for folder in [options.plain] + [RESULTS] * options.keep:
        write_rows(folder / "minutes.csv", rows)
        write_rows(folder / "seconds.csv", by_part(seconds))
        figure.savefig(folder / "minutes.png", dpi=120, bbox_inches="tight")


class Recipe(NamedTuple):
    """One way to train; ``views(images, labels)``, ``crops(images, labels, size)``, ``tests(images, labels)`` make batches.

    ``view_size`` is in pixels; ``stages`` has a row for each epoch of fine-tuning.
    """

    names: Names
    views: Callable
    crops: Callable
    tests: Callable
    view_size: int
    stages: list[tuple[int, int]]


def stages(name: str, table: dict) -> list[tuple[int, int]]:
    """Pixels and frozen parts of each epoch of a recipe's fine-tuning."""
    of_notebook = [(size, frozen) for size, epochs, frozen in table["finetune_stages"] for _ in range(epochs)]
    return of_notebook if name == "notebook" else [(SIZE, 0)] * len(of_notebook)


def title(size: int, frozen: int) -> str:
    """Of a part of the time."""
    return f"fine-tuning at {size}" + (f", {frozen} parts frozen" if frozen else "")


def recipe(name: str, run: Path, profile: str) -> Recipe:
    """The notebook's recipe or the plain one."""
    return plain_recipe(run, profile) if name == "plain" else notebook_recipe(run, profile)


def notebook_recipe(run: Path, profile: str) -> Recipe:
    """As the notebook's drivers train under ``profile``."""
    names = solution(run, profile)
    table = names["HP"]
    how = (table["view_size"], table["jitter_strength"])

    def draw(images):
        return names["draw_views"](images, *how), names["draw_views"](images, *how)

    return Recipe(
        names,
        lambda images, labels: names["Batches"](images, labels, table["pretrain_batch"], draw),
        lambda images, labels, size: names["finetune_batches"](names["shrunk"](images, size), labels)[0],
        lambda images, labels: names["finetune_batches"](images, labels)[1],
        table["view_size"],
        stages("notebook", table),
    )


class Pictures(Dataset):
    """PIL images with labels, each through ``transform``: (transform(image), label)."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, transform: Callable):
        self.images = [Image.fromarray(image) for image in images.permute(0, 2, 3, 1).numpy()]
        self.labels, self.transform = labels.tolist(), transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, k: int):
        return self.transform(self.images[k]), self.labels[k]


def pil_views(names: Names, size: int) -> Callable:
    """SimCLR's distortions as most notebooks have them: one PIL image -> (3, size, size) float32, normalised."""
    s = names["HP"]["jitter_strength"]
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(size, scale=(0.2, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.RandomApply([transforms.ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.ToTensor(),
            transforms.Normalize(names["MEAN"], names["STD"]),
        ]
    )


def plain_recipe(run: Path, profile: str) -> Recipe:
    """PIL transforms in a DataLoader, full size from first to last; what is learned and how long is the notebook's."""
    names = solution(run, profile, plain=True)
    table = names["HP"]
    size = SIZE
    end = [transforms.ToTensor(), transforms.Normalize(names["MEAN"], names["STD"])]
    view = pil_views(names, size)
    crop = transforms.Compose([transforms.RandomCrop(size, padding=4), transforms.RandomHorizontalFlip(), *end])

    def loader(images, labels, transform, batch_size, shuffle=True):
        pictures = Pictures(images, labels, transform)
        return DataLoader(pictures, batch_size, shuffle=shuffle, num_workers=WORKERS, persistent_workers=True)

    return Recipe(
        names,
        lambda images, labels: loader(images, labels, lambda x: (view(x), view(x)), table["pretrain_batch"]),
        lambda images, labels, _: loader(images, labels, crop, table["finetune_batch"]),
        lambda images, labels: loader(images, labels, transforms.Compose(end), table["finetune_batch"], shuffle=False),
        size,
        stages("plain", table),
    )


def train_plainly(way: Recipe) -> None:
    """Pre-train and fine-tune by the notebook's driver ``fit``, going on from what is in the run folder."""
    names, table = way.names, way.names["HP"]
    run, device = names["RUN"], names["DEVICE"]
    (images, labels), test = cifar10("train"), cifar10("test")

    def plan(part: str, lr: float, epochs: int) -> dict:
        rest = {"decay": table[f"{part}_decay"], "warmup": table[f"{part}_warmup"], "batch": table[f"{part}_batch"]}
        return {"epochs": epochs, "sizes": [way.view_size] * epochs, "lr": lr, **rest}

    def pretrained(network, batches, optimizer, scheduler):
        loss = names["loss_function"](table["loss"])
        return {"loss": names["train_one_epoch"](network, batches, optimizer, scheduler, loss, device)}

    def finetuned(network, batches, optimizer, scheduler):
        loss, top1 = names["finetune_one_epoch"](network, batches, optimizer, scheduler, device)
        return {"train_loss": loss, "train_top1": top1}

    def tested(network):
        return dict(zip(("test_loss", "test_top1", "test_top5"), names["evaluate"](network, tests, device)))

    def nothing(*_):
        return {}

    names["seed_everything"](table["seed"])
    simclr = names["SimCLR"](table["projection_dim"])
    wanted = plan("pretrain", table[f"lr_{table['loss']}"], table["pretrain_epochs"])
    views = way.views(images, labels)
    names["fit"]("plain_pretrain", simclr, views, wanted, names["by_plan"](wanted), pretrained, nothing, nothing)
    saved = torch.load(run / "plain_pretrain_last.pt", map_location="cpu", weights_only=True)
    simclr.load_state_dict(saved["model"])

    names["seed_everything"](table["seed"])
    model, tests = names["Classifier"](simclr, table["num_classes"]), way.tests(*test)
    wanted = plan("finetune", table["finetune_lr"], len(way.stages))
    crops = way.crops(images, labels, way.view_size)
    names["fit"]("plain_finetune", model, crops, wanted, names["by_plan"](wanted), finetuned, tested, nothing)


def timed(way: Recipe) -> dict[str, float]:
    """Seconds of a step of pre-training, of one of fine-tuning at each size, and of a test of one image."""
    names, table = way.names, way.names["HP"]
    device, precise = names["DEVICE"], names["InPrecision"]
    images, labels = (part[: table["pretrain_batch"] * (STEPS + 1)] for part in cifar10("train"))
    simclr = names["SimCLR"](table["projection_dim"]).to(device)
    classifier = names["Classifier"](simclr, table["num_classes"])

    def seconds(batches, network, train, *extra) -> float:
        """The mean of ``STEPS`` steps after a first one; the loader's own start is not counted."""
        optimizer, scheduler = names["make_optimizer"](network, 1e-4, 0.0, 0, 10**6)
        steps = iter(batches)
        times = []
        for _ in range(STEPS + 1):
            start = time.perf_counter()
            train(precise(network), [next(steps)], optimizer, scheduler, *extra, device)
            times.append(time.perf_counter() - start)
        return statistics.mean(times[1:])

    loss = names["loss_function"](table["loss"])
    found = {"pre-training": seconds(way.views(images, labels), simclr, names["train_one_epoch"], loss)}
    for size, frozen in dict.fromkeys(way.stages):
        batches = way.crops(images, labels, size)
        names["freeze"](classifier, frozen)
        found[title(size, frozen)] = seconds(batches, classifier, names["finetune_one_epoch"])
    tests = way.tests(images[:TESTED], labels[:TESTED])
    start = time.perf_counter()
    names["evaluate"](precise(classifier), tests, device)
    return found | {"test": (time.perf_counter() - start) / TESTED}


def side_by_side(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Median seconds of each part of both recipes, which take turns."""
    found = {name: defaultdict(list) for name in RECIPES}
    for _ in range(ROUNDS):
        for name in RECIPES:
            command = [sys.executable, "-m", "benchmarks.plain", "--time", name, "--profile", options.profile]
            out = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
            for part, seconds in json.loads(out.splitlines()[-1]).items():
                found[name][part].append(seconds)
    return {name: {part: statistics.median(values) for part, values in parts.items()} for name, parts in found.items()}


def by_part(seconds: dict[str, dict[str, float]]) -> list[dict[str, str]]:
    """A row for each part of either recipe; the other one's place stays empty where it has no such part."""
    parts = dict.fromkeys(part for name in RECIPES for part in seconds[name])
    return [
        {"part": part} | {name: f"{seconds[name][part]:.4f}" if part in seconds[name] else "" for name in RECIPES}
        for part in parts
    ]


class Minutes(NamedTuple):
    """``after`` each epoch of fine-tuning, pre-training counted; the test ``top1`` there, as far as it is known."""

    pretraining: float
    after: list[float]
    top1: list[float]

    def until(self, threshold: float) -> tuple[str, float | None]:
        """Minutes to the first test above ``threshold``, None if there is none; ">" if only later ones are left to train."""
        for epoch, spent in enumerate(self.after):
            if epoch >= len(self.top1):
                return "> ", spent
            if self.top1[epoch] > threshold:
                return "", spent
        return "", None


def minutes(name: str, table: dict, seconds: dict[str, float], run: Path) -> Minutes:
    """A recipe's steps times the seconds of a step, with the accuracies of its run folder."""
    steps = {part: math.ceil(IMAGES / table[f"{part}_batch"]) for part in ("pretrain", "finetune")}
    pretraining = table["pretrain_epochs"] * steps["pretrain"] * seconds["pre-training"]
    parts = (seconds[title(*stage)] for stage in stages(name, table))
    epochs = (steps["finetune"] * of_a_step + TEST_IMAGES * seconds["test"] for of_a_step in parts)
    after = list(accumulate(epochs, initial=pretraining))[1:]
    rows = read_rows(run / f"{'simclr' if name == 'notebook' else 'plain'}_finetune.csv")
    return Minutes(pretraining / 60, [spent / 60 for spent in after], [float(row["test_top1"]) for row in rows])


def comparison(notebook: Minutes, plain: Minutes) -> list[dict]:
    """Minutes to each threshold and to the end, and how many times less the notebook's recipe takes."""
    first = row("pre-training", ("", notebook.pretraining), ("", plain.pretraining))
    middle = [row(f"{threshold:.0%}", notebook.until(threshold), plain.until(threshold)) for threshold in THRESHOLDS]
    return [first, *middle, row("the last epoch", ("", notebook.after[-1]), ("", plain.after[-1]))]


def row(until: str, notebook: tuple[str, float | None], plain: tuple[str, float | None]) -> dict[str, str]:
    """Minutes as text, with the ratio plain : notebook where both got there, and the notebook's has no ">"."""
    known = notebook[1] and plain[1] and not notebook[0]
    shown = [mark + ("not reached" if spent is None else f"{spent:.1f}") for mark, spent in (notebook, plain)]
    ratio = f"{plain[0]}{plain[1] / notebook[1]:.2f}" if known else ""
    return {"until": until, "notebook": shown[0], "plain": shown[1], "ratio": ratio}


def plotted(ways: dict[str, Minutes]) -> plt.Figure:
    """Test top-1 over minutes; of a recipe that was not trained, when its epochs end."""
    figure, axes = plt.subplots(figsize=(6.5, 4))
    for number, (name, way) in enumerate(ways.items()):
        if way.top1:
            axes.plot(way.after[: len(way.top1)], way.top1, marker="o", color=f"C{number}", label=f"{name} recipe")
        else:
            axes.plot(
                way.after,
                [0.02] * len(way.after),
                "|",
                markersize=12,
                color=f"C{number}",
                label=f"{name} recipe, ends of epochs (not trained)",
            )
        axes.axvspan(0, way.pretraining, ymax=0.05 * (2 - number), color=f"C{number}", alpha=0.25)
    for threshold in THRESHOLDS:
        axes.axhline(threshold, color="gray", linestyle=":")
    axes.set(xlabel="minutes on this machine; shaded: pre-training", ylabel="test top-1", ylim=(0, 1), xlim=(0, None))
    axes.set_title("CIFAR-10 (JPEG-75 copy), fine-tuning after pre-training")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
