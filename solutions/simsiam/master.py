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
# features: the loss is then perfect and the network worthless. It has **collapsed**. SimCLR prevents this with
# negatives. SimSiam has none, and does not collapse either. In this assignment you write its loss, its network and its
# training loop, and two relatives, VICReg and BYOL. Then you take SimSiam apart: which part keeps it from collapsing?
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
# The minutes are an estimate for a student who has trained a network in PyTorch before; the computer's time comes on
# top.
#
# **How to work here.** Fill in the stubs from top to bottom. After each question, `grader.check("q1a")` tells you what
# is wrong, in seconds. The hidden tests check the same with other numbers. Keep the names and signatures of the stubs;
# you may add helper functions and cells. The grader runs your cells in order, but skips cells with the tag
# `skip-grading` (downloads, training, plots). Do not put anything there that a stub needs.
#
# Papers: [SimSiam](https://arxiv.org/abs/2011.10566) (Chen and He, 2020), [VICReg](https://arxiv.org/abs/2105.04906)
# (Bardes et al., 2021), [BYOL](https://arxiv.org/abs/2006.07733) (Grill et al., 2020), [directional self-supervised
# learning](https://arxiv.org/abs/2110.13555) (Bai et al., 2021). To read first: the first four pages of the SimSiam
# paper.

# %% [markdown]
# ## Setup
#
# You need the next cell on Colab only. It keeps the checkpoints on your Google Drive, because Colab deletes a
# machine's files when its session ends. Elsewhere, run `pip install torch torchvision numpy matplotlib tqdm
# otter-grader`.

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
# Folded cells hold code that you need not read: it reads the data, draws the views, trains, saves checkpoints, draws
# the figures and packs what you hand in. Run them.


# %% tags=["folded"] title="Given: data, views, training, figures, hand-in"
kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
DEVICE = torch.device(next(kind for kind, there in kinds.items() if there))

# fmt: off
RECIPE = {  # what is seldom changed; the columns are those of the table below
    #                         smoke            demo               cpu                gpu
    "widths":               ((8, 16, 16, 32), (16, 32, 64, 128), (16, 32, 64, 128), ()),  # of the small encoder
    "validation":           (16,              300,               1_000,             5_000),   # images kept out of the training
    "bank":                 (48,              1_000,             2_000,             45_000),  # images that vote
    "decay":                (5e-4,            5e-4,              5e-4,              5e-4),    # weight decay
    "jitter_strength":      (0.5,             0.5,               0.5,               0.5),
}
# fmt: on


# {{given seed.py}}


# {{given progress.py}}


# {{given data.py}}


# {{given cifar10.py}}


# {{given figures.py}}


# {{given rows.py}}


# {{given batches.py}}


# {{given views.py}}


# {{given precision.py}}


if DEVICE.type == "cpu":
    PRECISION = "float32"  # the small encoder gains nothing from half precision


# {{given checkpoints.py}}


# {{given record.py}}


# {{given training.py}}


def sgd(lr: float, decay: float):
    """SGD with momentum 0.9, whose rate falls to 0 along a cosine in one scheduler step per batch.

    A predictor has a higher rate: it must follow features that change, and short runs collapse in part where it lags.
    """

    def optimise(network, total_steps):
        fast = list(getattr(network, "predictor", nn.Identity()).parameters())
        slow = [one for one in network.parameters() if not any(one is other for other in fast)]
        groups = [{"params": slow}] + [{"params": fast, "lr": lr * HP["predictor_rate"]}] * bool(fast)
        optimizer = torch.optim.SGD(groups, lr=lr, momentum=0.9, weight_decay=decay)
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

    def __init__(self, encoder: nn.Module, d: int):
        super().__init__()
        self.encoder = encoder
        self.expander = nn.Sequential(nn.Linear(encoder.width, d), nn.BatchNorm1d(d), nn.ReLU(), nn.Linear(d, d))

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
    rows = "dataset seed encoder width bottleneck batch lr predictor_rate decay view_size jitter_strength k temperature"
    plan = {"widths": list(HP["widths"]), **{row: HP[row] for row in rows.split()}}
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
# | `cpu` | **the full training**, small encoder, two CPU cores | about 20 minutes |
# | `gpu` | the same with ResNet-18 and all images | hours on a GPU; can resume |

# %%
PROFILE = os.environ.get("KIT_PROFILE") or "smoke"

# fmt: off
PROFILES = ("smoke", "demo", "cpu", "gpu")
TABLE = {
    # data                    smoke      demo       cpu        gpu
    "dataset":              ("cifar10", "cifar10", "cifar10", "cifar10"),
    "train_images":         (64,        2_000,     20_000,    50_000),       # of q6
    "test_images":          (32,        1_000,     10_000,    10_000),
    "ablation_images":      (64,        1_200,     6_000,     50_000),       # of the ablations
    # network
    "encoder":              ("small",   "small",   "small",   "resnet18"),
    "width":                (32,        256,       512,       2_048),        # of the projections z
    "bottleneck":           (8,         64,        128,       512),          # the predictor's hidden layer
    # training
    "view_size":            (16,        16,        16,        32),           # pixels of 32; 16 is faster
    "batch":                (16,        64,        64,        512),
    "method":               ("full",    "full",    "full",    "full"),       # of q6: a variant, or vicreg
    "ablation_epochs":      (2,         3,         12,        100),          # of each ablation
    "epochs":               (2,         6,         18,        400),          # of the encoder that you hand in
    "lr":                   (0.03,      0.03,      0.06,      0.06),         # learning rate
    "predictor_rate":       (10,        10,        10,        10),           # times the learning rate
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
# All random numbers come from one seed. The training cells set it again, so that all ablations begin with the same
# encoder and see the same views.

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
# then the 3072 bytes of the image). If there is none, torchvision downloads the data set. You get **uint8** images
# `(n, 3, 32, 32)` and int64 labels `(n,)`. Training uses no label. Labels only measure what the features are worth,
# and so choose the epoch whose encoder you hand in.

# %% tags=["skip-grading"]
train_images, train_labels = load_split("train", max(HP["train_images"], HP["ablation_images"]))
test_images, test_labels = load_split("test", HP["test_images"])
print(f"{len(train_images)} training and {len(test_images)} test images")

# %% [markdown]
# Two views of an image: a random crop, perhaps flipped, with other colours. The folded code draws them for a whole
# batch.

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
# In all questions: tensors are float32, and results have the dtype of the inputs. No function may change its inputs
# (but `ema_update` changes `target`, and training the model), the global random state, the default dtype, the gradient
# mode or the mode of a model (but training puts it into train mode).
#
# ### q1a · Negative cosine ({{points q1a}} points)
#
# *15 minutes · easy*
#
# $$ D(p, z) = -\frac1n \sum_{k=1}^{n} \frac{p_k \cdot z_k}{\lVert p_k\rVert\,\lVert z_k\rVert}, \qquad z \text{ is a constant} . $$
#
# A constant has no gradient. This **stop-gradient** does not change the value, and it changes everything else: the
# prediction moves towards the projection, and the projection does not move towards the prediction.
#
# **What the grader checks:** the mean over rows, of rows of any length; the gradient to `p`; no gradient to `z`, also
# when `z` comes out of a network.
#
# For `toy_p1` and `toy_z2` below the two cosines are 0.8 and 1, so $D$ is −0.9.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Which method of a tensor returns the same numbers without their history?
# - Pitfalls: the stop on the wrong side, on both, or on neither; a plus sign; one norm for the whole matrix instead of
#   one for each row; a sum for the mean.
#
# </details>

# %% tags=["skip-grading"]
toy_p1, toy_p2 = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
toy_z1, toy_z2 = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.tensor([[4.0, 3.0], [0.0, 2.0]])
# your trials: this cell is not graded


# %% tags=["stub", "q1a"] stub="return minus the mean cosine of the rows; z is a constant"
def negative_cosine(p: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    r"""Minus the mean cosine of the rows of p and of z, in which z is a constant (Chen and He 2020, equations 1 and 3).

    .. math:: -\frac{1}{n} \sum_k \cos(p_k, \mathrm{stopgrad}(z_k))

    p, z: (n, d). Returns a 0-d tensor that carries a gradient to p and none to z.
    """
    ### BEGIN SOLUTION
    return -(F.normalize(p, dim=1) * F.normalize(z.detach(), dim=1)).sum(dim=1).mean()
    ### END SOLUTION


# %% tags=["public-tests", "q1a"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1a"
points = None


@test_case(name="two rows by hand, and where the gradient goes")
def test_negative_cosine(negative_cosine):
    import torch

    p = torch.tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
    z = torch.tensor([[4.0, 3.0], [0.0, 2.0]], requires_grad=True)
    loss = negative_cosine(p, z)
    assert abs(loss.item() + 0.9) < 1e-5, f"The cosines are 0.8 and 1: expected -0.9, got {loss.item():.4f}."
    loss.backward()
    assert z.grad is None or not z.grad.any(), "z is a constant: no gradient may reach it."


# %% [markdown]
# ### q1b · The symmetric loss ({{points q1b}} points)
#
# *10 minutes · easy*
#
# Each view is predicted from **the other one**:
#
# $$ \mathcal{L} = \tfrac12 D(p_1, z_2) + \tfrac12 D(p_2, z_1) . $$
#
# **What the grader checks:** value and gradients to `p1` and `p2`; no gradient to `z1` and `z2`.
#
# For the toy tensors it is −0.65. The lowest value is −1, that of random rows is near 0.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Call `negative_cosine` twice.
# - Pitfalls: a view compared with itself, $D(p_1, z_1)$; the factor ½ forgotten; $D(z_1, p_2)$, which stops the wrong
#   side.
#
# </details>


# %% tags=["stub", "q1b"] stub="return the symmetric loss"
def simsiam_loss(p1: torch.Tensor, p2: torch.Tensor, z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
    r"""SimSiam's loss (Chen and He 2020, equation 4).

    .. math:: \frac{1}{2} D(p_1, z_2) + \frac{1}{2} D(p_2, z_1)

    D is ``negative_cosine``. p1, p2, z1, z2: (n, d). Returns a 0-d tensor with a gradient to p1 and p2 only.
    """
    ### BEGIN SOLUTION
    return (negative_cosine(p1, z2) + negative_cosine(p2, z1)) / 2
    ### END SOLUTION


# %% tags=["public-tests", "q1b"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1b"
points = None


@test_case(name="both directions by hand")
def test_simsiam_loss(simsiam_loss):
    import torch

    p1, p2 = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    z1, z2 = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.tensor([[4.0, 3.0], [0.0, 2.0]])
    loss = float(simsiam_loss(p1, p2, z1, z2))
    assert abs(loss + 0.65) < 1e-5, f"D is -0.9 and -0.4: expected -0.65, got {loss:.4f}."


# %% [markdown]
# ### q1c · VICReg ({{points q1c}} points)
#
# *30 minutes · medium*
#
# VICReg needs neither negatives nor a stop-gradient: it writes into the loss what must not happen.
#
# - **Invariance**: both views alike. The mean of $(z_1 - z_2)^2$ over all $n \cdot d$ entries.
# - **Variance**: no feature constant. For each column $j$, $\max\bigl(0, 1 - \sqrt{\mathrm{Var}(z_{\cdot j}) +
#   10^{-4}}\bigr)$; the mean over the $d$ columns, **averaged** over the two views.
# - **Covariance**: no two features alike. With $C = \frac{1}{n-1} \sum_k (z_k - \bar z)(z_k - \bar z)^\top$ of one
#   view, $\frac1d \sum_{i \ne j} C_{ij}^2$, **summed** over the two views.
#
# $\mathrm{Var}$ is over $n - 1$, too. The loss is `sim` · invariance + `var` · variance + `cov` · covariance. These are
# the conventions of the authors' code. The paper prints the invariance without the $1/d$, and sums the variance.
#
# **What the grader checks:** the loss and its three terms **without their weights**; the gradient of the loss to both
# views; weights other than the default ones; a finite gradient where a column is constant; $n = 2$.
#
# For $z_1$ = ((0, 0), (1, 2), (2, 1)) and $z_2$ = ((0, 1), (1, 1), (2, 1)) the three terms are 0.3333, 0.2475 and
# 0.25, and the loss is 14.7708.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Write one function for the variance of one view and one for its covariance.
# - The squares off the diagonal: all squares minus those on the diagonal, or a matrix whose diagonal you have cleared.
# - Pitfalls: a variance over $n$; the 10⁻⁴ forgotten or outside the root; a covariance between the two views; columns
#   that are not centred; averaged and summed exchanged.
#
# </details>


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


# %% tags=["public-tests", "q1c"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1c"
points = None


@test_case(name="three rows by hand")
def test_vicreg(vicreg_loss):
    import torch

    out = vicreg_loss(torch.tensor([[0.0, 0], [1, 2], [2, 1]]), torch.tensor([[0.0, 1], [1, 1], [2, 1]]))
    for found, expected in zip(out, (14.7708, 1 / 3, 0.2475, 0.25), strict=True):
        assert abs(float(found) - expected) < 1e-3, f"Expected 14.7708, 0.3333, 0.2475, 0.25; got {out}."


# %% [markdown]
# ### q1d · BYOL ({{points q1d}} points)
#
# *25 minutes · medium*
#
# BYOL came before SimSiam. Its targets come from a second network, the *target network*, that is never trained: its
# parameters are a moving average of those of the *online network*. With projections $t_1, t_2$ of the target network,
#
# $$ \mathcal{L} = \frac1n \sum_k \bigl(2 - 2\cos(p_{1,k}, t_{2,k})\bigr) + \frac1n \sum_k \bigl(2 - 2\cos(p_{2,k}, t_{1,k})\bigr) . $$
#
# The sum runs over both directions; there is no ½. The targets are constants. After every step of the optimiser,
# $\theta' \leftarrow \tau\,\theta' + (1 - \tau)\,\theta$ for each parameter $\theta'$ of the target and $\theta$ of
# the online network, and $\tau$ rises from $\tau_0$ to 1 during the $K$ steps of the training:
#
# $$ \tau_k = 1 - (1 - \tau_0)\,\frac{1 + \cos(\pi k / K)}{2} . $$
#
# **`ema_update`** changes the parameters of `target` **in place** (the same `Parameter` objects stay, and whether they
# require gradients), records no graph, and **copies buffers**, such as a batch norm's running mean, from `online`. It
# does not change `online` and returns nothing.
#
# **What the grader checks:** value and gradient of the loss; parameters and buffers after updates with several τ, 0
# and 1 among them; the schedule at its ends and between.
#
# For the toy tensors, with $z$ as $t$, the loss is 1.4. With τ₀ = 0.9 and $K$ = 4, steps 0, 2 and 4 have τ = 0.9,
# 0.95, 1.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - How is $2 - 2\cos$ related to your `negative_cosine`?
# - Methods of tensors whose names end with an underscore work in place.
# - Pitfalls: τ and 1 − τ exchanged; new parameters instead of changed ones; a graph that grows from step to step;
#   running statistics left behind, or averaged; τ₀ or the step ignored.
#
# </details>


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


# %% tags=["public-tests", "q1d"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1d"
points = None


@test_case(name="by hand: the loss, one step of the average, the schedule")
def test_byol(byol_loss, ema_update, tau_schedule):
    import torch
    from torch import nn

    p, t = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[4.0, 3.0], [0.0, 2.0]])
    loss = float(byol_loss(p, p, t, t))
    assert abs(loss - 0.4) < 1e-5, f"2 - 2cos is 0.4 and 0 in both directions: 0.2 + 0.2 = 0.4, got {loss:.4f}."
    online, target = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    nn.init.constant_(online.weight, 3.0)
    online.running_mean.fill_(5.0)
    ema_update(online, target, 0.75)
    assert abs(target.weight.item() - 1.5) < 1e-6, f"0.75 * 1 + 0.25 * 3 = 1.5, got {target.weight.item():.4f}."
    assert target.running_mean.item() == 5.0, "Copy the buffers of online."
    taus = [float(tau_schedule(step, 4, 0.9)) for step in (0, 2, 4)]
    assert all(abs(a - b) < 1e-6 for a, b in zip(taus, (0.9, 0.95, 1.0))), f"Expected 0.9, 0.95, 1; got {taus}."


# %% [markdown]
# ## 2 · The network
#
# ### q2 · `SimSiam` ({{points q2}} points)
#
# *20 minutes · easy*
#
# $$ x \;\xrightarrow{\;\text{encoder}\;}\; h \;\xrightarrow{\;\text{projector}\;}\; z \;\xrightarrow{\;\text{predictor}\;}\; p $$
#
# - `self.projector`, three layers of `width` units: linear, batch norm, ReLU; linear, batch norm, ReLU; linear, batch
#   norm **without affine parameters**. The first takes `encoder.width` features.
# - `self.predictor`, two layers: linear to `bottleneck` units, batch norm, ReLU; linear back to `width` units.
#
# A bias in front of a batch norm has no effect, so linear layers there may have one or not. Both views go through the
# same modules. **`forward` does not stop the gradient**: the losses do that, so that you can switch it off in q5. It
# works in the mode, train or eval, that the model is in, and does not change it. Projector and predictor are one
# module each, which the grader calls. In train mode a batch norm needs at least two images.
#
# **What the grader checks:** projector and predictor, called with inputs of its own; `forward` returns $(p_1, p_2,
# z_1, z_2)$ in this order, with a gradient to the encoder from each of them; other encoders, widths and bottlenecks;
# no use of the names of an encoder's layers.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `nn.BatchNorm1d` has an argument for the affine parameters.
# - Pitfalls: a batch norm or a ReLU at the end of the predictor; a ReLU at the end of the projector; a second encoder
#   for the second view; $z$ detached; the predictor applied to $h$.
#
# </details>


# %% tags=["stub", "q2"] stub="build projector and predictor, forward both views"
class SimSiam(nn.Module):
    r"""Encoder, projector and predictor, shared by both views: :math:`z = g(f(x)),\ p = q(z)`.

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


# %% tags=["public-tests", "q2"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q2"
points = None


@test_case(name="shapes, and the last batch norm of the projector")
def test_simsiam(SimSiam, SmallEncoder):
    import torch

    model = SimSiam(SmallEncoder((4, 4, 4, 6)), width=10, bottleneck=3)
    out = model(*torch.rand(2, 8, 3, 16, 16))
    assert [tuple(part.shape) for part in out] == [(8, 10)] * 4, "forward returns (p1, p2, z1, z2), each (n, width)."
    assert max(z.mean(dim=0).abs().max() for z in out[2:]) < 1e-4, "The projector ends with a batch norm."
    assert all(z.requires_grad for z in out[2:]), "z keeps its graph in forward: the loss stops the gradient."


# %% [markdown]
# ## 3 · What features are worth
#
# ### q3 · k-NN accuracy ({{points q3}} points)
#
# *30 minutes · medium*
#
# A loss of −1 may be the sign of perfect features or of a collapse. To know, you need labels, but no training: an
# image gets the class of the images with similar features.
#
# 1. Normalise all rows. $s$ is the cosine between a test row and a training row.
# 2. The $k$ training rows with the largest $s$ are the neighbours; **all rows, if $k$ is above their number**.
# 3. Each neighbour votes for its class with the weight $e^{s/T}$, where $T$ is the `temperature`. The class with the
#    largest sum wins.
#
# Return the share of the test rows whose class wins. 10,000 test rows and 50,000 training rows have a matrix of 2 GB:
# work in chunks of test rows, and count the last, smaller chunk correctly.
#
# **What the grader checks:** exact accuracies; cases in which a majority, another temperature or rows that are not
# normalised would decide otherwise; labels that are missing in the training rows (such a test row counts as wrong);
# $k$ above the number of training rows; temperatures from 0.05 to 1. Labels are int64 from 0 to 9. Ties do not occur.
#
# A bank of the rows (1, 0), (0.6, 0.8), (0.8, 0.6) with the classes 0, 1, 1 and the test row (2, 0): with $k$ = 3
# class 1 wins for $T$ = 1 (4.05 against 2.72), class 0 for $T$ = 0.1, and class 0 for $k$ = 1.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `topk` returns values and indices; `scatter_add_` or a one-hot matrix sums the votes by class.
# - Pitfalls: a majority instead of weights; distances instead of cosines; $k$ larger than the bank; as many classes as
#   the *test* labels have; the mean of the accuracies of chunks.
#
# </details>


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


# %% tags=["public-tests", "q3"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q3"
points = None


@test_case(name="one neighbour of class 0 against two of class 1")
def test_knn(knn_accuracy):
    import torch

    bank, classes = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]), torch.tensor([0, 1, 1])
    for k, temperature, expected in ((1, 1.0, 1), (3, 1.0, 0), (3, 0.1, 1), (9, 1.0, 0)):
        found = float(knn_accuracy(bank, classes, torch.tensor([[2.0, 0.0]]), torch.tensor([0]), k, temperature))
        assert found == expected, f"k = {k}, temperature {temperature}: expected {expected}, got {found}."


# %% [markdown]
# ## 4 · Training
#
# ### q4 · One epoch, and the sign of a collapse ({{points q4}} points)
#
# *30 minutes · medium*
#
# **`train_one_epoch`** is one pass over the batches: both views through the model, the loss of what it returns, then
# four calls in a correct order: clear the old gradients, `backward`, `optimizer.step()`, `scheduler.step()`. Return
# the mean loss **per image** as a Python float, so that a small last batch counts less:
#
# $$ \bar{\mathcal{L}} = \frac{\sum_b n_b\, \mathcal{L}_b}{\sum_b n_b} . $$
#
# **`feature_std`** tells a collapse without labels: normalise the rows of $z$, take the standard deviation of each
# column (over $n - 1$), and the mean of these. Rows that are spread over the sphere in $d$ dimensions give about
# $1/\sqrt d$; equal rows give 0. Rows of zeros stay zeros, so a $z$ of zeros gives 0, not nan.
#
# **What the grader checks:** train mode (the model may arrive in eval mode); the parameters after several batches; one
# scheduler step per batch, after the optimiser's; no graph kept from batch to batch; an unchanged random state;
# `feature_std` of spread and of equal rows, which leaves $z$, random state and gradient mode as they are.
#
# The rows (3, 0) and (0, 5) have `feature_std` 0.7071; `torch.randn(1000, 512)` has about $1/\sqrt{512}$ = 0.0442.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Write the step for one batch, then the loop, then the mean.
# - Pitfalls: one view used twice; gradients cleared between `backward` and the step; the losses added up with their
#   graphs; the mean of the batches' losses, although the last batch is smaller; the deviation of rows for that of
#   columns; a division by the length of a row of zeros.
#
# </details>


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

    z: (n, d) with n ≥ 2; rows of zeros stay zeros. Near :math:`1/\sqrt d` where the rows spread over the sphere, 0 where
    all are equal.
    Returns a number (a Python float or a 0-d tensor).
    """
    ### BEGIN SOLUTION
    return F.normalize(z, dim=1).std(dim=0).mean().item()
    ### END SOLUTION


# %% tags=["public-tests", "q4"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q4"
points = None


@test_case(name="two batches by hand")
def test_epoch(train_one_epoch):
    import torch
    from torch import nn

    class OneWeight(nn.Linear):
        def forward(self, x1, x2):
            return self.weight * x1, self.weight * x2, -x1, -x2

    model = OneWeight(1, 1, bias=False)
    nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    batches = [((torch.ones(2, 1), 3 * torch.ones(2, 1)), None), ((2 * torch.ones(1, 1), 8 * torch.ones(1, 1)), None)]
    loss = train_one_epoch(model.eval(), batches, optimizer, scheduler, lambda p1, p2, z1, z2: (p1 + p2).mean() / 2)
    # The losses are 2 w for two images and 5 w for one, their gradients 2 and 5, the rates 0.1 and 0.05.
    assert abs(loss - 8 / 3) < 1e-5, f"(2 * 2 + 5 * 0.8) / 3 = 2.6667, got {loss:.4f}."
    w = model.weight.item()
    assert abs(w - 0.55) < 1e-5, f"1 - 0.1 * 2 - 0.05 * 5 = 0.55, but your weight is {w:.4f}."
    assert model.training, "Put the model into train mode."


@test_case(name="spread and equal rows")
def test_feature_std(feature_std):
    import torch

    found = [float(feature_std(torch.tensor(rows))) for rows in ([[3.0, 0.0], [0.0, 5.0]], [[1.0, 2.0], [2.0, 4.0]])]
    assert abs(found[0] - 0.7071) < 1e-3 and abs(found[1]) < 1e-6, f"Expected 0.7071 and 0, got {found}."


# %% [markdown]
# ## 5 · Taking SimSiam apart
#
# ### q5 · Four variants ({{points q5}} points)
#
# *15 minutes · easy*
#
# `variant(name, encoder, width, bottleneck)` returns a model and a loss, which takes $(p_1, p_2, z_1, z_2)$:
#
# | name | model | loss |
# | --- | --- | --- |
# | `"full"` | `SimSiam` | `simsiam_loss` |
# | `"no stop-gradient"` | `SimSiam` | the same value, with a gradient into $z_1$ and $z_2$ as well |
# | `"identity predictor"` | `SimSiam`, whose predictor returns its input: $p = z$ | `simsiam_loss` |
# | `"double width"` | `SimSiam` with 2 · `width`, the same `bottleneck` | `simsiam_loss` |
#
# Another name raises a `ValueError`.
#
# **What the grader checks:** the widths of the models, whose parameters can all be trained, and $p = z$ for the identity
# predictor; values and gradients of the losses; the error.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Which module of `torch.nn` returns its input?
# - Pitfalls: a loss that stops one side only; the bottleneck doubled too; a loss without stop-gradient that has another
#   value (only its gradient is another).
#
# </details>


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


# %% tags=["public-tests", "q5"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q5"
points = None


@test_case(name="what differs between the variants")
def test_variant(variant, SmallEncoder):
    import torch

    for name, width in (("full", 6), ("no stop-gradient", 6), ("identity predictor", 6), ("double width", 12)):
        model, loss_function = variant(name, SmallEncoder((4, 4, 4, 4)), 6, 2)
        leaves = [part.detach().requires_grad_() for part in model(*torch.rand(2, 4, 3, 8, 8))]
        assert leaves[2].shape == (4, width), f"{name}: z has {width} columns, got {tuple(leaves[2].shape)}."
        same = torch.equal(leaves[0], leaves[2])
        assert same == (name == "identity predictor"), f"{name}: whether p equals z is {same}."
        loss_function(*leaves).backward()
        moved = leaves[2].grad is not None and bool(leaves[2].grad.any())
        assert moved == (name == "no stop-gradient"), f"{name}: whether a gradient reaches z is {moved}."


# %% [markdown]
# ### Run them
#
# The driver is folded code: it trains with SGD and a rate that falls to 0, from the same first weights of the encoder
# and the same views for all. After each epoch it measures k-NN accuracy of the **encoder's** features with images that
# it does not train on. It saves everything after every epoch: run the cell again to resume a lost session. **If you
# change your code, set `restart=True`**; the driver tells you if you forget it.
#
# The predictor learns with ten times the rate of the rest (row `predictor_rate`): it must follow features that change,
# and in runs as short as these the full model collapses in part where it lags.
#
# Dotted lines show guessing, 10 %, and $1/\sqrt d$ (with double width, $1/\sqrt{2d}$ is healthy).

# %% tags=["skip-grading"]
few_images, few_labels = train_images[: HP["ablation_images"]], train_labels[: HP["ablation_images"]]
ablations = {
    name: train_variant(name, few_images, few_labels, HP["ablation_epochs"], restart=False)  # True: train anew
    for name in ("full", "no stop-gradient", "identity predictor", "double width")
}
update_metrics(ablations=ablations)
save_figure(plot_runs(ablations, HP["width"] ** -0.5), "ablations")

# %% [markdown]
# **VICReg with its variance term and without it.** Its network has no predictor and no batch norm at its end (with
# one, every column would have variance 1 whatever the encoder does). Its losses have another scale.

# %% tags=["skip-grading"]
vicreg = {
    name: train_vicreg(var, few_images, few_labels, HP["ablation_epochs"], name.replace(" ", "_"), restart=False)
    for name, var in (("vicreg", 25.0), ("vicreg without variance", 0.0))
}
update_metrics(vicreg=vicreg)
save_figure(plot_runs(vicreg, HP["width"] ** -0.5), "vicreg")

# %% [markdown]
# **What to expect.** With the profile `cpu` the solution reached after epoch 12, the mean of two seeds (1/√512 =
# 0.0442):
#
# | run | loss | `feature_std` | k-NN accuracy |
# | --- | --- | --- | --- |
# | `"full"`, SimSiam | -0.64 | 0.0440 | 34.2 % |
# | `"no stop-gradient"` | -0.96 | 0.0129 | 20.1 % |
# | `"identity predictor"` | -0.93 | 0.0146 | 21.1 % |
# | a predictor that keeps its random weights | -0.27 | 0.0285 | 22.5 % |
# | `"double width"` (1/√1024 = 0.0312) | -0.63 | 0.0307 | 33.9 % |
# | VICReg | 19.69 | 0.0405 | 34.6 % |
# | VICReg without its variance term | 0.00 | 0.0047 | 24.4 % |
#
# Without the stop-gradient the loss looks best and the features are worst. The last batch norm of the projector
# subtracts the mean of the batch, so the rows of $z$ cannot all be equal while their variance is above its ε: nearly
# all have one direction, and a few others balance them. Therefore the loss stops short of −1 and the deviation short
# of 0.

# %% [markdown]
# ## 6 · Your encoder
#
# ### q6 · The trained encoder ({{points q6}} points)
#
# *5 minutes · easy*
#
# You write nothing here. The cell trains on more images with the row `method` of the table: `"full"` is SimSiam. It
# writes `simsiam_best.pt`, the weights of the **encoder** at the epoch with the highest k-NN accuracy on training
# images that it kept aside. (Choosing the epoch by test images would give a number that is too high.) The grader loads
# the weights (never code) into its own small encoder or ResNet-18, whichever fits, and measures k-NN accuracy as in
# q3: 2,000 test images, 4,000 training images as bank, $k$ = 20, $T$ = 0.1. The share of the points rises from 0 at 31
# % to 1 above 37 %. Use neither labels nor test images for the training. Weights do not show how they were made, so
# this is a rule and no check.
#
# The measure varies by about a per cent, since it asks 2,000 images, and two seeds of the ablations differ by up to
# four. Measured:
#
# | encoder | k-NN accuracy in % | points of 8 |
# | --- | --- | --- |
# | random weights | 24.6 | 0 |
# | no stop-gradient, after epoch 12 | 22.9 | 0 |
# | SimSiam after one epoch | 30.1 | 0 |
# | SimSiam after epoch 12 | 33.3 | 3 |
# | VICReg after epoch 12 | 34.5 | 4.6 |
# | SimSiam of this section, after epoch 15 | 40.8 | 8 |

# %% tags=["skip-grading"]
images, labels = train_images[: HP["train_images"]], train_labels[: HP["train_images"]]
training = images, labels, HP["epochs"], "simsiam"  # simsiam_best.pt
if HP["method"] == "vicreg":
    history = train_vicreg(25.0, *training, restart=False)  # True: train anew
else:
    history = train_variant(HP["method"], *training, restart=False)
best = torch.load(RUN / "simsiam_best.pt", map_location="cpu", weights_only=True)
encoder = new_encoder()
before = knn_of(encoder, (images[: HP["bank"]], labels[: HP["bank"]]), (test_images, test_labels))
encoder.load_state_dict(best["state_dict"])
after = knn_of(encoder, (images[: HP["bank"]], labels[: HP["bank"]]), (test_images, test_labels))
update_metrics(train=history, knn_random=before, knn=after)
print(f"k-NN accuracy on the test images: {before:.1%} with random weights, {after:.1%} after epoch {best['epoch']}")
save_figure(plot_history(history, "training", k_NN_accuracy="knn", loss="loss", feature_std="feature_std"), "training")

# %% [markdown]
# ## 7 · Bonus: heavy augmentations
#
# ### q7 · Directed pairs ({{points q7}} bonus points)
#
# *25 minutes · medium*
#
# Strong augmentations, such as cut-outs, patches in another order or many colour changes at once, may remove what an
# image shows. A loss that pulls a standard view towards such a *heavy* view makes the features worse. Directed pairs
# (DSSL) pull in one direction only. From each of the two standard views come $m$ heavy ones:
#
# $$ \mathcal{L} = \mathcal{L}_{\text{SimSiam}}(p_1, p_2, z_1, z_2)
#   + \frac{1}{2m} \sum_{v=1}^{2} \sum_{j=1}^{m} D\bigl(p^{\text{heavy}}_{v,j},\, z_v\bigr) . $$
#
# Each heavy view is pulled **to the standard view that it was made from**; a standard view is pulled to the other
# standard view alone.
#
# **What the grader checks:** value and gradients for several $m$; no gradient to any target, and none to `z_heavy`,
# which is never a target.
#
# With the toy tensors, $m$ = 1 and $p^{\text{heavy}}_{1,1}$ = `toy_p1`, $p^{\text{heavy}}_{2,1}$ = `toy_p2` the loss
# is −0.65 − 0.55 = −1.2.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Call `simsiam_loss` and `negative_cosine`; the mean over heavy views is a mean over v and j.
# - Pitfalls: the other standard view as target; `z_heavy` as a target; a sum over the heavy views; a ½ that nobody
#   asked for.
#
# </details>


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


# %% tags=["public-tests", "q7"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q7"
points = None


@test_case(name="one heavy view of each standard view")
def test_directed(directed_loss):
    import torch

    p1, p2 = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    z1, z2 = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.tensor([[4.0, 3.0], [0.0, 2.0]])
    loss = float(directed_loss(torch.stack([p1, p2])[:, None], torch.ones(2, 1, 2, 2), p1, p2, z1, z2))
    assert abs(loss + 1.2) < 1e-5, f"-0.65 - (0.8 + 0.3) / 2 = -1.2, got {loss:.4f}."


# %% [markdown]
# ## 8 · Written questions
#
# Answer each question in a few sentences; you may use a formula or a sketch.

# %% [markdown] tags=["written", "w1"]
# ### w1 · The stop-gradient
#
# *10 minutes · medium*
#
# With and without the stop-gradient the loss has the same values. What do your curves show in both cases? Why does it
# collapse without? What does Chen and He's view of an alternation (EM) say that the stop-gradient does?

# %% [markdown] tags=["model-answer", "w1"]
# Without it the loss falls close to −1 within a few epochs, `feature_std` falls far below 1/√d, and k-NN accuracy goes
# below that of a random encoder: nearly all images get the same direction of $z$. With it the loss stays well above,
# the deviation stays at 1/√d, and k-NN accuracy rises. A constant output is a global minimum of the loss. Without the
# stop-gradient both sides move towards each other, which is the shortest way there. Chen and He write the loss as a
# problem in two sets of variables, the weights θ and one target η for each image (the mean of its features over
# augmentations). SimSiam alternates: with η fixed (the stop-gradient) one step on θ, then η is replaced by the
# features of another view under the new weights. Each η is computed, not trained, so that no gradient makes the
# targets of different images alike. This makes the collapse hard to reach from a usual start; it does not exclude it,
# since the constant solution stays a minimum.

# %% [markdown] tags=["rubric", "w1"]
# 4 points
#
# - 1 · the curves: loss, deviation and k-NN accuracy in both cases
# - 1 · a constant output is a minimum, and without the stop both sides move there
# - 1 · the alternation: targets fixed while the weights move, then computed anew
# - 1 · the stop-gradient changes the path of the training, not the minima of the loss

# %% [markdown] tags=["written", "w2"]
# ### w2 · The predictor
#
# *10 minutes · medium*
#
# With the identity as predictor SimSiam collapses although the gradient is stopped. Why? (Write the gradient of the
# symmetric loss for $p = z$.) What does a good predictor compute, and why may it not be fixed?

# %% [markdown] tags=["model-answer", "w2"]
# With $p = z$ the symmetric loss is ½D(z₁, sg z₂) + ½D(z₂, sg z₁). Its gradient to the weights is the sum of the
# gradients to $z_1$ with $z_2$ fixed and to $z_2$ with $z_1$ fixed, each with ½. That is exactly half of the gradient
# of D(z₁, z₂) without a stop. So the direction is that of training without a stop-gradient, and it collapses the same
# way. With a predictor $q$ the direction is another one: it must predict the projection of another view from $z$. The
# best $q$ returns the mean of $z_2$ over augmentations given $z_1$; it fills in the expectation that the alternation
# needs. With a fixed random predictor the encoder must make $q(z_1)$ equal to $z_2$ for an arbitrary $q$; nothing
# follows the features as they change, and in the paper the training does not converge.

# %% [markdown] tags=["rubric", "w2"]
# 4 points
#
# - 2 · with $p = z$ the gradient of the symmetric loss is half of that without a stop-gradient, so it collapses
# - 1 · a good predictor approximates the mean projection over augmentations
# - 1 · it must follow the features as they change, so a fixed one does not do

# %% [markdown] tags=["written", "w3"]
# ### w3 · Width, and Barlow Twins
#
# *10 minutes · medium*
#
# What did twice the width change in your curves? What would you expect of Barlow Twins (or of VICReg's covariance),
# and why?

# %% [markdown] tags=["model-answer", "w3"]
# SimSiam changes little: `feature_std` follows $1/\sqrt d$, and k-NN accuracy is that of the single width within the
# differences between seeds. Its loss compares directions of whole vectors, and nothing asks the new dimensions for
# anything new: they may repeat the old ones, and the bottleneck of the predictor is the same. Barlow Twins gains from
# width up to 16,384 dimensions: its loss asks every feature to be uncorrelated with all others, so each new dimension
# must carry something new, and the number of constraints grows with d². The price: a $d \times d$ matrix, and
# statistics that a small batch estimates badly. VICReg's covariance acts the same way. The width meant here is that of
# the projections; $h$, which is used afterwards, keeps its width.

# %% [markdown] tags=["rubric", "w3"]
# 4 points
#
# - 1 · the own curves: little or no gain for SimSiam, and the deviation follows $1/\sqrt d$
# - 1 · why: its loss does not ask dimensions to differ
# - 1 · Barlow Twins gains, since decorrelation makes each dimension carry something new
# - 1 · a cost or limit: the $d \times d$ matrix, the batch, or that $h$ does not change its width

# %% [markdown] tags=["written", "w4"]
# ### w4 · Heavy augmentations
#
# *10 minutes · medium*
#
# Why can heavy augmentations harm a symmetric loss? How do directed pairs use them all the same? What would you
# measure to show that it helps?

# %% [markdown] tags=["model-answer", "w4"]
# A heavy view may have lost what the image shows. A symmetric loss pulls the standard view towards it, so the features
# of a clear view must forget what the heavy one lacks; with many heavy views most pairs are of that kind. DSSL treats
# pairs as ordered: a heavy view is derived from a standard view, so it has less information, and it is pulled to the
# standard view, never the reverse. The target is stopped, so that the standard features are as good as with standard
# pairs only, and the network learns in addition to recognise an image in a heavy view (robustness, more diverse
# inputs). Between two heavy views there is no pair: neither is a good target. To show it: k-NN or linear accuracy with
# the same epochs and the same *number of views*, for SimSiam alone, SimSiam with heavy views as ordinary ones, and
# with directed pairs, with several seeds and several strengths of the heavy augmentation; and accuracy on corrupted
# images.

# %% [markdown] tags=["rubric", "w4"]
# 4 points
#
# - 1 · a heavy view lacks information, and a symmetric loss makes the standard view forget it
# - 1 · one direction: heavy to its own standard view, with the target stopped
# - 1 · what is gained: invariance to strong changes without harm to the standard features
# - 1 · a fair comparison (the same budget, the symmetric use of heavy views as a control)

# %% [markdown] tags=["written", "w5"]
# ### w5 · The three terms of VICReg
#
# *10 minutes · medium*
#
# Which failure does each of the three terms prevent? What happens without the variance term, and what without the
# covariance term? Why does VICReg need no batch norm at the end of its network, and no asymmetry?

# %% [markdown] tags=["model-answer", "w5"]
# Invariance alone asks both views to be equal; a constant does that. The variance term keeps the deviation of each
# column above 1 by a hinge: without it the network collapses, as in the run with `var` = 0 (loss to 0, `feature_std`
# to a tenth of 1/√d, k-NN accuracy about that of random weights), and the covariance term helps the collapse,
# since a constant has covariance 0. Without the covariance term all columns may be copies of one feature with
# deviation 1: the network does not collapse to a point, but to a line (a dimensional collapse). The covariance term
# makes columns uncorrelated, so that the information is spread. Every constraint stands in the loss and holds for each
# view by itself. So there is no need for the implicit help of a batch norm, of a stop-gradient, of a predictor or of a
# moving average, and the two branches may even have different networks. With a batch norm without affine parameters at
# the end the variance would be 1 always, and the variance term would have no gradient.

# %% [markdown] tags=["rubric", "w5"]
# 4 points
#
# - 1 · invariance: views alike; alone it allows a constant
# - 1 · variance: against the collapse to a point, with what the run without it shows
# - 1 · covariance: against copies of one feature (dimensional collapse)
# - 1 · the constraints are explicit and hold for each branch, so no asymmetry or batch norm is needed

# %% [markdown] tags=["written", "w6"]
# ### w6 · BYOL and SimSiam
#
# *10 minutes · medium*
#
# What do BYOL and SimSiam share, and what differs? What is SimSiam in terms of τ? What does the moving average give,
# and what does it cost?

# %% [markdown] tags=["model-answer", "w6"]
# Both have an encoder with a projector, a predictor on one side, a loss of cosines in both directions ($\mathcal
# L_{BYOL} = 4 + 4\,\mathcal L_{SimSiam}$ for the same tensors), a stop-gradient on the target, and no negatives. In
# BYOL the targets come from a second network whose weights are a moving average. With τ = 0 that network is the online
# network after each step, so SimSiam is BYOL with τ = 0. SimSiam shows that the moving average is not what prevents
# the collapse; predictor and stop-gradient are. The average gives targets that change slowly and are less noisy (an
# ensemble over time), and with it accuracy is higher in long runs; τ rises to 1 so that the targets settle at the end.
# It costs a second set of weights and buffers in memory, a forward pass of both views through the target network, and
# one more hyper-parameter: with τ = 1 the targets never change, with a τ too low they are as noisy as SimSiam's.

# %% [markdown] tags=["rubric", "w6"]
# 4 points
#
# - 1 · shared: predictor, stop-gradient, cosine loss without negatives
# - 1 · SimSiam is BYOL with τ = 0: the moving average is not what prevents the collapse
# - 1 · what it gives: slow, less noisy targets, better long runs
# - 1 · what it costs: memory, forward passes, a hyper-parameter (or what both extremes of τ do)

# %% [markdown] tags=["written", "w7"]
# ### w7 · Why asymmetry helps
#
# *10 minutes · medium*
#
# SimCLR, VICReg and Barlow Twins have two equal branches; SimSiam, BYOL and DSSL do not. What does an asymmetry
# (predictor, stop-gradient, moving average, directed pairs) do that would otherwise be a term of the loss? Name a
# danger of relying on it.

# %% [markdown] tags=["model-answer", "w7"]
# Symmetric methods must exclude the collapse by the loss: negatives push images apart (SimCLR), or statistics of the
# batch are prescribed (variance and covariance, cross-correlation). Asymmetric methods leave the constant solution in
# the loss and change the dynamics: the target side does not move towards the prediction, so that only one side adapts.
# The predictor learns faster than the encoder and takes over the agreement; in linear models one can show that with it
# the eigenvalues of the features' covariance grow instead of shrinking (Tian et al., 2021). The moving average
# separates both sides in time, directed pairs separate good from poor information. What is gained: no need for large
# batches or $d \times d$ statistics. The danger: nothing in the loss tells of a collapse. Its value even looks best
# then. It depends on learning rate, weight decay, batch norm and the predictor whether training collapses, so one must
# watch `feature_std` or k-NN accuracy.

# %% [markdown] tags=["rubric", "w7"]
# 4 points
#
# - 1 · symmetric methods exclude the collapse by the loss (negatives or statistics of the batch)
# - 1 · asymmetric ones change the dynamics: one side is fixed while the other one adapts
# - 1 · a benefit (small batches, no negatives, less computation)
# - 1 · a danger: the loss does not show the collapse; hyper-parameters decide; watch the deviation

# %% [markdown]
# ## 9 · Hand in
#
# This last cell saves the notebook (in JupyterLab and on Colab; elsewhere, save it first), makes a report of it, and
# collects both, the checkpoint, the figures and the numbers in `simsiam-submission.zip` in the run folder: upload that
# file.

# %% tags=["skip-grading"]
try:
    print(write_submission())
except NameError as missing:
    print(f"Nothing was packed ({missing}): run the cells above Data again, then this one.")
