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
# # SimSiam: what keeps a network from collapsing
#
# {{colab_badge}}
#
# ![Two views go through the same encoder and projector; a predictor on one side must predict the projection on the other side, which is stopped.](pictures/simsiam.png)
#
# Two views of an image should have the same features. The easiest way to get there is to give *all* images the same
# features: the loss is then perfect and the network worthless. It has **collapsed**. SimCLR prevents this with negatives.
# SimSiam has none, and does not collapse either. In this assignment you write its loss, its network and its training loop,
# and two relatives, VICReg and BYOL. Then you take SimSiam apart: which part keeps it from collapsing?
#
# | question | you write | points | minutes | difficulty |
# | --- | --- | --- | --- | --- |
# | q1a | `negative_cosine`, with a stop-gradient | {{points q1a}} | 15 | easy |
# | q1b | `simsiam_loss` | {{points q1b}} | 10 | easy |
# | q1c | `vicreg_loss`: invariance, variance, covariance | {{points q1c}} | 30 | medium |
# | q1d | `byol_loss`, `ema_update`, `tau_schedule` | {{points q1d}} | 25 | medium |
# | q2 | `SimSiam`, encoder, projector and predictor | {{points q2}} | 20 | easy |
# | q3 | `knn_accuracy`, a vote of neighbours | {{points q3}} | 30 | medium |
# | q4 | `train_one_epoch`, `feature_std` | {{points q4}} | 30 | medium |
# | q5 | `variant`, the four ablations | {{points q5}} | 15 | easy |
# | q6 | the file `simsiam_best.pt`, from your training | {{points q6}} | 5 | easy |
# | q7 | `directed_loss`, for heavy augmentations | {{points q7}} bonus | 25 | medium |
# | w1 – w7 | seven short written answers, graded by hand | {{points w1}} each | 10 each | medium |
#
# The minutes are an estimate for a student who has trained a network in PyTorch before; the computer's time comes on top.
#
# **How to work here.** Fill in the stubs from top to bottom. After each question, `grader.check("q1a")` tells you what
# is wrong, in seconds. The hidden tests check the same with other numbers. Keep the names and signatures of the stubs;
# you may add helper functions and cells. The grader runs your cells in order, but skips cells with the tag
# `skip-grading` (downloads, training, plots). Do not put anything there that a stub needs.
#
# Papers: [SimSiam](https://arxiv.org/abs/2011.10566) (Chen and He, 2020), [VICReg](https://arxiv.org/abs/2105.04906)
# (Bardes et al., 2021), [BYOL](https://arxiv.org/abs/2006.07733) (Grill et al., 2020), [directional self-supervised
# learning](https://arxiv.org/abs/2110.13555) (Bai et al., 2021). To read first: the first four pages of the SimSiam paper.

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
from tqdm.auto import tqdm

# %% [markdown]
# ### Given code
#
# Folded cells hold code that you need not read: it reads the data, draws the views, trains, saves checkpoints, draws the
# figures and packs what you hand in. Run them.


# %% tags=["folded"] title="Given: data, views, training, figures, hand-in"
kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
DEVICE = torch.device(next(kind for kind, there in kinds.items() if there))

# fmt: off
RECIPE = {  # what is seldom changed; the columns are those of the table below
    #                         smoke            demo               cpu                gpu
    "widths":               ((8, 16, 16, 32), (16, 32, 64, 128), (24, 48, 96, 192), ()),  # of the small encoder
    "validation":           (16,              500,               1_000,             5_000),   # images kept out of the training
    "bank":                 (48,              2_000,             4_000,             45_000),  # images that vote
    "decay":                (5e-4,            5e-4,              5e-4,              5e-4),    # weight decay
    "jitter_strength":      (0.5,             0.5,               0.5,               0.5),
}
# fmt: on


# {{given seed.py}}


# {{given progress.py}}


# {{given data.py}}


def load_split(split: str, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``limit`` images (n, 3, 32, 32) uint8 and labels (n,) int64 of a split, "train" or "test"."""
    rows = prepared_rows(split, limit)
    if rows is not None:
        return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].long()
    found = official(torchvision.datasets.CIFAR10, "cifar-10-batches-py", train=split == "train")
    images, labels = found.data[:limit].transpose(0, 3, 1, 2), np.array(found.targets[:limit])
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels).long()


# {{given figures.py}}


# {{given rows.py}}


# {{given batches.py}}


# {{given views.py}}


# {{given precision.py}}


if DEVICE.type == "cpu":
    PRECISION = "float32"  # the small encoder gains nothing from half precision


# {{given checkpoints.py}}


# {{given training.py}}


def sgd(lr: float, decay: float):
    """SGD with momentum 0.9, whose rate falls to 0 along a cosine in one scheduler step per batch."""

    def optimise(network, total_steps):
        optimizer = torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9, weight_decay=decay)
        return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total_steps)

    return optimise


def new_encoder() -> nn.Module:
    """The encoder of the profile, with the same first weights at every call."""
    seed_everything(HP["seed"])
    return SmallEncoder(HP["widths"]) if HP["encoder"] == "small" else resnet18_encoder()


class WithExpander(nn.Module):
    """VICReg's network: encoder and expander, (x1, x2) -> (z1, z2, z1, z2). It has no predictor.

    Its last layer has no batch norm, which would fix the variance that the loss should care for.
    """

    def __init__(self, encoder: nn.Module, width: int):
        super().__init__()
        self.encoder = encoder
        layers = [nn.Linear(encoder.width, width), nn.BatchNorm1d(width), nn.ReLU()]
        self.expander = nn.Sequential(*layers, nn.Linear(width, width))

    def forward(self, x1: torch.Tensor, x2: torch.Tensor) -> tuple[torch.Tensor, ...]:
        z1, z2 = self.expander(self.encoder(x1)), self.expander(self.encoder(x2))
        return z1, z2, z1, z2


def features(encoder: nn.Module, images: torch.Tensor, batch_size: int = 250) -> torch.Tensor:
    """The frozen encoder's features (n, width) of uint8 images (n, 3, 32, 32)."""
    frozen = InPrecision(encoder.to(DEVICE)).eval()
    with torch.no_grad():
        return torch.cat([frozen(normalised(part.to(DEVICE) / 255)) for part in images.split(batch_size)])


def knn_of(encoder: nn.Module, bank: tuple, queries: tuple) -> float:
    """Your k-NN accuracy of (images, labels) by the features of (images, labels)."""
    (bank_x, bank_y), (x, y) = bank, queries
    bank_h, h = features(encoder, bank_x), features(encoder, x)
    return as_float(knn_accuracy(bank_h, bank_y.to(DEVICE), h, y.to(DEVICE), HP["k"], HP["temperature"]))


def train_encoder(name, model, loss_fn, images, labels, epochs, restart=False, code=()) -> list[dict]:
    """Train a model of two views by your ``train_one_epoch``; returns the history and writes ``<name>_best.pt``.

    The last ``HP["validation"]`` images are not trained on: after each epoch, k-NN accuracy is measured on them.
    """
    seed_everything(HP["seed"])
    kept = HP["validation"]
    how = (HP["view_size"], HP["jitter_strength"])
    loader = Batches(images[:-kept], labels[:-kept], HP["batch"], lambda x: (draw_views(x, *how), draw_views(x, *how)))
    bank = images[:-kept][: HP["bank"]], labels[:-kept][: HP["bank"]]
    rows = ("dataset", "seed", "encoder", "widths", "width", "bottleneck", "batch", "lr", "decay", "view_size")
    plan = {
        key: list(HP[key]) if key == "widths" else HP[key] for key in (*rows, "jitter_strength", "k", "temperature")
    }
    plan |= {"epochs": epochs, "images": len(images), "validation": kept}
    plan["code"] = ["train_one_epoch", "feature_std", "knn_accuracy", *code]

    def train(network, batches, optimizer, scheduler):
        deviations = []

        def noting_deviation(p1, p2, z1, z2):
            deviations.append(as_float(feature_std(z1.detach())))
            return loss_fn(p1, p2, z1, z2)

        loss = train_one_epoch(network, batches, optimizer, scheduler, noting_deviation, DEVICE)
        return {"loss": loss, "feature_std": np.mean(deviations)}

    def test(network):
        return {"knn": knn_of(model.encoder, bank, (images[-kept:], labels[-kept:]))}

    def after_epoch(history):
        if history[-1]["knn"] >= max(row["knn"] for row in history):
            best = {"state_dict": model.encoder.state_dict(), "epoch": len(history), "knn": history[-1]["knn"]}
            save_atomically(RUN / f"{name}_best.pt", {**best, "profile": PROFILE})

    return fit(name, model, loader, plan, sgd(HP["lr"], HP["decay"]), train, test, after_epoch, restart)


def train_variant(name: str, images, labels, epochs: int, run: str = "", restart=False) -> list[dict]:
    """Train SimSiam or one of its ablations, by your ``variant``, from the same first weights of the encoder."""
    model, loss_fn = variant(name, new_encoder(), HP["width"], HP["bottleneck"])
    yours = ("variant", "SimSiam", "simsiam_loss", "negative_cosine")
    return train_encoder(run or name.replace(" ", "_"), model, loss_fn, images, labels, epochs, restart, yours)


def train_vicreg(var: float, images, labels, epochs: int, run: str, restart=False) -> list[dict]:
    """Train by your ``vicreg_loss`` with a weight of its variance term."""
    model = WithExpander(new_encoder(), HP["width"])
    loss_fn = lambda p1, p2, z1, z2: vicreg_loss(z1, z2, var=var)[0]  # noqa: E731
    return train_encoder(run, model, loss_fn, images, labels, epochs, restart, ("vicreg_loss",))


def plot_runs(runs: dict[str, list[dict]], healthy: float = 0.0):
    """k-NN accuracy, loss and feature_std of several runs against the epoch; a dotted line at 1/√d, one at guessing."""
    figure, all_axes = plt.subplots(1, 3, figsize=(13.5, 3.4))
    columns = {"k-NN accuracy": "knn", "loss": "loss", "feature_std": "feature_std"}
    for axes, (label, column), line in zip(all_axes, columns.items(), (0.1, None, healthy)):
        for name, history in runs.items():
            axes.plot([row["epoch"] for row in history], [row[column] for row in history], marker=".", label=name)
        if line:
            axes.axhline(line, color="gray", linestyle=":")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    all_axes[0].legend(fontsize=8)
    figure.tight_layout()
    return figure


def to_pixels(views: torch.Tensor) -> torch.Tensor:
    """Normalised views (n, 3, h, w) -> uint8 images."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return ((views.cpu() * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)


HANDED_IN = ["simsiam_best.pt", "metrics.json"]
HANDED_IN += [f"figures/{name}.png" for name in ("views", "ablations", "vicreg", "training")]


# {{given notebook_file.py}}


# {{given report.py}}


# {{given hand_in.py}}


# %% [markdown]
# ### The encoders (given)
#
# The small encoder is for a processor, the ResNet-18 of SimCLR for a GPU. Both map images to features; `encoder.width`
# tells how many there are for an image.

# %% tags=["folded"] title="Given: two encoders"
# {{given encoders.py}}


# %% [markdown]
# ### Profile and hyper-parameters
#
# `PROFILE` chooses a column of the table in the next cell. Leave it at `smoke` until all your checks pass, then choose
# `cpu` or `gpu`.
#
# | profile | purpose | time |
# | --- | --- | --- |
# | `smoke` | check that everything runs | seconds on a CPU |
# | `demo` | a first checkpoint | one or two minutes of training on two CPU cores |
# | `cpu` | **the full training**, small encoder, two CPU cores | about an hour |
# | `gpu` | the same with ResNet-18 and all images | hours on a GPU; can resume |

# %%
PROFILE = os.environ.get("KIT_PROFILE") or "smoke"

# fmt: off
PROFILES = ("smoke", "demo", "cpu", "gpu")
TABLE = {
    # data                    smoke      demo       cpu        gpu
    "dataset":              ("cifar10", "cifar10", "cifar10", "cifar10"),
    "train_images":         (64,        2_500,     20_000,    50_000),       # of q6
    "test_images":          (32,        1_000,     10_000,    10_000),
    "ablation_images":      (64,        1_500,     6_000,     50_000),       # of the ablations
    # network
    "encoder":              ("small",   "small",   "small",   "resnet18"),
    "width":                (32,        256,       512,       2_048),        # of the projections z
    "bottleneck":           (8,         64,        128,       512),          # the predictor's hidden layer
    # training
    "view_size":            (16,        16,        16,        32),           # pixels of 32; 16 is faster
    "batch":                (16,        64,        128,       512),
    "ablation_epochs":      (2,         3,         20,        100),          # of each ablation
    "epochs":               (2,         6,         30,        400),          # of the encoder that you hand in
    "lr":                   (0.03,      0.03,      0.06,      0.06),         # learning rate
    # evaluation
    "k":                    (5,         20,        20,        200),          # neighbours that vote
    "temperature":          (0.1,       0.1,       0.1,       0.1),
    "seed":                 (0,         0,         0,         0),
}
# fmt: on
assert PROFILE in PROFILES, f"PROFILE is {PROFILE!r}; choose one of {', '.join(PROFILES)}"
HP = {name: row[PROFILES.index(PROFILE)] for name, row in (RECIPE | TABLE).items()}

MEAN = (0.4914, 0.4822, 0.4465)  # per-channel mean and standard deviation of the CIFAR-10 training pixels in [0, 1]
STD = (0.2470, 0.2435, 0.2616)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

print(f"profile {PROFILE} on {DEVICE.type} in {PRECISION}")

# %% [markdown]
# All random numbers come from one seed. The training cells set it again, so that all ablations begin with the same encoder
# and see the same views.

# %%
seed_everything(HP["seed"])

# %% [markdown]
# The notebook writes all outputs (checkpoints, figures, `metrics.json`, the zip that you hand in) to one run folder:
# `run` beside this notebook, or the folder that the environment variable `KIT_RUN` names.

# %% tags=["skip-grading"]
# {{given run_folder.py}}

# %% [markdown]
# ## Data
#
# CIFAR-10 has 50,000 training and 10,000 test images of 32×32 pixels in ten classes. The cell reads a prepared copy
# (`cifar10/train.npy` and `cifar10/test.npy` under `KIT_DATA` or a `data` folder nearby; each row holds the label and
# then the 3072 bytes of the image). If there is none, torchvision downloads the data set. You get **uint8** images `(n,
# 3, 32, 32)` and int64 labels `(n,)`. Training uses no label. Labels only measure what the features are worth.

# %% tags=["skip-grading"]
train_images, train_labels = load_split("train", max(HP["train_images"], HP["ablation_images"]))
test_images, test_labels = load_split("test", HP["test_images"])
print(f"{len(train_images)} training and {len(test_images)} test images")

# %% [markdown]
# Two views of an image: a random crop, perhaps flipped, with other colours. The folded code draws them for a whole batch.

# %% tags=["skip-grading"]
seed_everything(HP["seed"])
shown = train_images[:8].to(DEVICE)
drawn = [to_pixels(draw_views(shown, 32, HP["jitter_strength"])) for _ in range(2)]
titles = [CLASSES[label] for label in train_labels[:8].tolist()]
save_figure(show_rows([train_images[:8], *drawn], titles, ["image", "view 1", "view 2"]), "views")

# %% [markdown]
# ## 1 · Losses
#
# Each of the $n$ images of a batch gives two views. For view 1 the network returns the *projection* $z_1$ and the
# *prediction* $p_1$, for view 2 $z_2$ and $p_2$, all of shape $(n, d)$; row $k$ of each comes from image $k$.
#
# In all questions: tensors are float32, and results have the dtype of the inputs. No function may change its inputs (but
# `ema_update` changes `target`), the global random state, the default dtype or the gradient mode.


# %% tags=["stub", "q1a"] stub="return minus the mean cosine of the rows; z is a constant"
def negative_cosine(p: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    r"""Minus the mean cosine of the rows of p and of z, in which z is a constant (Chen and He 2020, equations 1 and 3).

    .. math:: -\frac{1}{n} \sum_k \cos(p_k, \mathrm{stopgrad}(z_k))

    p, z: (n, d). Returns a 0-d tensor that carries a gradient to p and none to z.
    """
    ### BEGIN SOLUTION
    return -(F.normalize(p, dim=1) * F.normalize(z.detach(), dim=1)).sum(dim=1).mean()
    ### END SOLUTION


# %% tags=["stub", "q1b"] stub="return the symmetric loss"
def simsiam_loss(p1: torch.Tensor, p2: torch.Tensor, z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    r"""SimSiam's loss (Chen and He 2020, equation 4).

    .. math:: \frac{1}{2} D(p_1, z_2) + \frac{1}{2} D(p_2, z_1)

    D is ``negative_cosine``. p1, p2, z1, z2: (n, d). Returns a 0-d tensor with a gradient to p1 and p2 only.
    """
    ### BEGIN SOLUTION
    return (negative_cosine(p1, z2) + negative_cosine(p2, z1)) / 2
    ### END SOLUTION


# %% tags=["stub", "q1c"] stub="return the loss and its three terms"
def vicreg_loss(
    z1: torch.Tensor, z2: torch.Tensor, sim: float = 25.0, var: float = 25.0, cov: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    r"""VICReg (Bardes et al. 2021, equations 1 to 6): sim · invariance + var · variance + cov · covariance.

    z1, z2: (n, d) with n ≥ 2. invariance: the mean square of z1 − z2 over all n·d entries; variance: the mean over columns
    of max(0, 1 − √(Var + 1e−4)), Var over n − 1, averaged over the two views; covariance: the sum of the squares off the
    diagonal of the covariance matrix (over n − 1), divided by d, summed over the two views.
    Returns (loss, invariance, variance, covariance), 0-d each; the three terms are without their weights.
    """
    ### BEGIN SOLUTION
    n, d = z1.shape

    def variance_of(z):
        return (1 - (z.var(dim=0) + 1e-4).sqrt()).relu().mean()

    def covariance_of(z):
        centred = z - z.mean(dim=0)
        matrix = centred.T @ centred / (n - 1)
        return (matrix - matrix.diagonal().diag()).square().sum() / d

    invariance = (z1 - z2).square().mean()
    variance = (variance_of(z1) + variance_of(z2)) / 2
    covariance = covariance_of(z1) + covariance_of(z2)
    return sim * invariance + var * variance + cov * covariance, invariance, variance, covariance
    ### END SOLUTION


# %% tags=["stub", "q1d"] stub="return BYOL's loss"
def byol_loss(p1: torch.Tensor, p2: torch.Tensor, t1: torch.Tensor, t2: torch.Tensor) -> torch.Tensor:
    r"""BYOL's loss (Grill et al. 2020, equation 2), both directions summed.

    .. math:: \frac{1}{n} \sum_k (2 - 2 \cos(p_{1,k}, t_{2,k})) + \frac{1}{n} \sum_k (2 - 2 \cos(p_{2,k}, t_{1,k}))

    p1, p2: predictions of the online network, t1, t2: projections of the target network, (n, d) each. The targets are
    constants. Returns a 0-d tensor with a gradient to p1 and p2 only.
    """
    ### BEGIN SOLUTION
    return 4 + 2 * negative_cosine(p1, t2) + 2 * negative_cosine(p2, t1)
    ### END SOLUTION


# %% tags=["stub", "q1d"] stub="move the target towards the online network, in place"
def ema_update(online: nn.Module, target: nn.Module, tau: float) -> None:
    r"""One step of the moving average, in place: every parameter of ``target`` becomes tau · itself + (1 − tau) · online's.

    Both have the same parameters and buffers in the same order. Buffers (such as the running statistics of a batch norm)
    are copied from ``online``. No graph is recorded, ``online`` does not change. Returns None.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for old, new in zip(target.parameters(), online.parameters()):
            old.mul_(tau).add_(new, alpha=1 - tau)
        for old, new in zip(target.buffers(), online.buffers()):
            old.copy_(new)
    ### END SOLUTION


# %% tags=["stub", "q1d"] stub="return tau of a step"
def tau_schedule(step: int, total: int, tau0: float) -> float:
    r"""tau of ``step`` of ``total`` steps (Grill et al. 2020, section 3.3): it rises from tau0 at step 0 to 1 at step ``total``.

    .. math:: 1 - (1 - \tau_0) \frac{1 + \cos(\pi k / K)}{2}
    """
    ### BEGIN SOLUTION
    return 1 - (1 - tau0) * (1 + math.cos(math.pi * step / total)) / 2
    ### END SOLUTION


# %% tags=["stub", "q2"] stub="build projector and predictor, forward both views"
class SimSiam(nn.Module):
    r"""Encoder, projector and predictor, shared by both views: :math:`z = g(f(x)),\ p = h(z)`.

    projector: linear, batch norm, ReLU, linear, batch norm, ReLU, linear, batch norm without affine parameters; its
    outputs and hidden layers have ``width`` units. predictor: linear, batch norm, ReLU, linear, from ``width`` over
    ``bottleneck`` to ``width`` units.
    """

    def __init__(self, encoder: nn.Module, width: int = 512, bottleneck: int = 128):
        super().__init__()
        self.encoder = encoder
        ### BEGIN SOLUTION
        self.projector = nn.Sequential(
            nn.Linear(encoder.width, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(width, bottleneck, bias=False),
            nn.BatchNorm1d(bottleneck),
            nn.ReLU(),
            nn.Linear(bottleneck, width),
        )
        ### END SOLUTION

    def forward(
        self, x1: torch.Tensor, x2: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Two views, (n, 3, h, w) each -> (p1, p2, z1, z2), (n, width) each. z keeps its graph: the loss stops it."""
        ### BEGIN SOLUTION
        z1, z2 = self.projector(self.encoder(x1)), self.projector(self.encoder(x2))
        return self.predictor(z1), self.predictor(z2), z1, z2
        ### END SOLUTION


# %% tags=["stub", "q3"] stub="return the share of test rows whose class wins the vote"
def knn_accuracy(
    train_h: torch.Tensor, train_y: torch.Tensor, test_h: torch.Tensor, test_y: torch.Tensor, k: int, temperature: float
) -> float:
    r"""The accuracy of a weighted vote among the k nearest training rows (Wu et al. 2018, section 3.4).

    The k rows of ``train_h`` with the largest cosine s to a test row vote for their class with weight
    :math:`\exp(s / \mathrm{temperature})`; the class with the largest sum wins. All rows vote if k is above their number.
    train_h: (n, d), test_h: (m, d); train_y: (n,), test_y: (m,) int64. Returns a number in [0, 1].
    """
    ### BEGIN SOLUTION
    bank, k, classes = F.normalize(train_h, dim=1), min(k, len(train_h)), int(train_y.max()) + 1
    correct = 0
    for h, y in zip(test_h.split(1000), test_y.split(1000)):
        cosines, nearest = (F.normalize(h, dim=1) @ bank.T).topk(k, dim=1)
        votes = torch.zeros(len(h), classes, dtype=cosines.dtype, device=h.device)
        votes.scatter_add_(1, train_y[nearest], (cosines / temperature).exp())
        correct += (votes.argmax(dim=1) == y).sum().item()
    return correct / len(test_y)
    ### END SOLUTION


# %% tags=["stub", "q4"] stub="train on every batch, return the mean loss per image"
def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu") -> float:
    r"""One pass over ``loader``: :math:`\theta \leftarrow \mathrm{SGD}(\theta, \nabla_\theta \mathcal{L})` for each batch.

    loader yields ((x1, x2), labels); model(x1, x2) -> (p1, p2, z1, z2); loss_fn(p1, p2, z1, z2) -> 0-d tensor.
    Returns the mean loss per image, :math:`\sum_b n_b \mathcal{L}_b / \sum_b n_b`.
    """
    batches = tqdm(loader, desc="train", leave=False)  # batches.set_postfix(loss=...) shows a running loss
    ### BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for (x1, x2), _ in batches:
        loss = loss_fn(*model(x1.to(device), x2.to(device)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(x1)
        count += len(x1)
        batches.set_postfix(loss=f"{total / count:.4f}")
    return total / count
    ### END SOLUTION


# %% tags=["stub", "q4"] stub="return the mean deviation of the columns of the normalised rows"
def feature_std(z: torch.Tensor) -> float:
    r"""The mean over columns of the standard deviation (over n − 1) of the rows :math:`z_k / \lVert z_k \rVert`.

    z: (n, d) with n ≥ 2. Near :math:`1/\sqrt d` where the rows spread over the sphere, 0 where all are equal.
    Returns a number (a Python float or a 0-d tensor).
    """
    ### BEGIN SOLUTION
    return F.normalize(z, dim=1).std(dim=0).mean().item()
    ### END SOLUTION


# %% tags=["stub", "q5"] stub="return (model, loss_function) of an ablation"
def variant(name: str, encoder: nn.Module, width: int = 512, bottleneck: int = 128):
    """SimSiam or one of its ablations, as (model, loss_function); loss_function(p1, p2, z1, z2) -> 0-d tensor.

    "full": SimSiam and ``simsiam_loss``; "no stop-gradient": the same value, with a gradient to z1 and z2 as well;
    "identity predictor": the predictor returns its input; "double width": projections of 2 · ``width`` units, the same
    bottleneck.

    Raises:
        ValueError: ``name`` is none of the four.
    """
    ### BEGIN SOLUTION
    if name not in ("full", "no stop-gradient", "identity predictor", "double width"):
        raise ValueError(f"there is no variant {name!r}")
    model = SimSiam(encoder, 2 * width if name == "double width" else width, bottleneck)
    if name == "identity predictor":
        model.predictor = nn.Identity()
    if name != "no stop-gradient":
        return model, simsiam_loss

    def without_stop(p1, p2, z1, z2):
        return -(F.cosine_similarity(p1, z2) + F.cosine_similarity(p2, z1)).mean() / 2

    return model, without_stop
    ### END SOLUTION


# %% tags=["stub", "q7"] stub="return the directed loss"
def directed_loss(
    p_heavy: torch.Tensor,
    z_heavy: torch.Tensor,
    p1: torch.Tensor,
    p2: torch.Tensor,
    z1: torch.Tensor,
    z2: torch.Tensor,
) -> torch.Tensor:
    r"""Directed pairs (Bai et al. 2021): SimSiam between the standard views, and each heavy view towards its own one.

    .. math:: L(p_1, p_2, z_1, z_2) + \frac{1}{2m} \sum_{v=1}^{2} \sum_{j=1}^{m} D(p^{heavy}_{v,j}, z_v)

    L is ``simsiam_loss``, D ``negative_cosine``. p_heavy, z_heavy: (2, m, n, d); p_heavy[v, j] is the prediction of the j-th
    heavy view that was made from standard view v + 1. p1, p2, z1, z2: (n, d).
    Returns a 0-d tensor with a gradient to p_heavy, p1 and p2 only.
    """
    ### BEGIN SOLUTION
    pairs = [(p, z) for heavy, z in zip(p_heavy, (z1, z2)) for p in heavy]
    return simsiam_loss(p1, p2, z1, z2) + sum(negative_cosine(p, z) for p, z in pairs) / len(pairs)
    ### END SOLUTION
