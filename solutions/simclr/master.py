# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Contrastive learning with SimCLR and Barlow Twins
#
# {{colab_badge}}
#
# ![Two views of one image go through the same network; the loss asks their projections to agree.](pictures/pipeline.png)
#
# Labels are expensive; images are not. In this assignment you train a ResNet-18 on CIFAR-10 **without labels**: for
# each augmented view of an image, the network must find the other view of the same image among many. Then you fine-tune
# it with labels. You write three losses, the network, the augmentations, both training loops and the evaluation.
#
# | question | you write | points | minutes | difficulty |
# | --- | --- | --- | --- | --- |
# | q1a | `nt_xent`, the loss of SimCLR | {{points q1a}} | 60 | hard |
# | q1b | `barlow_twins`, a loss without negatives | {{points q1b}} | 25 | easy |
# | q1c | `nt_xent_euclidean`, the same softmax over distances | {{points q1c}} | 30 | medium |
# | q2 | `SimCLR`, encoder and projection head | {{points q2}} | 25 | easy |
# | q3 | `simclr_transform`, `TwoViews`, `pretrain_loader`, `make_optimizer` | {{points q3}} | 60 | medium |
# | q4 | `train_one_epoch`, pre-training | {{points q4}} | 30 | medium |
# | q5 | `finetune_transforms`, `finetune_loaders`, `Classifier`, `finetune_one_epoch`, `evaluate` | {{points q5}} | 60 | medium |
# | q6 | the file `simclr_lin_best.pt`: more than 75 % on the CIFAR-10 test set (bonus above 85 %) | {{points q6}} + 5 | 5 | easy |
# | w1 – w5 | five short written answers, graded by hand | {{points w1}} each | 10 each | medium |
#
# The minutes are an estimate for a student who has trained a network in PyTorch before; the computer's time comes on top.
#
# **How to work here.** Fill in the stubs from top to bottom. After each question, `grader.check("q1a")` tells you what
# is wrong, in seconds. The hidden tests check the same with other numbers. Keep the names and signatures of the stubs;
# you may add helper functions and cells. The grader runs your cells in order, but skips cells with the tag
# `skip-grading` (downloads, training, plots). Do not put anything there that a stub needs.
#
# Papers: [SimCLR](https://arxiv.org/abs/2002.05709) (Chen et al., 2020), [Barlow
# Twins](https://arxiv.org/abs/2103.03230) (Zbontar et al., 2021). To read first: [the authors on
# SimCLR](https://ai.googleblog.com/2020/04/advancing-self-supervised-and-semi.html), a few pages with pictures; [Contrastive
# representation learning](https://lilianweng.github.io/posts/2021-05-31-contrastive/) (Weng, 2021), a survey of such losses.

# %% [markdown]
# ## Setup
#
# You need the next cell on Colab only. It keeps the checkpoints on your Google Drive, because Colab deletes a machine's
# files when its session ends. Elsewhere, run `pip install torch torchvision numpy matplotlib tqdm otter-grader`.

# %% tags=["skip-grading"]
# {{given colab.py}}

# %%
import ast
import copy
import csv
import hashlib
import json
import math
import os
import random
import re
import time
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision.transforms import v2
from tqdm.auto import tqdm

# %% [markdown]
# ### Given code
#
# Folded cells hold code that you need not read: it reads the data, trains fast, saves checkpoints, draws the figures and
# packs what you hand in. Run them.


# %% tags=["folded"] title="Given: data, training, evaluation, figures, hand-in"
kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
DEVICE = torch.device(next(kind for kind, there in kinds.items() if there))

# fmt: off
RECIPE = {  # what is seldom changed; the columns are those of the table below
    # data                    smoke       demo        cpu         gpu
    "num_classes":          (10,         10,         10,         10),
    "pretrain_warmup":      (0.1,        0.1,        0.1,        0.05),       # share of all steps
    "lr_barlow_twins":      (0.003,      0.003,      0.012,      0.024),
    "lr_nt_xent_euclidean": (0.01,       0.01,       0.04,       0.08),
    "pretrain_decay":       (5e-4,       5e-4,       5e-4,       5e-4),       # weight decay
    # a second, shorter pre-training with another loss (0 epochs: skipped)
    "other_loss":           ("barlow_twins",) * 4,
    "other_images":         (32,         0,          5_000,      10_000),
    "other_epochs":         (2,          0,          4,          20),
    "finetune_stages": (  # each stage: pixels, epochs, how many of the encoder's four parts are frozen
        ((16, 1, 0), (32, 1, 1)),
        ((32, 15, 0),),
        ((16, 2, 0), (24, 4, 0), (32, 2, 1), (32, 3, 2)),
        ((32, 30, 0),),
    ),
    "few_stages": (  # the same with a tenth of the labels
        ((16, 1, 0),),
        ((16, 3, 0),),
        ((16, 6, 0), (24, 3, 0), (32, 1, 1)),
        ((32, 30, 0),),
    ),
    "finetune_warmup":      (0.1,        0.1,        0.1,        0.1),
    "finetune_decay":       (5e-4,       5e-4,       5e-4,       5e-4),
    # evaluation of the frozen features
    "probe_epochs":         (2,          5,          20,         50),
    "probe_neighbours":     (5,          20,         200,        200),
}
# fmt: on


# {{given seed.py}}


# {{given progress.py}}


# {{given data.py}}


def load_split(split: str, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``limit`` images (n, 3, H, W) uint8 and labels (n,) of a split of the data set."""
    rows = prepared_rows(split, limit)
    if rows is not None:
        side = math.isqrt(rows.shape[1] // 3)
        return rows[:, 1:].reshape(-1, 3, side, side), rows[:, 0].long()
    images, labels = official_split(split)
    return torch.from_numpy(np.ascontiguousarray(images[:limit])), torch.from_numpy(labels[:limit].astype(np.int64))


# {{given figures.py}}


def to_pixels(view: torch.Tensor) -> np.ndarray:
    """A normalised view (3, H, W) as an array (H, W, 3) in [0, 1] for ``imshow``."""
    pixels = view.cpu() * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    return pixels.clamp(0, 1).permute(1, 2, 0).numpy()


def plot_two_views(images: torch.Tensor, labels: torch.Tensor, transform, count: int = 8):
    """The first ``count`` images, and below each of them two views."""
    views = TwoViews(images, labels, transform)
    figure, axes = plt.subplots(3, count, figsize=(1.5 * count, 4.9))
    for k in range(count):
        (view_i, view_j), label = views[k]
        for row, pixels in enumerate((images[k].permute(1, 2, 0).numpy(), to_pixels(view_i), to_pixels(view_j))):
            axes[row, k].imshow(pixels)
            axes[row, k].set(xticks=[], yticks=[])
        axes[0, k].set_title(CLASSES[int(label)], fontsize=10)
    for row, title in enumerate(("image", "view $x_i$", "view $x_j$")):
        axes[row, 0].set_ylabel(title, fontsize=11)
    figure.tight_layout()
    return figure


# {{given batches.py}}


# {{given views.py}}


# {{given precision.py}}


# {{given checkpoints.py}}


# {{given record.py}}


# {{given training.py}}


PARAMETER = {"nt_xent": "temperature", "barlow_twins": "lambd", "nt_xent_euclidean": "temperature_euclidean"}


def loss_function(loss: str):
    """Your loss of that name as a function of (z_i, z_j), with its parameter from the table."""
    return lambda z_i, z_j: globals()[loss](z_i, z_j, HP[PARAMETER[loss]])


def by_plan(plan: dict):
    """A function that makes a plan's optimiser and scheduler with your ``make_optimizer``."""

    def optimise(network, total_steps):
        return make_optimizer(network, plan["lr"], plan["decay"], int(plan["warmup"] * total_steps), total_steps)

    return optimise


def pretrain(images, labels, loss, epochs, name="simclr", restart=False) -> list[dict]:
    """Pre-train a fresh SimCLR; returns the history and writes ``<name>_best_epoch.pt`` to the run folder."""
    seed_everything(HP["seed"])
    model = SimCLR(HP["projection_dim"])
    how = (HP["view_size"], HP["jitter_strength"])
    if HP["views"] == "batched":
        loader = Batches(images, labels, HP["pretrain_batch"], lambda x: (draw_views(x, *how), draw_views(x, *how)))
    else:
        loader = pretrain_loader(images, labels, simclr_transform(*how), HP["pretrain_batch"])
    plan = {"loss": loss, "epochs": epochs, "images": len(images), "lr": HP[f"lr_{loss}"]}
    plan |= {key: HP[f"pretrain_{key}"] for key in ("decay", "warmup", "batch")}
    rows = ("dataset", "views", "view_size", "jitter_strength", "projection_dim", "seed", PARAMETER[loss])
    plan |= {key: HP[key] for key in rows}
    yours = ["simclr_transform", "TwoViews", "pretrain_loader"] if HP["views"] == "yours" else []
    plan["code"] = [loss, "SimCLR", "make_optimizer", "train_one_epoch", *yours]

    def train(network, batches, optimizer, scheduler):
        return {"loss": train_one_epoch(network, batches, optimizer, scheduler, loss_function(loss), DEVICE)}

    def after_epoch(history):
        if history[-1]["loss"] <= min(row["loss"] for row in history):
            best = {"state_dict": model.state_dict(), "epoch": len(history), "loss": history[-1]["loss"]}
            save_atomically(RUN / f"{name}_best_epoch.pt", {**best, "profile": PROFILE})

    return fit(f"{name}_pretrain", model, loader, plan, by_plan(plan), train, after_epoch=after_epoch, restart=restart)


def pretrained_simclr() -> tuple[nn.Module, dict]:
    """The network of the best pre-training epoch, and its checkpoint."""
    best = RUN / "simclr_best_epoch.pt"
    if not best.is_file():
        raise Stop(f"{best.name} is not in the run folder: run the pre-training cell first.")
    saved = torch.load(best, map_location="cpu", weights_only=True)
    simclr = SimCLR(HP["projection_dim"])
    simclr.load_state_dict(saved["state_dict"])
    return simclr, saved


def features(encoder: nn.Module, images: torch.Tensor, batch_size: int = 250) -> torch.Tensor:
    """The frozen encoder's h (n, 512) of uint8 images (n, 3, H, W)."""
    frozen = InPrecision(encoder.to(DEVICE)).eval()
    with torch.no_grad():
        parts = tqdm(images.split(batch_size), desc="features", leave=False)
        return torch.cat([frozen(normalised(part.to(DEVICE) / 255)) for part in parts])


def knn_accuracy(train_h, train_y, test_h, test_y, k: int, temperature: float = 0.1) -> float:
    r"""Top-1 of a vote among the k training rows of largest cosine, each with weight :math:`\exp(\cos/\tau)`."""
    train_h, test_h, train_y = F.normalize(train_h), F.normalize(test_h), train_y.to(train_h.device)
    correct = 0
    for h, y in zip(test_h.split(1000), test_y.to(train_h.device).split(1000), strict=True):
        cosines, nearest = (h @ train_h.T).topk(k)
        votes = torch.zeros(len(h), HP["num_classes"], device=h.device)
        votes.scatter_add_(1, train_y[nearest], (cosines / temperature).exp())
        correct += (votes.argmax(1) == y).sum().item()
    return correct / len(test_y)


def kept_features(encoder: nn.Module, saved: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """h of all training and test images, computed once for the encoder of a checkpoint and kept in the run folder."""
    path = RUN / "simclr_features.pt"
    of = [saved["epoch"], saved["loss"], len(train_images), len(test_images)]
    kept = torch.load(path, map_location=DEVICE, weights_only=True) if path.is_file() else {"of": None}
    if kept["of"] != of:
        kept = {"of": of, "train": features(encoder, train_images), "test": features(encoder, test_images)}
        save_atomically(path, kept)
    return kept["train"], kept["test"]


def linear_probe(train_h, train_y, test_h, test_y, epochs: int, batch_size: int = 512) -> tuple[list[dict], nn.Linear]:
    """Train one linear layer by your loop on frozen features (n, 512), which it scales to mean 0 and deviation 1.

    Returns the history, and the layer for the unscaled features.
    """
    seed_everything(HP["seed"])
    mean, deviation = train_h.mean(0), train_h.std(0) + 1e-6
    pairs = ((train_h, train_y, True), (test_h, test_y, False))
    train, test = (Batches((h - mean) / deviation, y, batch_size, lambda h: h, shuffle) for h, y, shuffle in pairs)
    probe = nn.Linear(train_h.shape[1], HP["num_classes"]).to(DEVICE)
    optimizer = torch.optim.AdamW(probe.parameters(), lr=3e-3, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(train))
    history = []
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        numbers = (*finetune_one_epoch(probe, train, optimizer, scheduler, DEVICE), *evaluate(probe, test, DEVICE))
        columns = ("train_loss", "train_top1", "test_loss", "test_top1", "test_top5")
        seconds = round(time.perf_counter() - start, 3)
        history.append({"epoch": epoch, **dict(zip(columns, map(as_float, numbers))), "seconds": seconds})
    with torch.no_grad():
        probe.bias -= probe.weight @ (mean / deviation)
        probe.weight /= deviation
    return history, probe


def plot_neighbours(found: dict[str, tuple[torch.Tensor, torch.Tensor]], count: int = 8, each: int = 3):
    """The first test images, and below them their nearest training images by the h of each encoder: (train_h, test_h).

    A frame marks a neighbour of the same class.
    """
    rows = [("image", test_images[:count], None)]
    for name, (train_h, test_h) in found.items():
        nearest = (F.normalize(test_h[:count]) @ F.normalize(train_h).T).topk(each).indices.T.cpu()
        same = train_labels[nearest] == test_labels[:count]
        title = f"{name}:\n{int(same.sum())} of {same.numel()}"
        rows += [(title if k == 1 else "", train_images[nearest[k]], same[k]) for k in range(each)]
    figure, axes = plt.subplots(len(rows), count, figsize=(1.15 * count, 1.15 * len(rows)))
    for line, (title, images, same) in zip(axes, rows):
        line[0].set_ylabel(title, fontsize=11)
        for k, (axis, image) in enumerate(zip(line, images)):
            axis.imshow(image.permute(1, 2, 0))
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(color="tab:green", linewidth=4, visible=same is not None and bool(same[k]))
    for axis, label in zip(axes[0], test_labels):
        axis.set_title(CLASSES[int(label)], fontsize=10)
    figure.tight_layout(pad=0.3)
    return figure


def results() -> dict[str, str]:
    """The results and the times of the run; a time counts training and testing up to the end of the epoch."""
    last, probe = finetune_history[-1], probe_history[-1]
    pretraining, tuning = (
        sum(row["seconds"] for row in history) / 60 for history in (pretrain_history, finetune_history)
    )
    found = {
        "data": f"{HP['dataset']}, {len(train_images):,} training and {len(test_images):,} test images",
        "machine": f"{DEVICE.type}, {torch.get_num_threads()} CPU threads, {PRECISION}",
        "pre-training": f"{len(pretrain_history)} epochs of {HP['loss']}, {pretraining:.1f} minutes",
        "k-NN on the frozen encoder": f"top-1 {knn_top1:.2%}",
        "linear probe": f"top-1 {probe['test_top1']:.2%}, top-5 {probe['test_top5']:.2%}",
        evaluation: f"{len(finetune_history)} epochs, {tuning:.1f} minutes",
        "its last epoch, training": f"loss {last['train_loss']:.3f}, top-1 {last['train_top1']:.2%}",
        "its last epoch, test": f"loss {last['test_loss']:.3f}, top-1 {last['test_top1']:.2%}, top-5 {last['test_top5']:.2%}",
    }
    for share in (0.75, 0.85, 0.9):
        first = next((k for k, row in enumerate(finetune_history, 1) if row["test_top1"] > share), None)
        minutes = pretraining + sum(row["seconds"] for row in finetune_history[:first]) / 60
        found[f"minutes to {share:.0%}"] = f"{minutes:.1f}" if first else "not reached"
    return found


HANDED_IN = ["simclr_lin_best.pt", "metrics.json"]
HANDED_IN += [f"figures/{figure}.png" for figure in ("two_views", "pretrain_loss", "finetune_curves")]


# {{given notebook_file.py}}


# {{given report.py}}


# {{given hand_in.py}}


# %% tags=["folded", "only-cifar10"] title="Given: fine-tuning on CIFAR-10"
def official_split(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, 32, 32) uint8 and labels (n,) from torchvision, which downloads them if needed."""
    found = official(torchvision.datasets.CIFAR10, "cifar-10-batches-py", train=split == "train")
    return found.data.transpose(0, 3, 1, 2), np.array(found.targets)


def shrunk(images: torch.Tensor, size: int) -> torch.Tensor:
    """uint8 images (n, 3, H, W) -> uint8 (n, 3, size, size), by averaging pixels."""
    if images.shape[-1] == size:
        return images
    parts = images.split(4096)
    return torch.cat([v2.functional.resize(part, [size, size], antialias=True) for part in parts])


def finetune_batches(images, labels):
    """(shuffled, augmented batches; batches in order, not augmented), by your functions or by whole batches."""
    if HP["views"] == "yours":
        return finetune_loaders(images, labels, images, labels, HP["finetune_batch"])
    ways = (draw_crops, True), (lambda x: normalised(x / 255), False)
    return tuple(Batches(images, labels, HP["finetune_batch"], draw, shuffle) for draw, shuffle in ways)


class ByStage:
    """The training batches of each epoch, with images of the size of its stage."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, stages):
        self.images, self.labels = images, labels
        self.sizes = [size for size, epochs, _ in stages for _ in range(epochs)]
        self.frozen = [parts for _, epochs, parts in stages for _ in range(epochs)]
        self.size = None
        self.turn_to(0)

    def turn_to(self, epoch: int) -> None:
        """Use images of that epoch's size."""
        if self.sizes[epoch] != self.size:
            self.size = self.sizes[epoch]
            self.batches, _ = finetune_batches(shrunk(self.images, self.size), self.labels)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


def freeze(model: nn.Module, parts: int) -> None:
    """Freeze the first ``parts`` parts of a ResNet (the first convolution belongs to the first part)."""
    kept = {"conv1", "bn1", *(f"layer{part}" for part in range(1, parts + 1))} if parts else set()
    for name, parameter in model.named_parameters():
        # The part of "encoder.layer1.0.conv1.weight" is its first name that matches, "layer1".
        place = next((piece for piece in name.split(".") if piece in ("conv1", "bn1") or piece.startswith("layer")), "")
        parameter.requires_grad_(place not in kept)
        if place in kept:
            parameter.grad = None  # otherwise the optimiser still uses it


def finetune(
    train_images, train_labels, test_images, test_labels, name="simclr", pretrained=True, restart=False, stages=None
) -> list[dict]:
    """Fine-tune from the best pre-training epoch, or from scratch; returns the history, writes ``NAME_lin_best.pt``."""
    seed_everything(HP["seed"])
    simclr, start = pretrained_simclr() if pretrained else (SimCLR(HP["projection_dim"]), None)
    model = Classifier(simclr, HP["num_classes"])
    train_loader = ByStage(train_images, train_labels, stages or HP["finetune_stages"])
    test_loader = finetune_batches(test_images, test_labels)[1]
    plan = {key: HP[f"finetune_{key}"] for key in ("lr", "decay", "warmup", "batch")}
    plan |= {"epochs": len(train_loader.sizes), "sizes": train_loader.sizes, "frozen": train_loader.frozen}
    plan |= {"images": len(train_images), "test_images": len(test_images), "seed": HP["seed"], "views": HP["views"]}
    yours = ["finetune_transforms", "finetune_loaders"] if HP["views"] == "yours" else []
    plan["code"] = ["Classifier", "make_optimizer", "finetune_one_epoch", "evaluate", *yours]
    plan |= {"start": (start["epoch"], start["loss"]) if start else None}

    def train(network, batches, optimizer, scheduler):
        epoch = scheduler.last_epoch // len(train_loader)
        train_loader.turn_to(epoch)
        freeze(model, train_loader.frozen[epoch])
        loss, top1 = finetune_one_epoch(network, batches, optimizer, scheduler, DEVICE)
        return {"train_loss": loss, "train_top1": top1}

    def test(network):
        loss, top1, top5 = evaluate(network, test_loader, DEVICE)
        return {"test_loss": loss, "test_top1": top1, "test_top5": top5}

    def after_epoch(history):
        result = {"epoch": len(history), "top1": history[-1]["test_top1"], "profile": PROFILE}
        save_atomically(RUN / f"{name}_lin_best.pt", {"state_dict": model.state_dict(), **result})

    return fit(f"{name}_finetune", model, train_loader, plan, by_plan(plan), train, test, after_epoch, restart)


# %% [markdown]
# ### Profile and hyper-parameters
#
# `PROFILE` chooses a column of the table in the next cell. Leave it at `smoke` until all your checks pass, then choose
# `gpu`, or `cpu` if you have no GPU.
#
# | profile | purpose | time |
# | --- | --- | --- |
# | `smoke` | check that everything runs | seconds on a CPU |
# | `demo` | a first checkpoint | one or two minutes of training on two CPU cores |
# | `cpu` | two CPU cores and no GPU: small views, small images first | two to four hours; can resume |
# | `gpu` | **the full training**: 200 epochs of pre-training, more than 75 % | an hour or less on a recent GPU, several on a T4; can resume |

# %%
PROFILE = os.environ.get("KIT_PROFILE") or "smoke"

# fmt: off
PROFILES = ("smoke", "demo", "cpu", "gpu")
TABLE = {
    # data                    smoke       demo        cpu         gpu
    "dataset":              ("cifar10",  "cifar10",  "cifar10",  "cifar10"),
    "pretrain_images":      (64,         64,         50_000,     50_000),     # the first of the split
    "finetune_images":      (48,         96,         50_000,     50_000),
    "test_images":          (32,         50,         10_000,     10_000),
    "views":                ("yours",    "yours",    "batched",  "batched"),  # yours: your functions, image by image
    # pre-training
    "loss":                 ("nt_xent",  "nt_xent",  "nt_xent",  "nt_xent"),  # or barlow_twins, nt_xent_euclidean
    "temperature":          (0.5,        0.5,        0.5,        0.5),        # nt_xent
    "temperature_euclidean": (1.0,       1.0,        1.0,        1.0),        # nt_xent_euclidean
    "lambd":                (5e-3,       5e-3,       5e-3,       5e-3),       # barlow_twins
    "view_size":            (16,         16,         16,         32),         # pixels of 32; 16 is faster
    "jitter_strength":      (0.5,        0.5,        0.5,        0.5),
    "projection_dim":       (128,        128,        128,        128),
    "pretrain_batch":       (16,         16,         256,        512),
    "pretrain_epochs":      (2,          12,         6,          200),
    "lr_nt_xent":           (0.03,       0.03,       0.12,       0.24),       # the learning rate with nt_xent
    # fine-tuning
    "finetune_batch":       (16,         16,         128,        256),
    "finetune_lr":          (0.02,       0.02,       0.1,        0.1),
    "seed":                 (0,          0,          0,          0),
}
# fmt: on
assert PROFILE in PROFILES, f"PROFILE is {PROFILE!r}; choose one of {', '.join(PROFILES)}"
HP = {name: row[PROFILES.index(PROFILE)] for name, row in (RECIPE | TABLE).items()}

MEAN = (0.4914, 0.4822, 0.4465)  # per-channel mean and standard deviation of the CIFAR-10 training pixels in [0, 1]
STD = (0.2470, 0.2435, 0.2616)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

print(f"profile {PROFILE} on {DEVICE.type} in {PRECISION}")

# %% [markdown]
# All random numbers come from one seed. Both training drivers below set it again, so a cell gives the same numbers even
# if you ran the cells above it several times.

# %%
seed_everything(HP["seed"])

# %% [markdown]
# The notebook writes all outputs (checkpoints, figures, `metrics.json`, the zip that you hand in) to one run folder:
# `run` beside this notebook, or the folder that the environment variable `KIT_RUN` names.

# %% tags=["skip-grading"]
# {{given run_folder.py}}

# %% [markdown] tags=["only-cifar10"]
# ## Data
#
# CIFAR-10 has 50,000 training and 10,000 test images of 32×32 pixels in ten classes. The cell reads a prepared copy
# (`cifar10/train.npy` and `cifar10/test.npy` under `KIT_DATA` or a `data` folder nearby; each row holds the label and
# then the 3072 bytes of the image). If there is none, torchvision downloads the data set. You get **uint8** images `(n,
# 3, 32, 32)` and int64 labels `(n,)`.

# %% [markdown] tags=["only-stl10"]
# ## Data
#
# STL-10 has images of 96×96 pixels in ten classes. Pre-training uses its 100,000 **unlabelled** images. You use its
# labelled images (5,000 to train, 8,000 to test) for a linear layer on the frozen encoder. The cell reads a prepared
# copy (`stl10/train.npy`, `test.npy` and `unlabeled.npy` under `KIT_DATA` or a `data` folder nearby; each row holds the
# label and then the bytes of the image). If there is none, torchvision downloads the data set. You get **uint8** images
# `(n, 3, 96, 96)` and int64 labels `(n,)`. Keep `MEAN` and `STD`: those of STL-10 differ by less than 0.09, and the
# first batch norm corrects this.


# %% tags=["skip-grading", "only-cifar10"]
pretrain_images, pretrain_labels = load_split("train", HP["pretrain_images"])

# %% tags=["skip-grading", "only-stl10"]
CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
of_table = {name: row[PROFILES.index(PROFILE)] for name, row in (RECIPE | TABLE).items()}
HP["pretrain_images"] = 2 * of_table["pretrain_images"]
HP["view_size"] = 3 * of_table["view_size"]  # nine times as many pixels, so batches and learning rates are smaller
HP["pretrain_batch"] = of_table["pretrain_batch"] // 4
HP |= {name: lr / 4 for name, lr in of_table.items() if name.startswith("lr_")}


def official_split(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, 96, 96) uint8 and labels (n,) from torchvision, which downloads them if needed."""
    found = official(torchvision.datasets.STL10, "stl10_binary", split=split)
    return found.data, found.labels


pretrain_images, pretrain_labels = load_split("unlabeled", HP["pretrain_images"])

# %% tags=["skip-grading"]
train_images, train_labels = load_split("train", HP["finetune_images"])
test_images, test_labels = load_split("test", HP["test_images"])
print(
    f"{len(pretrain_images)} images to pre-train, {len(train_images)} to train, {len(test_images)} to test, "
    f"{tuple(train_images.shape[1:])} each"
)

# %% [markdown]
# ## 1 · Losses
#
# You augment each of the $n$ images of a batch twice. The network maps the first views to $z_i$ and the second views to
# $z_j$, both of shape $(n, d)$; row $k$ of each comes from image $k$. The losses take only these two matrices. They may not
# change their inputs, the global random state, the default dtype or the gradient mode.
#
# ### q1a · NT-Xent ({{points q1a}} points)
#
# *60 minutes · hard*
#
# Concatenate the $2n$ rows. Each row is the *anchor* once. Its *positive* is the other view of the same image; the
# remaining $2n-2$ rows are its *negatives*. For an anchor $a$ with positive $p(a)$,
#
# $$
# \ell_a = -\log \frac{\exp(\mathrm{sim}(z_a, z_{p(a)})/\tau)}
#                     {\sum_{k \ne a} \exp(\mathrm{sim}(z_a, z_k)/\tau)},
# \qquad \mathrm{sim}(u, v) = \frac{u \cdot v}{\lVert u\rVert\,\lVert v\rVert},
# \qquad \mathcal{L} = \frac{1}{2n} \sum_{a=1}^{2n} \ell_a .
# $$
#
# The sum in the denominator runs over the other $2n-1$ rows: the rows of the other view **and** those of the anchor's
# own view. It includes the positive and excludes only the anchor itself. The picture shows this for $n = 3$; each row is
# one anchor.
#
# ![For each anchor, itself is left out, the other view of its image is the positive, all other rows are negatives.](pictures/pairs.png)
#
# **Work in three stages.** The cell below holds two images with two features each, for your trials.
#
# 1. *The cosine of two rows.* For `toy_i[0]` and `toy_j[0]` it is 0.8; the other five pairs of the four rows have 0, 0, 0.6,
#    0.6 and 1.
# 2. *The loss of one anchor by a loop* over the other three rows. With $\tau = 1$, in the order of `toy_i`, then `toy_j`:
#    0.6411, 0.7121, 0.9698, 0.7121. The mean of the four is 0.7588.
# 3. *Without loops.* Compare with stage 2, also on random rows. Between random rows the task is guessing, so the loss is near
#    $\log(2n-1)$: about 6.2 for `torch.randn(256, 128)` and a second such matrix.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Which matrix product gives all cosines at once, and what must you do with the rows before?
# - Which logit must the anchor itself get, so that it adds nothing to the sum of exponentials? It is not 0.
# - In which of the $2n$ rows is the other view of row $k$? Each anchor is a classification with that row as its class.
# - Pitfalls: only the rows of the other view in the denominator; the positive left out of it; a denominator put together
#   with `torch.tensor([...])`, which has the right value and no gradient; rows normalised along the batch; a cosine
#   cut off at 0; the logarithm of the mean for the mean of the logarithms.
#
# </details>
#
# **What the grader checks:** the mean over all $2n$ anchors (both directions); cosine similarity of *any* rows, long or
# short; the correct gradient to `z_i` **and** to `z_j`; a finite loss and gradient for temperatures down to 0.01
# ($\exp(1/0.01)$ overflows in float32); loss 0 for $n = 1$, where the positive is the only candidate; unchanged inputs.
# You may use loops, blocks, `logsumexp` or `cross_entropy`.

# %% tags=["skip-grading"]
toy_i, toy_j = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[4.0, 3.0], [0.0, 2.0]])
# your trials: this cell is not graded


# %% tags=["stub", "q1a"] stub="return the mean loss over all 2n anchors"
def nt_xent(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> torch.Tensor:
    r"""NT-Xent (SimCLR, equation 1), the mean over all 2n anchors.

    .. math:: \frac{1}{2n} \sum_a -\log \frac{\exp(\cos(z_a, z_{p(a)})/\tau)}{\sum_{k \ne a} \exp(\cos(z_a, z_k)/\tau)}

    z_i, z_j: (n, d) float, row k of each is one view of image k; temperature: tau > 0.
    Returns a 0-d tensor that carries a gradient to both inputs.
    """
    ### BEGIN SOLUTION
    n = len(z_i)
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)  # (2n, d)
    logits = z @ z.T / temperature
    itself = torch.eye(2 * n, dtype=torch.bool, device=z.device)
    positive = torch.arange(2 * n, device=z.device).roll(n)  # row k and row k + n are two views of image k
    return F.cross_entropy(logits.masked_fill(itself, -math.inf), positive)
    ### END SOLUTION


# %% tags=["public-tests", "q1a"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1a"
points = None


@test_case(name="one image: the positive is the only candidate")
def test_nt_xent_single(nt_xent):
    import torch

    loss = nt_xent(torch.tensor([[3.0, 4.0]]), torch.tensor([[-1.0, 2.0]]), 0.5)
    assert torch.is_tensor(loss) and loss.shape == (), "Return one number, a 0-d tensor."
    assert abs(loss.item()) < 1e-5, (
        f"With n = 1 each softmax has one candidate, so the loss is 0, not {loss.item():.4f}."
    )


@test_case(name="two orthogonal images, aligned views: log(1 + 2 exp(-1/temperature))")
def test_nt_xent_by_hand(nt_xent):
    import math

    import torch

    z = torch.eye(2)
    for temperature in (1.0, 0.5):
        loss = float(nt_xent(z, z.clone(), temperature))
        # Each anchor sees its positive (cosine 1) and two negatives (cosine 0): -log(e^(1/t) / (e^(1/t) + 2)).
        expected = math.log(1 + 2 * math.exp(-1 / temperature))
        assert abs(loss - expected) < 1e-4, f"Temperature {temperature}: expected {expected:.4f}, got {loss:.4f}."


@test_case(name="cosine: the length of a row does not matter")
def test_nt_xent_scale(nt_xent):
    import torch

    z_i = torch.tensor([[1.0, 2.0], [0.5, -1.0], [2.0, 0.3]])
    z_j = torch.tensor([[0.8, 2.2], [-0.1, -1.0], [1.0, -0.4]])
    stretch = torch.tensor([[0.1], [3.0], [20.0]])
    plain, stretched = float(nt_xent(z_i, z_j, 0.5)), float(nt_xent(z_i * stretch, z_j, 0.5))
    assert abs(plain - stretched) < 1e-4, "Longer rows of z_i change your loss: normalise each row."


@test_case(name="both views get a gradient, and the inputs do not change")
def test_nt_xent_gradient(nt_xent):
    import torch

    z_i = torch.tensor([[1.0, 2.0], [0.5, -1.0], [2.0, 0.3]], requires_grad=True)
    z_j = torch.tensor([[0.8, 2.2], [-0.1, -1.0], [1.0, -0.4]], requires_grad=True)
    before = z_i.detach().clone(), z_j.detach().clone()
    nt_xent(z_i, z_j, 0.5).backward()
    assert torch.equal(z_i, before[0]) and torch.equal(z_j, before[1]), "Your function changes its inputs."
    for z, which in ((z_i, "z_i"), (z_j, "z_j")):
        assert z.grad is not None and z.grad.abs().sum() > 0, f"No gradient reaches {which}."
        # The loss does not change with the length of a row, so the gradient is orthogonal to the row.
        assert (z * z.grad).sum(1).abs().max() < 1e-4, (
            f"Each row of the gradient to {which} must be orthogonal to that row of {which}."
        )


@test_case(name="temperature 0.01 stays finite")
def test_nt_xent_cold(nt_xent):
    import torch

    z = torch.eye(3, requires_grad=True)
    loss = nt_xent(z, torch.eye(3), 0.01)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(z.grad).all(), (
        "exp(1 / 0.01) overflows: use logsumexp or cross_entropy."
    )


# %% [markdown]
# ### q1b · Barlow Twins ({{points q1b}} points)
#
# *25 minutes · easy*
#
# Barlow Twins needs no negatives. It compares *columns*: feature $p$ of the first views should agree with feature $p$
# of the second views and should not correlate with any other feature. With the cross-correlation matrix over the batch,
#
# $$
# C_{pq} = \frac{\sum_b z^A_{bp}\, z^B_{bq}}{\sqrt{\sum_b (z^A_{bp})^2}\,\sqrt{\sum_b (z^B_{bq})^2}} ,
# \qquad
# \mathcal{L} = \sum_p (1 - C_{pp})^2 + \lambda \sum_p \sum_{q \ne p} C_{pq}^2 .
# $$
#
# **What the grader checks:** the equation *as printed above*. Do **not centre** the columns: almost every public
# implementation first subtracts the batch mean (or uses a batch norm), which gives a different function. Both sums are
# sums, not means; λ multiplies only the off-diagonal part; the gradient reaches both inputs.
#
# For `toy_i`, `toy_j` and λ = 0.1 the matrix $C$ is ((1, 0.8321), (0, 0.5547)) and the loss 0.2675.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Write $C$ first, as one matrix product of two matrices whose columns you have scaled. Then take its diagonal out.
# - Pitfalls: rows scaled instead of columns; $C$ divided by $n$ although the roots are there already; the diagonal left in the
#   second sum; λ multiplied into a copy that is not used.
#
# </details>


# %% tags=["stub", "q1b"] stub="return the Barlow Twins loss, uncentred as printed"
def barlow_twins(z_a: torch.Tensor, z_b: torch.Tensor, lambd: float) -> torch.Tensor:
    r"""Barlow Twins (Zbontar et al. 2021, equations 1 and 2), without centring.

    .. math:: \sum_p (1 - C_{pp})^2 + \lambda \sum_p \sum_{q \ne p} C_{pq}^2, \qquad
        C_{pq} = \sum_b z^A_{bp} z^B_{bq} \big/ \sqrt{\sum_b (z^A_{bp})^2} \sqrt{\sum_b (z^B_{bq})^2}

    z_a, z_b: (n, d) float; lambd: weight of the off-diagonal part. Returns a 0-d tensor with a gradient to both inputs.
    """
    ### BEGIN SOLUTION
    correlation = F.normalize(z_a, dim=0).T @ F.normalize(z_b, dim=0)  # (d, d)
    diagonal = torch.diagonal(correlation)
    off_diagonal = correlation - torch.diag(diagonal)
    return (1 - diagonal).square().sum() + lambd * off_diagonal.square().sum()
    ### END SOLUTION


# %% tags=["public-tests", "q1b"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1b"
points = None


@test_case(name="perfect twins: C is the identity, loss 0")
def test_barlow_identity(barlow_twins):
    import torch

    z = torch.tensor([[1.0, 0.0], [0.0, 5.0]])
    loss = barlow_twins(z, z.clone(), 0.5)
    assert torch.is_tensor(loss) and loss.shape == (), "Return one number, a 0-d tensor."
    assert abs(loss.item()) < 1e-5, (
        f"The columns are orthogonal and equal in both views: the loss is 0, not {loss.item():.4f}. "
        "Do not centre the columns."
    )


@test_case(name="opposite twins: each diagonal entry adds 4")
def test_barlow_opposite(barlow_twins):
    import torch

    z = torch.tensor([[1.0, 0.0], [0.0, 5.0]])
    loss = float(barlow_twins(z, -z, 0.5))
    assert abs(loss - 8) < 1e-4, f"C has -1 on its diagonal: the loss is 2 * (1 - (-1))^2 = 8, not {loss:.4f}."


@test_case(name="two copies of one feature: only the off-diagonal part")
def test_barlow_off_diagonal(barlow_twins):
    import torch

    z = torch.tensor([[1.0, 3.0], [2.0, 6.0], [-1.0, -3.0]])
    for lambd in (0.5, 0.1):
        loss = float(barlow_twins(z, z.clone(), lambd))
        assert abs(loss - 2 * lambd) < 1e-4, f"All entries of C are 1: the loss is 2 * {lambd}, not {loss:.4f}."


@test_case(name="both views get a gradient, and the inputs do not change")
def test_barlow_gradient(barlow_twins):
    import torch

    z_a = torch.tensor([[1.0, 2.0], [0.5, -1.0], [2.0, 0.3]], requires_grad=True)
    z_b = torch.tensor([[0.8, 2.2], [-0.1, -1.0], [1.0, -0.4]], requires_grad=True)
    before = z_a.detach().clone(), z_b.detach().clone()
    barlow_twins(z_a, z_b, 0.1).backward()
    assert torch.equal(z_a, before[0]) and torch.equal(z_b, before[1]), "Your function changes its inputs."
    for z, which in ((z_a, "z_a"), (z_b, "z_b")):
        assert z.grad is not None and z.grad.abs().sum() > 0, f"No gradient reaches {which}."
        # C does not change with the length of a column, so the gradient is orthogonal to the column.
        assert (z * z.grad).sum(0).abs().max() < 1e-4, f"The gradient to {which} ignores the normalisation."


# %% [markdown]
# ### q1c · NT-Xent with distances ({{points q1c}} points)
#
# *30 minutes · medium*
#
# This loss has the same softmax, positives and negatives. Its similarity is minus the distance:
#
# $$ \mathrm{sim}(u, v) = -\lVert u - v \rVert_2 \quad\text{on the raw rows, not normalised.} $$
#
# **What the grader checks:** value and gradient as above, and **finite gradients when a distance is 0**: two rows can
# be equal, and every row has distance 0 to itself. The derivative of $\sqrt{x}$ at 0 is infinite, and infinity times
# zero is `nan`; use 0 as the gradient of a distance at 0. Be careful with `torch.cdist` on more than 25 rows: by
# default it uses a matrix product and returns about 0.01 for equal rows.
#
# For `toy_i`, `toy_j` and $\tau = 1$ the four anchors have the losses 1.9613, 0.2788, 0.7013 and 0.1862; their mean is 0.7819.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Only the matrix of similarities differs from q1a.
# - `z[:, None] - z[None]` holds all differences. Which norm in `torch.linalg` has the gradient 0 at 0?
# - Pitfalls: the squared distance; a plus sign; rows normalised as in q1a; a small number added under the root, which changes
#   the value.
#
# </details>


# %% tags=["stub", "q1c"] stub="return NT-Xent with minus the Euclidean distance as similarity"
def nt_xent_euclidean(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> torch.Tensor:
    r"""NT-Xent with :math:`\mathrm{sim}(u, v) = -\lVert u - v \rVert_2` on raw rows, the mean over all 2n anchors.

    .. math:: \frac{1}{2n} \sum_a -\log
        \frac{\exp(-\lVert z_a - z_{p(a)} \rVert/\tau)}{\sum_{k \ne a} \exp(-\lVert z_a - z_k \rVert/\tau)}

    z_i, z_j: (n, d) float, row k of each is one view of image k; temperature: tau > 0.
    Returns a 0-d tensor that carries a finite gradient to both inputs.
    """
    ### BEGIN SOLUTION
    n = len(z_i)
    z = torch.cat([z_i, z_j])
    distances = torch.linalg.vector_norm(z[:, None] - z[None], dim=2)  # (2n, 2n); its gradient at distance 0 is 0
    itself = torch.eye(2 * n, dtype=torch.bool, device=z.device)
    positive = torch.arange(2 * n, device=z.device).roll(n)
    return F.cross_entropy((-distances / temperature).masked_fill(itself, -math.inf), positive)
    ### END SOLUTION


# %% tags=["public-tests", "q1c"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1c"
points = None


@test_case(name="two images on a line, 3 apart: log(1 + 2 exp(-3))")
def test_euclidean_by_hand(nt_xent_euclidean):
    import math

    import torch

    z = torch.tensor([[1.0], [4.0]])
    loss = nt_xent_euclidean(z, z.clone(), 1.0)
    assert torch.is_tensor(loss) and loss.shape == (), "Return one number, a 0-d tensor."
    # Each anchor sees its positive at distance 0 and two negatives at distance 3.
    expected = math.log(1 + 2 * math.exp(-3))
    assert abs(loss.item() - expected) < 1e-4, f"-log(1 / (1 + 2 exp(-3))) = {expected:.4f}, got {loss.item():.4f}."


@test_case(name="a shift of all rows keeps the loss, longer rows change it")
def test_euclidean_raw(nt_xent_euclidean):
    import torch

    z_i = torch.tensor([[1.0, 2.0], [0.5, -1.0], [2.0, 0.3]])
    z_j = torch.tensor([[0.8, 2.2], [-0.1, -1.0], [1.0, -0.4]])
    loss = float(nt_xent_euclidean(z_i, z_j, 0.5))
    shifted = float(nt_xent_euclidean(z_i + 7, z_j + 7, 0.5))
    assert abs(loss - shifted) < 1e-3, (
        "A shift of all rows keeps every distance, but your loss changed: do not normalise."
    )
    assert abs(loss - float(nt_xent_euclidean(3 * z_i, 3 * z_j, 0.5))) > 1e-2, (
        "Longer rows have larger distances, but your loss did not change."
    )


@test_case(name="equal views: finite gradients")
def test_euclidean_coincident(nt_xent_euclidean):
    import torch

    z_i = torch.tensor([[1.0, 2.0], [0.5, -1.0]], requires_grad=True)
    z_j = z_i.detach().clone().requires_grad_()
    nt_xent_euclidean(z_i, z_j, 0.5).backward()
    for z, which in ((z_i, "z_i"), (z_j, "z_j")):
        assert z.grad is not None and torch.isfinite(z.grad).all(), (
            f"The gradient to {which} is not finite at distance 0."
        )
        assert z.grad.abs().sum() > 0, f"No gradient reaches {which}."


# %% [markdown]
# ## 2 · Model
#
# ### q2 · Encoder and projection head ({{points q2}} points)
#
# *25 minutes · easy*
#
# $$
# x \;\xrightarrow{\;f\;}\; h = f(x) \in \mathbb{R}^{512}
#   \;\xrightarrow{\;g\;}\; z = g(h) = W_2\,\mathrm{ReLU}(W_1 h + b_1) + b_2
# $$
#
# The **encoder** $f$ is torchvision's `resnet18(weights=None)`, adapted to small images. ImageNet's stem (7×7
# convolution with stride 2, then max-pooling) would reduce 32×32 to 8×8 before the first block. Therefore
#
# - the first convolution is `Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)`,
# - there is no max-pooling,
# - there is no classification layer `fc`: the encoder ends with the 512 averaged features $h$.
#
# The **projection head** $g$ is `Linear(512, 512)`, ReLU, `Linear(512, projection_dim)`, with biases and without batch
# norm. The losses use $z$; everything after pre-training uses $h$.
#
# **What the grader checks:** `forward` returns the pair `(h, z)` in this order, for any batch size, in train and eval
# mode. Name the two parts `self.encoder` and `self.projection`. Do not normalise $z$: NT-Xent does it, and the other
# losses need the raw $z$. The encoder has 11,168,832 parameters, the head with 128 outputs 328,320.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `print(torchvision.models.resnet18())` shows the names of its parts. You can assign another module to a name; one module
#   of `torch.nn` returns its input.
# - Pitfalls: the max-pooling or the 7×7 stem is still there; $h$ taken after `fc`; $z$ returned twice; layers in a plain
#   Python list, whose parameters the optimiser does not find.
#
# </details>


# %% tags=["stub", "q2"] stub="build the encoder and the projection head, return (h, z)"
class SimCLR(nn.Module):
    r"""ResNet-18 encoder with the CIFAR stem and a two-layer projection head: :math:`h = f(x),\ z = g(h)`."""

    def __init__(self, projection_dim: int = 128):
        super().__init__()
        ### BEGIN SOLUTION
        self.encoder = torchvision.models.resnet18(weights=None)
        self.encoder.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        self.encoder.maxpool = nn.Identity()
        self.encoder.fc = nn.Identity()
        self.projection = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, projection_dim))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x: (n, 3, 32, 32) -> (h, z): the features (n, 512) and the projections (n, projection_dim)."""
        ### BEGIN SOLUTION
        h = self.encoder(x)
        return h, self.projection(h)
        ### END SOLUTION


# %% tags=["public-tests", "q2"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q2"
points = None


@test_case(name="shapes of (h, z)")
def test_model_shapes(SimCLR):
    import torch

    out = SimCLR(projection_dim=32)(torch.rand(3, 3, 32, 32))
    assert isinstance(out, tuple) and len(out) == 2, "forward returns the pair (h, z)."
    assert out[0].shape == (3, 512), f"h is (n, 512), got {tuple(out[0].shape)}."
    assert out[1].shape == (3, 32), f"z is (n, projection_dim), got {tuple(out[1].shape)}."


@test_case(name="number of parameters")
def test_model_parameters(SimCLR):
    parts = {
        "encoder": (11_168_832, "resnet18 without fc and with the 3x3 stem"),
        "projection": (512 * 512 + 512 + 512 * 128 + 128, "two linear layers with biases"),
    }
    model = SimCLR()
    for part, (expected, what) in parts.items():
        count = sum(p.numel() for p in getattr(model, part).parameters())
        assert count == expected, f"self.{part} has {count:,} parameters, expected {expected:,}: {what}."


@test_case(name="the stem keeps the resolution")
def test_model_stem(SimCLR):
    import torch
    from torch import nn

    model = SimCLR().eval()
    seen = []
    for layer in model.encoder.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(
                lambda _, inputs, out: seen.append((tuple(inputs[0].shape[2:]), tuple(out.shape[2:])))
            )
    with torch.no_grad():
        model(torch.rand(1, 3, 32, 32))
    assert seen and seen[0] == ((32, 32), (32, 32)), f"The first convolution maps 32x32 to {seen[0][1]}: use stride 1."
    assert seen[1][0] == (32, 32), f"The second convolution gets {seen[1][0]}: remove the max-pooling."


# %% [markdown]
# ## 3 · Two views of an image
#
# ### q3 · Augmentation, data set, loader, optimiser ({{points q3}} points)
#
# *60 minutes · medium*
#
# The augmentations decide what SimCLR learns: the network ignores what they change and keeps what they preserve. With
# $t, t'$ drawn independently from one family of augmentations,
#
# $$ x_i = t(x), \qquad x_j = t'(x). $$
#
# Why must the colours change? Two crops of one image have almost the same colours, and crops of two images have not. A
# network could find the pairs by their colour histograms alone, and would learn nothing about shapes:
#
# ![Colour histograms of two crops of one image are alike, those of another image differ; after colour jitter they tell nothing.](pictures/shortcut.png)
#
# **`simclr_transform(size, strength, blur)`** returns a callable that maps one uint8 image `(3, H, W)` to a float32
# tensor `(3, size, size)`. Its steps (all are in `torchvision.transforms.v2`, imported as `v2`):
#
# 1. random resized crop to `size`, area scale 0.2 to 1
# 2. horizontal flip with probability 0.5
# 3. with probability 0.8, colour jitter: brightness, contrast, saturation 0.8 · `strength`, hue
#    0.2 · `strength`
# 4. grayscale with probability 0.2 (still three channels)
# 5. if `blur`: Gaussian blur with probability 0.5
# 6. to float in [0, 1], then normalise with `MEAN` and `STD`
#
# <details><summary>Hints and common pitfalls of q3</summary>
#
# - `v2.Compose` chains steps, `v2.RandomApply` applies some with a probability. The kernel of a blur is odd and about a tenth
#   of the image.
# - `TwoViews.__getitem__`: how often must you call the transform to get two *independent* views?
# - `make_optimizer`: write $\eta_s/\eta$ as a function of $s$ for `LambdaLR`. With $\eta = 2$, $w = 2$, $T = 4$ the rates are 1, 2,
#   2, 1.
# - Pitfalls: one draw for both views, or for the whole batch; normalised before the pixels are in [0, 1]; the last batch
#   dropped; a warm-up whose first rate is 0; $w = 0$ divides by zero.
#
# </details>


# %% tags=["stub", "q3"] stub="return the callable that augments one image"
def simclr_transform(size: int = 32, strength: float = 0.5, blur: bool = False):
    r"""SimCLR's random augmentation (Chen et al. 2020, appendix A): :math:`x \mapsto t(x)`, a new draw at each call.

    Returns a callable: one uint8 image (3, H, W) -> float32 (3, size, size), normalised with MEAN and STD.
    """
    ### BEGIN SOLUTION
    jitter = v2.ColorJitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength)
    steps = [
        v2.RandomResizedCrop(size, scale=(0.2, 1.0), antialias=True),
        v2.RandomHorizontalFlip(p=0.5),
        v2.RandomApply([jitter], p=0.8),
        v2.RandomGrayscale(p=0.2),
    ]
    if blur:
        kernel = max(3, size // 10 // 2 * 2 + 1)  # about a tenth of the image, odd
        steps.append(v2.RandomApply([v2.GaussianBlur(kernel, sigma=(0.1, 2.0))], p=0.5))
    return v2.Compose([*steps, v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
    ### END SOLUTION


# %% [markdown]
# **`TwoViews`** is a data set: element $k$ is `((view_i, view_j), label)`, two *independent* augmentations of the same
# image and its label. Pre-training does not use the label.


# %% tags=["stub", "q3"] stub="store the data, return ((view_i, view_j), label)"
class TwoViews(Dataset):
    r"""Two independent views of each image: :math:`k \mapsto ((t(x_k), t'(x_k)), y_k)`.

    images: (n, 3, H, W) uint8; labels: (n,) int64; transform: one image -> one view.
    """

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, transform):
        ### BEGIN SOLUTION
        self.images, self.labels, self.transform = images, labels, transform
        ### END SOLUTION

    def __len__(self) -> int:
        ### BEGIN SOLUTION
        return len(self.images)
        ### END SOLUTION

    def __getitem__(self, k: int) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
        ### BEGIN SOLUTION
        image = self.images[k]
        return (self.transform(image), self.transform(image)), self.labels[k]
        ### END SOLUTION


# %% [markdown]
# **`pretrain_loader`** returns a loader of shuffled batches `((x_i, x_j), labels)` and keeps the last, smaller batch.


# %% tags=["stub", "q3"] stub="return a shuffled DataLoader over TwoViews"
def pretrain_loader(
    images: torch.Tensor, labels: torch.Tensor, transform, batch_size: int, num_workers: int = 0
) -> DataLoader:
    """Shuffled batches ((x_i, x_j), labels), including the smaller last one; x_i, x_j: (b, 3, size, size)."""
    ### BEGIN SOLUTION
    return DataLoader(TwoViews(images, labels, transform), batch_size, shuffle=True, num_workers=num_workers)
    ### END SOLUTION


# %% [markdown]
# **`make_optimizer`** returns SGD with momentum 0.9 over all parameters, and a scheduler that you step **once per
# batch**. With $w$ = `warmup_steps` and $T$ = `total_steps`, step $s = 0, 1, 2, \dots$ uses the learning rate
#
# $$
# \eta_s = \begin{cases}
#   \eta\,(s+1)/w & s < w \\[2pt]
#   \tfrac12\,\eta\,\bigl(1 + \cos\bigl(\pi\,\tfrac{s-w}{T-w}\bigr)\bigr) & s \ge w .
# \end{cases}
# $$


# %% tags=["stub", "q3"] stub="return (SGD optimizer, per-batch warm-up and cosine scheduler)"
def make_optimizer(model: nn.Module, lr: float, weight_decay: float, warmup_steps: int, total_steps: int):
    r"""SGD with momentum 0.9 and its scheduler: linear warm-up, then a cosine to 0, one scheduler step per batch.

    .. math:: \eta_s = \eta (s+1)/w \ (s < w), \qquad \eta_s = \eta (1 + \cos(\pi (s-w)/(T-w)))/2 \ (s \ge w)

    Returns (optimizer, scheduler).
    """
    ### BEGIN SOLUTION
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=weight_decay)

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
        return (1 + math.cos(math.pi * min(1.0, progress))) / 2

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    ### END SOLUTION


# %% tags=["public-tests", "q3"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q3"
points = None


@test_case(name="a view is float32, normalised, (3, size, size) and new at each call")
def test_transform(simclr_transform, MEAN, STD):
    import torch

    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    before = image.clone()
    for size, blur in ((32, False), (16, False), (32, True)):
        transform = simclr_transform(size=size, blur=blur)
        first, second = transform(image), transform(image)
        assert first.shape == (3, size, size), (
            f"With size={size} a view is (3, {size}, {size}), got {tuple(first.shape)}."
        )
        assert first.dtype == torch.float32, f"A view is float32, got {first.dtype}."
        assert not torch.equal(first, second), "Two calls return the same view: the augmentation must be random."
        pixels = first * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
        assert pixels.min() > -1e-3 and pixels.max() < 1 + 1e-3, "Scale to [0, 1], then normalise with MEAN and STD."
    assert torch.equal(image, before), "Your transform changes its input image."


@test_case(name="TwoViews: the same image twice, with its label")
def test_two_views(TwoViews):
    import torch

    images = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 3, 8, 8).contiguous()
    data = TwoViews(images, torch.arange(10, 15), lambda image: image.float() + torch.rand(()) * 0.5)
    assert len(data) == 5, "len() is the number of images."
    (view_i, view_j), label = data[3]
    assert int(label) == 13, "The label belongs to the same index as the image."
    assert int(view_i.min()) == int(view_j.min()) == 3, "Both views come from image k."
    assert not torch.equal(view_i, view_j), "Call the transform twice: two independent views."


@test_case(name="the loader keeps every image and shuffles")
def test_loader(pretrain_loader):
    import torch

    loader = pretrain_loader(torch.zeros(70, 3, 4, 4, dtype=torch.uint8), torch.arange(70), lambda x: x.float(), 32)
    batches = [(x_i.shape, x_j.shape, labels) for (x_i, x_j), labels in loader]
    assert [len(labels) for *_, labels in batches] == [32, 32, 6], "Keep the last, smaller batch."
    assert all(a == b == (len(y), 3, 4, 4) for a, b, y in batches), "A batch is ((x_i, x_j), labels)."
    order = torch.cat([labels for *_, labels in batches]).tolist()
    assert sorted(order) == list(range(70)), "Each image must come once per epoch."
    assert order != list(range(70)), "Shuffle the images."


@test_case(name="learning rates of four steps, two of them warm-up")
def test_optimizer(make_optimizer):
    import torch
    from torch import nn

    model = nn.Linear(2, 1)
    optimizer, scheduler = make_optimizer(model, lr=2.0, weight_decay=0.1, warmup_steps=2, total_steps=4)
    assert isinstance(optimizer, torch.optim.SGD), "The optimiser is torch.optim.SGD."
    groups = optimizer.param_groups
    assert sum(len(g["params"]) for g in groups) == 2, "The optimiser needs all parameters of the model."
    assert all(g["momentum"] == 0.9 and g["weight_decay"] == 0.1 for g in groups), "Use momentum 0.9 and weight_decay."
    rates = []
    for _ in range(4):
        rates.append(round(groups[0]["lr"], 4))
        optimizer.step()
        scheduler.step()
    assert rates == [1.0, 2.0, 2.0, 1.0], f"With lr = 2 the rates are 1, 2 (warm-up), then 2, 1 (cosine); got {rates}."


# %% [markdown]
# ### What the network sees
#
# The figure shows eight images and two views of each. Can *you* tell which views belong together? What tells you?

# %% tags=["skip-grading"]
seed_everything(HP["seed"])
at_full_size = simclr_transform(train_images.shape[-1], HP["jitter_strength"])
save_figure(plot_two_views(train_images, train_labels, at_full_size), "two_views")

# %% [markdown]
# ## 4 · Pre-training
#
# ### q4 · One epoch ({{points q4}} points)
#
# *30 minutes · medium*
#
# For each batch, forward **both** views (one after the other, or concatenated), compute the loss of their projections
# and update the parameters:
#
# $$ g_s = \nabla_\theta \mathcal{L}(z_i, z_j), \qquad \theta_{s+1} = \mathrm{SGD}(\theta_s, g_s, \eta_s), $$
#
# These are four calls in a correct order: clear the old gradients, `backward`, `optimizer.step()`, `scheduler.step()`.
# Return the mean loss **per image**, so that a last batch of 16 counts less than a batch of 512:
#
# $$ \bar{\mathcal{L}} = \frac{\sum_b n_b\, \mathcal{L}_b}{\sum_b n_b} . $$
#
# **What the grader checks:** train mode (the model may arrive in eval mode); one scheduler step per batch, after the
# optimiser's step; the loss of $z$, not of $h$; the weighted mean as a Python float; no graph kept from batch to batch
# (add up `loss.item()`, not `loss`); the parameters after several batches. `loader` may be any iterable of batches.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - First write the step for one batch, and look at the loss: a new network has about $\log(2n-1)$. Then add the loop and the mean.
# - Pitfalls: one view used twice; gradients cleared between `backward` and the step; `scheduler.step()` once an epoch, or
#   before the optimiser's step; the mean of the batches' losses, although the last batch is smaller.
#
# </details>


# %% tags=["stub", "q4"] stub="train on every batch, return the mean loss per image"
def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu") -> float:
    r"""One pass over ``loader``: :math:`\theta \leftarrow \mathrm{SGD}(\theta, \nabla_\theta \mathcal{L}(z_i, z_j))`.

    loader yields ((x_i, x_j), labels); model(x) -> (h, z); loss_fn(z_i, z_j) -> 0-d tensor.
    Returns the mean loss per image, :math:`\sum_b n_b \mathcal{L}_b / \sum_b n_b`.
    """
    batches = tqdm(loader, desc="pre-train", leave=False)  # batches.set_postfix(loss=...) shows a running loss
    ### BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for (x_i, x_j), _ in batches:
        _, z_i = model(x_i.to(device))
        _, z_j = model(x_j.to(device))
        loss = loss_fn(z_i, z_j)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(x_i)
        count += len(x_i)
        batches.set_postfix(loss=f"{total / count:.4f}")
    return total / count
    ### END SOLUTION


# %% tags=["public-tests", "q4"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q4"
points = None


def setting(lr):
    """A model with one weight w = 1: h = -x, z = w x; a batch of two images, one of one; each step halves the rate."""
    import torch
    from torch import nn

    class OneWeight(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(1))
            self.modes = []

        def forward(self, x):
            self.modes.append(self.training)
            return -x, self.w * x

    model = OneWeight().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    ones = torch.ones(2, 1)
    batches = [((ones, 3 * ones), torch.zeros(2)), ((2 * ones[:1], 8 * ones[:1]), torch.zeros(1))]
    return model, batches, optimizer, scheduler


def half_sum(z_i, z_j):
    return (z_i + z_j).mean() / 2


@test_case(name="mean loss per image, by hand")
def test_epoch_mean(train_one_epoch):
    loss = train_one_epoch(*setting(lr=0.0), half_sum)
    # Two images with loss (1 + 3) / 2 = 2 and one with (2 + 8) / 2 = 5.
    assert abs(float(loss) - 3) < 1e-5, f"(2 images * 2 + 1 image * 5) / 3 images = 3, got {float(loss):.4f}."
    assert isinstance(loss, float), "Return a Python float: a tensor keeps the graph of the epoch in memory."


@test_case(name="two steps by hand")
def test_epoch_steps(train_one_epoch):
    model, batches, optimizer, scheduler = setting(lr=0.1)
    train_one_epoch(model, batches, optimizer, scheduler, half_sum)
    # Gradients 2 and 5, rates 0.1 and 0.05: 1 - 0.2 - 0.25.
    w = model.w.item()
    assert abs(w - 0.55) < 1e-5, (
        f"1 - 0.1 * 2 - 0.05 * 5 = 0.55, but your weight is {w:.4f}: check zero_grad and the scheduler step."
    )


@test_case(name="train mode, both views, one scheduler step per batch")
def test_epoch_mode(train_one_epoch):
    model, batches, optimizer, scheduler = setting(lr=0.1)
    train_one_epoch(model, batches, optimizer, scheduler, half_sum)
    assert model.modes and all(model.modes), "Put the model into train mode."
    assert scheduler.last_epoch == 2, f"Two batches need two scheduler steps, you make {scheduler.last_epoch}."


# %% [markdown]
# ### Whole batches at once (given)
#
# `TwoViews` augments one image at a time on the CPU; with two CPU cores, a GPU would wait. The folded code draws
# **from the same family of augmentations for a whole batch on the device**, with separate random numbers for each
# image. This is several times faster. Cropping and scaling is one affine map per image; brightness, contrast,
# saturation, hue and grayscale are linear in (r, g, b), so their product is one 3×3 matrix. The row `views` of the
# table chooses `"yours"` or `"batched"`.
#
# ### The driver (given)
#
# The driver is folded code, too. It makes your loop fast and lets it resume after a lost session.
#
# **Precision.** GPUs and some CPUs compute faster in half precision: recent ones in bfloat16, older GPUs such as
# Colab's T4 in float16. On these, `InPrecision` runs the model in half precision and returns float32, so your loop does
# not change. On other devices the model computes in float32.
#
# **Checkpoints.** After every epoch the driver writes weights, optimiser, scheduler, the states of all random
# generators and the history to `run/<name>_last.pt`. It writes a temporary file first and then renames it, so a session
# that dies while writing does not damage the checkpoint. Run the training cell again to resume after the last complete
# epoch. If you change hyper-parameters, the training starts again and keeps the old file as `<name>_previous.pt`. **If
# you change your code, set `restart=True`**; the driver tells you if you forget it.
#
# **`pretrain`** calls your `train_one_epoch` and keeps the weights of the epoch with the lowest mean loss as
# `simclr_best_epoch.pt`. The row `loss` of the table chooses the loss; each loss has its own learning rate.
#
# ### Run it
#
# This takes a while. If the session is lost, run the cell again. The loss starts near $\log(2n-1)$, random guessing (the
# dotted line), and falls. With the profile `cpu` guessing is 6.24, and the solution's loss is 5.38 after epoch 1 and 4.89
# after epoch 6. A loss that stays at the line: do the parameters change, and does the gradient reach both views?

# %% tags=["skip-grading"]
pretrain_history = pretrain(
    pretrain_images,
    pretrain_labels,
    loss=HP["loss"],
    epochs=HP["pretrain_epochs"],
    restart=False,  # True: discard the last run, for example after you changed a loss
)
update_metrics(pretrain=pretrain_history)
print(f"{len(pretrain_history)} epochs, loss {pretrain_history[0]['loss']:.3f} -> {pretrain_history[-1]['loss']:.3f}")
figure = plot_history(pretrain_history, HP["loss"], mean_loss_per_image="loss", learning_rate="lr")
if HP["loss"].startswith("nt_xent"):
    figure.axes[0].axhline(math.log(2 * HP["pretrain_batch"] - 1), color="gray", linestyle=":")  # guessing
save_figure(figure, "pretrain_loss")

# %% [markdown]
# ### The same loop with another loss
#
# Your loop works with any loss. This short run trains with Barlow Twins and shows its curve, which has another scale:
# do not compare its values with those of NT-Xent. To use it for the full pre-training, set `"loss"` in the table. In a run with
# 25,000 images and the other settings of `cpu` the solution's loss was 40.0 in epoch 1 and 31.1 in epoch 2.

# %% tags=["skip-grading"]
if HP["other_epochs"]:
    other_history = pretrain(
        pretrain_images[: HP["other_images"]],
        pretrain_labels[: HP["other_images"]],
        loss=HP["other_loss"],
        epochs=HP["other_epochs"],
        name=HP["other_loss"],
    )
    save_figure(plot_history(other_history, HP["other_loss"], mean_loss_per_image="loss"), "other_loss")
else:
    print(f"skipped in the profile {PROFILE}")

# %% [markdown]
# ## 5 · Fine-tuning
#
# ### q5 · From features to classes ({{points q5}} points)
#
# *60 minutes · medium*
#
# Now you use the labels. Replace the projection head by one linear layer on $h$ that gives ten logits, and train
# **all** parameters:
#
# $$ \hat y = \mathrm{softmax}(W h + b), \qquad h = f(x), \qquad \mathcal{L} = -\frac1n \sum_k \log \hat y_{k, y_k}. $$
#
# **`finetune_transforms`** returns two transforms. For training: a random crop with 4 pixels of (zero) padding and a
# horizontal flip with probability 0.5. For testing: nothing random. Both return float32, normalised with `MEAN` and
# `STD`.
#
# <details><summary>Hints and common pitfalls of q5</summary>
#
# - `finetune_loaders`: a small `Dataset` as in q3, or a `DataLoader` whose `collate_fn` applies the transform.
# - `evaluate`: add up numbers of images, and divide once at the end. `topk` gives the five largest logits of each row.
# - A new network has a loss of 2.3 to 2.5 (guessing is $\log 10 = 2.30$), top-1 about 0.1 and top-5 about 0.5.
# - Pitfalls: softmax before `F.cross_entropy`, which has its own; $z$ instead of $h$; test images shuffled or augmented;
#   evaluation in train mode or with gradients; accuracies of batches averaged; percent instead of shares.
#
# </details>


# %% tags=["stub", "q5"] stub="return (train_transform, test_transform)"
def finetune_transforms(size: int = 32):
    r"""(train_transform, test_transform), each: one uint8 image (3, H, W) -> float32 (3, size, size), normalised.

    Training: random crop to ``size`` with 4 pixels of padding, horizontal flip. Test: deterministic,
    :math:`(x/255 - \mathrm{MEAN})/\mathrm{STD}`.
    """
    ### BEGIN SOLUTION
    normalise = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    train = v2.Compose([v2.RandomCrop(size, padding=4), v2.RandomHorizontalFlip(), *normalise])
    return train, v2.Compose([v2.CenterCrop(size), *normalise])  # the crop changes nothing when H = W = size
    ### END SOLUTION


# %% [markdown]
# **`finetune_loaders`** returns two loaders of batches `(x, y)` with your two transforms: training images shuffled,
# test images in order. Do not drop any image.


# %% tags=["stub", "q5"] stub="return (train_loader, test_loader)"
def finetune_loaders(
    train_images: torch.Tensor,
    train_labels: torch.Tensor,
    test_images: torch.Tensor,
    test_labels: torch.Tensor,
    batch_size: int,
) -> tuple[DataLoader, DataLoader]:
    """(train_loader, test_loader), yielding (x, y): x (b, 3, H, W) float32, y (b,) int64. Images come as uint8."""
    ### BEGIN SOLUTION
    train_transform, test_transform = finetune_transforms(train_images.shape[-1])

    def loader(images, labels, transform, shuffle):
        def collate(rows):
            return torch.stack([transform(image) for image, _ in rows]), torch.stack([label for _, label in rows])

        return DataLoader(TensorDataset(images, labels), batch_size, shuffle=shuffle, collate_fn=collate)

    return (
        loader(train_images, train_labels, train_transform, shuffle=True),
        loader(test_images, test_labels, test_transform, shuffle=False),
    )
    ### END SOLUTION


# %% [markdown]
# **`Classifier`** takes a (pre-trained) SimCLR model and puts one linear layer on its $h$. Use `simclr.encoder` or
# `simclr(x)[0]`: the grader's test model has both. Freeze nothing.


# %% tags=["stub", "q5"] stub="one linear layer on the features h of simclr"
class Classifier(nn.Module):
    r"""Logits :math:`W f(x) + b` on the features :math:`h = f(x)` (n, 512) of a SimCLR model; everything trains."""

    def __init__(self, simclr: nn.Module, num_classes: int = 10):
        super().__init__()
        ### BEGIN SOLUTION
        self.encoder = simclr.encoder
        self.linear = nn.Linear(512, num_classes)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (n, 3, H, W) -> logits (n, num_classes), without softmax."""
        ### BEGIN SOLUTION
        return self.linear(self.encoder(x))
        ### END SOLUTION


# %% [markdown]
# **`finetune_one_epoch`** is the loop of q4 with cross-entropy. It returns the mean loss per image and the top-1
# accuracy **in [0, 1]** (0.5, not 50). Measure both on each training batch before its step.


# %% tags=["stub", "q5"] stub="train on every batch, return (mean loss per image, top-1)"
def finetune_one_epoch(model, loader, optimizer, scheduler, device="cpu") -> tuple[float, float]:
    r"""One pass over ``loader`` of (x, y) with cross-entropy, one scheduler step per batch.

    Returns (mean cross-entropy per image, top-1 accuracy in [0, 1]) of the training batches, each before its step:
    :math:`\sum_b n_b \mathcal{L}_b / \sum_b n_b` and :math:`\#\{k : y_k = \arg\max_c \mathrm{logits}_{kc}\} / n`.
    """
    batches = tqdm(loader, desc="fine-tune", leave=False)
    ### BEGIN SOLUTION
    model.train()
    total, correct, count = 0.0, 0, 0
    for x, y in batches:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(y)
        correct += (logits.argmax(1) == y).sum().item()
        count += len(y)
        batches.set_postfix(loss=f"{total / count:.4f}", top1=f"{correct / count:.3f}")
    return total / count, correct / count
    ### END SOLUTION


# %% [markdown]
# **`evaluate`** runs in eval mode, without gradients, and is *exact*: every image counts once, also in a smaller last
# batch, so do not average the accuracies of batches. Top-5 counts the images whose correct class is among the five
# largest logits.


# %% tags=["stub", "q5"] stub="return (mean loss per image, top-1, top-5) in eval mode"
def evaluate(model, loader, device="cpu") -> tuple[float, float, float]:
    r"""(mean cross-entropy per image, top-1, top-5 in [0, 1]) over all images of ``loader``, in eval mode.

    :math:`\mathrm{top}_m = \#\{k : y_k \text{ among the } m \text{ largest logits of } x_k\} / n`.
    """
    ### BEGIN SOLUTION
    model.eval()
    total, top1, top5, count = 0.0, 0, 0, 0
    with torch.no_grad():
        for x, y in tqdm(loader, desc="evaluate", leave=False):
            x, y = x.to(device), y.to(device)
            logits = model(x)
            total += F.cross_entropy(logits, y, reduction="sum").item()
            hits = logits.topk(min(5, logits.shape[1])).indices == y[:, None]  # (b, 5), most likely class first
            top1 += hits[:, 0].sum().item()
            top5 += hits.sum().item()
            count += len(y)
    return total / count, top1 / count, top5 / count
    ### END SOLUTION


# %% tags=["public-tests", "q5"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q5"
points = None


def lookup_table(logits):
    """A model that returns row int(x[k, 0, 0, 0]) of ``logits`` and records how it is called."""
    import torch
    from torch import nn

    class LookUp(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(torch.tensor(logits))
            self.calls = []

        def forward(self, x):
            self.calls.append((self.training, torch.is_grad_enabled()))
            return self.table[x[:, 0, 0, 0].long()]

    return LookUp()


def batches_of(rows, labels, size):
    import torch

    x, y = torch.tensor(rows).float()[:, None, None, None].expand(-1, 3, 2, 2), torch.tensor(labels)
    return list(zip(x.split(size), y.split(size), strict=True))


@test_case(name="transforms: a white image; only training is random")
def test_finetune_transforms(finetune_transforms, MEAN, STD):
    import torch

    train, test = finetune_transforms()
    white = test(torch.full((3, 32, 32), 255, dtype=torch.uint8))
    expected = (1 - torch.tensor(MEAN)) / torch.tensor(STD)
    assert white.shape == (3, 32, 32) and white.dtype == torch.float32, "Return float32 of shape (3, 32, 32)."
    assert torch.allclose(white[:, 5, 5], expected, atol=1e-4), "A white pixel becomes (1 - MEAN) / STD."
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    assert torch.equal(test(image), test(image)), "The test transform must not be random."
    views = [train(image) for _ in range(6)]
    assert all(view.shape == (3, 32, 32) for view in views), "The training transform keeps 32x32."
    assert any(not torch.equal(views[0], view) for view in views[1:]), "The training transform must be random."


@test_case(name="loaders: all images, training shuffled, test in order")
def test_finetune_loaders(finetune_loaders):
    import torch

    images = torch.zeros(50, 3, 32, 32, dtype=torch.uint8)
    train, test = finetune_loaders(images, torch.arange(50), images[:20], torch.arange(20), 16)
    seen = torch.cat([y for _, y in train]).tolist()
    assert sorted(seen) == list(range(50)) and seen != sorted(seen), "Yield each training image once, shuffled."
    assert torch.cat([y for _, y in test]).tolist() == list(range(20)), "Yield each test image once, in order."
    x, y = next(iter(test))
    assert x.shape == (16, 3, 32, 32) and x.dtype == torch.float32 and y.dtype == torch.int64, (
        "Yield (x, y): float32, int64."
    )


@test_case(name="classifier: logits from h, and the encoder trains")
def test_classifier(Classifier):
    import torch
    from torch import nn

    class StandIn(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(12, 512))

        def forward(self, x):
            h = self.encoder(x)
            return h, -h[:, :128]

    simclr = StandIn()
    logits = Classifier(simclr, num_classes=7)(torch.rand(4, 3, 2, 2))
    assert logits.shape == (4, 7), f"Logits are (n, num_classes), got {tuple(logits.shape)}."
    logits.square().sum().backward()
    gradient = simclr.encoder[1].weight.grad
    assert gradient is not None and gradient.abs().sum() > 0, "No gradient reaches the encoder: train it, too."


@test_case(name="finetune_one_epoch: numbers by hand, train mode, scheduler")
def test_finetune_epoch(finetune_one_epoch):
    import math

    import torch

    model = lookup_table([[9.0, 9.0, 0.0], [0.0, 0.0, 30.0]]).eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    loss, top1 = finetune_one_epoch(model, batches_of([1, 1, 1, 1, 1], [2, 2, 0, 2, 2], 4), optimizer, scheduler)
    # Four correct answers have loss 0, the wrong one has loss 30.
    assert abs(loss - 6) < 1e-4, f"(0 + 0 + 30 + 0 + 0) / 5 = 6 per image, got {loss:.4f}."
    assert math.isclose(top1, 0.8, abs_tol=1e-6), f"4 of 5 are correct: 0.8, got {top1:.4f}."
    assert all(training for training, _ in model.calls), "Put the model into train mode."
    assert scheduler.last_epoch == 2, f"Two batches need two scheduler steps, you make {scheduler.last_epoch}."


@test_case(name="finetune_one_epoch lowers the loss")
def test_finetune_learns(finetune_one_epoch):
    import torch

    model = lookup_table([[0.0, 0.0], [0.0, 0.0]])
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    data = batches_of([0, 1, 0, 1], [0, 1, 0, 1], 2)
    first, *_ = finetune_one_epoch(model, data, optimizer, scheduler)
    second, top1 = finetune_one_epoch(model, data, optimizer, scheduler)
    assert second < first and top1 == 1.0, "Two epochs on four easy images must lower the loss."


@test_case(name="evaluate: numbers by hand, eval mode, no gradients")
def test_evaluate(evaluate):
    ladder = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]  # class 0 first, class 5 last
    model = lookup_table([ladder]).train()
    loss, top1, top5 = evaluate(model, batches_of([0] * 5, [0, 0, 0, 4, 5], 2))
    # -log softmax is 0.4562 for class 0, 4.4562 for class 4 and 5.4562 for class 5.
    assert abs(loss - (3 * 0.4562 + 4.4562 + 5.4562) / 5) < 1e-3, f"The mean loss per image is 2.2562, got {loss:.4f}."
    assert abs(top1 - 0.6) < 1e-6, f"3 of 5 are correct: 0.6, got {top1:.4f}. Do not average over batches."
    assert abs(top5 - 0.8) < 1e-6, f"Only class 5 is not among the first five: 0.8, got {top5:.4f}."
    assert not any(training for training, _ in model.calls), "Evaluate in eval mode."
    assert not any(grad for _, grad in model.calls), "Evaluate without gradients."


# %% [markdown]
# ### Evaluate the frozen features (given)
#
# Fine-tuning with 50,000 labels hides what pre-training learned. Two cheaper evaluations of the encoder in
# `simclr_best_epoch.pt` come first. Both freeze its weights: **k nearest neighbours** (the most similar training images
# vote for their class, each with weight $\exp(\cos/0.1)$, [Wu et al., 2018](https://arxiv.org/abs/1805.01978)) and a
# **linear probe** (one linear layer on $h$, trained by your `finetune_one_epoch`). With the profile `cpu` the solution
# reaches 49.3 % and 59.7 %; guessing is 10 %.

# %% tags=["skip-grading"]
frozen, saved = pretrained_simclr()
train_h, test_h = kept_features(frozen.encoder, saved)
knn_top1 = knn_accuracy(train_h, train_labels, test_h, test_labels, HP["probe_neighbours"])
probe_history, probe = linear_probe(train_h, train_labels, test_h, test_labels, HP["probe_epochs"])
write_history("simclr_probe", probe_history)
update_metrics(knn_top1=knn_top1, probe=probe_history)
curves = {"cross-entropy per image": "train_loss test_loss", "accuracy": "train_top1 test_top1 test_top5"}
save_figure(plot_history(probe_history, "linear probe", **curves), "probe_curves")

# %% [markdown] tags=["only-cifar10"]
# ### The driver (given)
#
# It starts from `simclr_best_epoch.pt` and writes `simclr_lin_best.pt` after every epoch. **It keeps the last epoch,
# not the one with the best test accuracy.** If you chose an epoch by its test accuracy, you would train on the test set
# and report a number that is too high. The learning rate ends at zero, so the last epoch is good. You only look at the
# test curve.
#
# **Small images first.** The network ends with an average over all positions, so it takes images of any size, and half
# the size takes a quarter of the time. The network learns most from small images; the last epochs use full ones.
# **Early layers stop first.** They learn edges and colours soon, and a frozen layer needs no backward pass (after
# [Brock et al., 2017](https://arxiv.org/abs/1706.04983)). `HP["finetune_stages"]` sets both.
#
# With the profile `cpu` the solution's test top-1 is 34 % after epoch 1, 81 % after epoch 7 and 86.1 % after epoch 11. In
# between it jumps up and down, as long as the learning rate is high.

# %% tags=["skip-grading", "only-cifar10"]
evaluation = "fine-tuning"
finetune_history = finetune(
    train_images,
    train_labels,
    test_images,
    test_labels,
    restart=False,  # True: discard the last run, for example after a new pre-training
)

# %% [markdown] tags=["only-stl10"]
# STL-10 has few labels, so you use the **linear evaluation**: the encoder stays frozen, and the checkpoint holds the
# encoder and the probe's layer.


# %% tags=["skip-grading", "only-stl10"]
evaluation = "linear evaluation"
finetune_history = probe_history
classifier = Classifier(frozen, HP["num_classes"])
classifier.linear.load_state_dict(probe.state_dict())
result = {"epoch": len(probe_history), "top1": probe_history[-1]["test_top1"], "profile": PROFILE}
save_atomically(RUN / "simclr_lin_best.pt", {"state_dict": classifier.state_dict(), **result})

# %% tags=["skip-grading"]
update_metrics(finetune=finetune_history)
save_figure(plot_history(finetune_history, evaluation, **curves), "finetune_curves")

# %% [markdown]
# ### The run in one table
#
# Minutes count training and testing up to the end of the first epoch above the threshold.

# %% tags=["skip-grading"]
for name, value in results().items():
    print(f"{name:28} {value}")

# %% [markdown]
# ### q6 · The checkpoint ({{points q6}} points + 5 bonus)
#
# *5 minutes · easy*
#
# You write nothing here. Hand in `simclr_lin_best.pt`, the dictionary `{"state_dict": classifier.state_dict(), ...}`
# that the driver saved. The grader loads the weights (never code) into its own ResNet-18 with the CIFAR stem and a
# linear layer. It classifies **all 10,000 test images**, normalised as in your test transform: $(x/255 -
# \mathrm{MEAN})/\mathrm{STD}$. More than 75 % gives full marks, more than 85 % also gives the bonus, and less gives a
# part of the points. Keep torchvision's names inside the encoder (`conv1`, `bn1`, `layer1` … `layer4`) and exactly one
# linear layer with ten outputs.

# %% [markdown]
# ## 6 · What pre-training is for
#
# With all 50,000 labels of CIFAR-10 this pre-training gains almost nothing. Its use shows where labels are few. Measured with
# the profile `cpu` (six epochs of pre-training) on all test images, the mean of three seeds with 1 % and 10 %:
#
# | labels | fine-tuned from scratch | fine-tuned after pre-training | linear layer on the frozen encoder |
# | --- | --- | --- | --- |
# | 1 % (500) | 36.1 % | **46.4 %** | 44.6 % |
# | 10 % (5,000) | 42.4 % | **58.9 %** | 52.5 % |
# | 100 % (50,000) | 85.9 % | 86.1 % | 58.9 % |

# %% [markdown] tags=["only-cifar10"]
# **Try it with a tenth of your labels.** The cell fine-tunes twice with your functions: from your pre-trained encoder, and from
# scratch. It tests on at most 1,000 images, to be fast. In `smoke` and `demo` there are four and nine labels: it runs, and the
# numbers mean nothing.

# %% tags=["skip-grading", "only-cifar10"]
few = len(train_images) // 10
few_labels = {}
for start, pretrained in (("after pre-training", True), ("from scratch", False)):
    images, labels = train_images[:few], train_labels[:few]
    name = "few_pretrained" if pretrained else "few_scratch"
    tests = test_images[:1000], test_labels[:1000]
    history = finetune(images, labels, *tests, name, pretrained, stages=HP["few_stages"])
    few_labels[start] = history[-1]["test_top1"]
update_metrics(few_labels=few_labels)
print(f"{few} labels:", ", ".join(f"{start} {top1:.1%}" for start, top1 in few_labels.items()))

# %% [markdown]
# **Who are the neighbours?** Below each of eight test images you see the three training images (among the first 5,000) whose
# features $h$ have the largest cosine with its own: by the new network, before it saw any image, and by your pre-trained
# encoder. A frame marks the same class. No label was used for either. What do the neighbours have in common before, and what
# after? (`smoke` and `demo` train too little to show a difference.)

# %% tags=["skip-grading"]
frozen, saved = pretrained_simclr()
train_h, test_h = kept_features(frozen.encoder, saved)
seed_everything(HP["seed"])
new = SimCLR(HP["projection_dim"]).encoder  # what pre-training began with
before = features(new, train_images[:5000]), features(new, test_images[:8])
found = {"before": before, "after": (train_h[:5000], test_h[:8])}
save_figure(plot_neighbours(found), "neighbours")

# %% [markdown]
# ## 7 · Written questions
#
# Answer each question in a few sentences; you may use a formula or a sketch.

# %% [markdown] tags=["written", "w1"]
# ### w1 · SimCLR in your own words
#
# *10 minutes · medium*
#
# Explain SimCLR to a fellow student who knows supervised classification: what the input is, what the network predicts,
# where the training signal comes from without labels, and what you keep in the end.

# %% [markdown] tags=["model-answer", "w1"]
# From each image of a batch you make two views by random cropping, flipping, colour jitter and blur. An encoder maps
# each view to features $h$, and a small network maps $h$ to $z$. The task is to find, for each view, the other view of
# the same image among all other views of the batch. This is a classification into $2n-1$ candidates, and the "label" is
# known because we made the views. NT-Xent is the cross-entropy of this task; its logits are cosine similarities divided
# by a temperature. It pulls the two views of an image together and pushes views of other images away. To solve the
# task, the encoder must keep what the augmentations preserve (shape, parts, the kind of object) and may forget what
# they change (position, colour cast, scale). In the end you discard the head and train a classifier on $h$, with few
# labels or by fine-tuning.

# %% [markdown] tags=["rubric", "w1"]
# 4 points
#
# - 1 · two random views of one image, and which augmentations
# - 1 · the task: find the partner among the other views of the batch; the signal comes from knowing the pairs
# - 1 · the loss attracts positives and repels negatives (or: is a cross-entropy over similarities)
# - 1 · the network learns invariance to the augmentations; the encoder is kept, the head is not

# %% [markdown] tags=["written", "w2"]
# ### w2 · The projection head
#
# *10 minutes · medium*
#
# Pre-training with the projection head gives better features $h$ than a loss on $h$ itself, but you discard the head
# afterwards. Why does it help, and why is $h$ better than $z$ for the next task?

# %% [markdown] tags=["model-answer", "w2"]
# The loss makes $z$ the same for both views, so what the augmentations change (colour, orientation, exact position)
# must disappear from $z$. A later task may need it: colour helps to recognise birds or flowers. With the loss on $h$,
# $h$ would lose this information. A non-linear head in between can discard it instead, so $h$ can keep it. Chen et al.
# show this: one can predict the applied augmentation much better from $h$ than from $z$, and a linear classifier on $h$
# is more than 10 points better than on $z$. The head is specialised to the pretext task, so the next task does not need
# it.

# %% [markdown] tags=["rubric", "w2"]
# 4 points
#
# - 2 · the loss makes $z$ invariant, which removes information (such as colour or orientation) that later tasks may
#   need
# - 1 · the non-linear head in between discards this information, so $h$ can keep it
# - 1 · evidence or consequence: linear evaluation on $h$ beats $z$, or $h$ predicts the augmentation

# %% [markdown] tags=["written", "w3"]
# ### w3 · NT-Xent, softmax and word2vec
#
# *10 minutes · medium*
#
# Compare NT-Xent with the softmax cross-entropy of a classifier and with the skip-gram loss with negative sampling of
# word2vec. What are the classes, the logits and the negatives in each, and what does the temperature do?

# %% [markdown] tags=["model-answer", "w3"]
# NT-Xent *is* a softmax cross-entropy: the logits are $\cos(z_a, z_k)/\tau$, the classes are the other $2n-1$ views,
# and the correct class is the positive. Unlike a classifier it has no class weights $W$: other examples of the batch
# take their place, so the "classes" change with each batch and their number grows with it. Normalisation bounds the
# logits to $\pm 1/\tau$. Without a small $\tau$ the softmax could not become confident, and $\tau$ decides how strongly
# the hardest negatives count. word2vec would need a softmax of $u_c \cdot v_w$ over the whole vocabulary, which is too
# expensive. It uses a few sampled negatives instead, $-\log\sigma(u_c \cdot v_w) - \sum_k \log\sigma(-u_k \cdot v_w)$:
# independent binary decisions, dot products without normalisation, two tables of embeddings, and negatives from the
# unigram distribution. In NT-Xent the negatives come from the batch at no cost and share one softmax (so a hard
# negative gets more gradient than an easy one), and a network computes the embeddings.

# %% [markdown] tags=["rubric", "w3"]
# 4 points
#
# - 1 · NT-Xent is a softmax cross-entropy over $2n-1$ candidates with the positive as the correct class
# - 1 · against a classifier: examples of the batch instead of fixed class weights
# - 1 · against word2vec: sampled negatives with independent logistic terms, against one softmax over in-batch
#   negatives
# - 1 · normalisation and temperature: bounded logits, $\tau$ sets sharpness and the weight of hard negatives

# %% [markdown] tags=["written", "w4"]
# ### w4 · What the distance measures
#
# *10 minutes · medium*
#
# What does the similarity $-\lVert u - v\rVert_2$ measure that the cosine does not? When is this useful, and when is it
# harmful? Consider the gradient, too.

# %% [markdown] tags=["model-answer", "w4"]
# The cosine depends only on directions. Since $\lVert u-v\rVert^2 = \lVert u\rVert^2 + \lVert v\rVert^2 - 2\lVert
# u\rVert\lVert v\rVert\cos$, the distance also depends on lengths: two vectors of one direction can be far apart. This
# is useful where length has a meaning, such as confidence or frequency, and embeddings can use the whole space, not
# only a sphere. It is harmful because the network can lower the loss by making all vectors longer: all negatives move
# away, which acts like a lower temperature, so scale and $\tau$ are entangled and the logits have no bound. On
# normalised vectors $\lVert u-v\rVert^2 = 2-2\cos$, and both similarities order pairs in the same way. Gradients: that
# of the distance has length 1 at any distance and is undefined where the points are equal; that of the cosine is
# orthogonal to the vector and shrinks with its length. The cosine is invariant to scaling each vector, the distance to
# shifting all of them.

# %% [markdown] tags=["rubric", "w4"]
# 4 points
#
# - 1 · the norm of embeddings matters to the distance, not to the cosine
# - 1 · relation on the unit sphere, $\lVert u-v\rVert^2 = 2 - 2\cos$
# - 1 · a benefit and a danger (unbounded logits, growing norms act as a lower temperature)
# - 1 · something true about the gradient (unit length and undefined at 0; orthogonal to the vector for the cosine)

# %% [markdown] tags=["written", "w5"]
# ### w5 · Batch size
#
# *10 minutes · medium*
#
# How and why does the batch size change what SimCLR learns? Why does Barlow Twins depend less on it? What would you
# do with a GPU that holds only 64 images?

# %% [markdown] tags=["model-answer", "w5"]
# With $n$ images each anchor has $2(n-1)$ negatives. A larger batch makes the task harder (random guessing gives
# $\log(2n-1)$), contains more hard negatives, and estimates the full partition sum with less bias and variance. Chen et
# al. find that large batches help much in short runs and less in long runs, which see more negatives over time. Large
# batches need a larger learning rate and warm-up (or LARS). They also contain more false negatives (images of the same
# class), especially with only ten classes. Barlow Twins has no negatives and uses the batch only to estimate a $d
# \times d$ correlation matrix: some hundred rows give a usable estimate, and its quality depends on $d$ instead. With
# 64 images you can train longer, lower $\tau$ with care, keep a memory bank or a momentum queue of negatives (MoCo),
# cache gradients to compute the loss over several sub-batches, or choose a loss without negatives. Plain gradient
# accumulation does not help: each part has only its own negatives.

# %% [markdown] tags=["rubric", "w5"]
# 4 points
#
# - 1 · the batch supplies the negatives, $2(n-1)$ for each anchor
# - 1 · effect: better with large batches, less so in long runs; or learning rate and warm-up must follow
# - 1 · Barlow Twins estimates feature correlations and has no negatives
# - 1 · a sensible remedy (queue, gradient caching, longer training, another loss), not only gradient accumulation

# %% [markdown]
# ## 8 · Hand in
#
# This last cell saves the notebook (in JupyterLab and on Colab; elsewhere, save it first), makes a report of it, and
# collects both, the checkpoint, the figures and the numbers in `simclr-submission.zip` in the run folder: upload that
# file.

# %% tags=["skip-grading"]
try:
    print(write_submission())
except NameError as missing:
    print(f"Nothing was packed ({missing}): run the cells above Data again, then this one.")
