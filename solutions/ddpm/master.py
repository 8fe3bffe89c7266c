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
# # Denoising diffusion
#
# {{colab_badge}}
#
# ![An image becomes noise in many small steps; a network takes the noise away again, step by step.](pictures/chain.png)
#
# If you add noise to an image in many small steps, nothing is left of it. A network that learns to undo *one* small
# step can go back step by step, from pure noise to a new image. In this assignment you write a denoising diffusion
# model (DDPM): the noise schedules, the noising, one step back, the loss, the training loop and the sampler. The
# network, a small U-Net, is given.
#
# | question | you write | points | minutes | difficulty |
# | --- | --- | --- | --- | --- |
# | q1a | `noise_schedule`, linear, with the posterior variance | {{points q1a}} | 30 | easy |
# | q1b | `cosine_schedule` | {{points q1b}} | 20 | easy |
# | q2 | `q_sample`, from image to noise in one step | {{points q2}} | 20 | easy |
# | q3 | `p_mean_variance`, `p_sample`, one step back | {{points q3}} | 45 | hard |
# | q4 | `ddpm_loss` | {{points q4}} | 15 | easy |
# | q5 | `train_one_epoch`, `sample` | {{points q5}} | 45 | medium |
# | q6 | the files `ddpm_model.pt` and `ddpm_samples.pt`: digits, scored by three numbers | {{points q6}} | 5 | easy |
# | q7 | `drop_labels`, `guided_eps`: digits of a chosen class, by classifier-free guidance | {{points q7}} bonus | 30 | medium |
# | w1 – w4 | four short written answers, graded by hand | {{points w1}} each | 10 each | medium |
#
# The minutes are an estimate for a student who has trained a network in PyTorch before; the computer's time comes on top.
#
# **How to work here.** Fill in the stubs from top to bottom. After each question, `grader.check("q1a")` tells you what
# is wrong, in seconds. The hidden tests check the same with other numbers. Keep the names and signatures of the stubs;
# you may add helper functions and cells. The grader runs your cells in order, but skips cells with the tag
# `skip-grading` (downloads, training, plots). Do not put anything there that a stub needs.
#
# Papers: [DDPM](https://arxiv.org/abs/2006.11239) (Ho et al., 2020), [Improved
# DDPM](https://arxiv.org/abs/2102.09672) (Nichol and Dhariwal, 2021), [Classifier-free
# guidance](https://arxiv.org/abs/2207.12598) (Ho and Salimans, 2022). To read first: [What are diffusion
# models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/) (Weng, 2021), all formulas with their derivation;
# [Guidance](https://sander.ai/2022/05/26/guidance.html) (Dieleman, 2022), why q7 works.

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
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torch import nn
from tqdm.auto import tqdm

# %% [markdown]
# ### Given code
#
# Folded cells hold code that you need not read: it reads the data, trains fast, saves checkpoints, draws the figures and
# packs what you hand in. Run them.


# %% tags=["folded"] title="Given: data, training, sampling, figures, hand-in"
kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
DEVICE = torch.device(next(kind for kind, there in kinds.items() if there))

# fmt: off
RECIPE = {  # what is seldom changed; the columns are those of the table below
    #                         smoke       demo          cpu           gpu
    "warmup":               (0.1,        0.1,          0.05,         0.02),           # share of all steps
    "ema":                  (0.9,        0.98,         0.999,        0.9995),         # decay of the averaged weights
    "grid":                 (8,          16,           32,           64),             # samples after every epoch
    "drop":                 (0.15,       0.15,         0.15,         0.15),           # share of hidden labels
}
# fmt: on


# {{given seed.py}}


# {{given progress.py}}


# {{given data.py}}


SHAPES = {"mnist": (1, 28, 28), "fashion_mnist": (1, 28, 28), "svhn": (3, 32, 32), "cifar10": (3, 32, 32)}


def load_images(name: str, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``limit`` training images (n, c, h, w) uint8 and labels (n,) int64 of the data set."""
    rows = prepared_rows("train", limit)
    if rows is not None:
        return rows[:, 1:].reshape(-1, *SHAPES[name]), rows[:, 0].long()
    sets = torchvision.datasets
    kinds = {"mnist": sets.MNIST, "fashion_mnist": sets.FashionMNIST, "svhn": sets.SVHN, "cifar10": sets.CIFAR10}
    unpacked = {"svhn": "train_32x32.mat", "cifar10": "cifar-10-batches-py"}.get(name, f"{kinds[name].__name__}/raw")
    dataset = official(kinds[name], unpacked)
    images = torch.as_tensor(dataset.data)
    images = images.permute(0, 3, 1, 2) if name == "cifar10" else images.reshape(-1, *SHAPES[name])
    labels = torch.as_tensor(dataset.labels if name == "svhn" else dataset.targets)
    some = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:limit]  # a file may be sorted
    return images[some].contiguous(), labels[some].long()


# {{given figures.py}}


def plot_schedules(T: int):
    """The share of the image that is left at each step, for both schedules."""
    figure, axes = plt.subplots(figsize=(5.4, 3))
    linear = noise_schedule(T, HP["beta_start"], HP["beta_end"])
    for name, schedule in (("linear", linear), ("cosine", cosine_schedule(T))):
        axes.plot(schedule.alpha_bar.sqrt(), label=rf"$\sqrt{{\bar\alpha_t}}$, {name}")
    axes.set(xlabel="t", ylabel="share of the image")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    return figure


# {{given rows.py}}


def forward_strip(image: torch.Tensor, steps: list[int]):
    """One image at several steps of the forward process, with the same noise in all of them."""
    seed_everything(HP["seed"])
    x0 = to_floats(image[None]).to(DEVICE).expand(len(steps), *image.shape)
    noise = torch.randn(1, *image.shape, device=DEVICE).expand_as(x0)
    noised = q_sample(x0, torch.tensor(steps, device=DEVICE), noise, SCHEDULE)
    return show_rows([[image, *to_pixels(noised)]], ["image", *(f"t = {step}" for step in steps)], [""])


def plot_epochs(history: list[dict], most: int = 8):
    """Samples from the same noise after several epochs, with the wall-clock time of each epoch."""
    chosen = sorted({round(k) for k in np.linspace(1, len(history), min(most, len(history)))})
    grids = [plt.imread(RUN / "epochs" / f"{epoch:03d}.png") for epoch in chosen]
    height = 1.1 * len(chosen) * max(1, grids[0].shape[0] / 56)
    figure, axes = plt.subplots(len(chosen), 1, figsize=(8, height), squeeze=False)
    for axis, grid, epoch in zip(axes[:, 0], grids, chosen):
        axis.imshow(grid)
        axis.set(xticks=[], yticks=[])
        axis.set_ylabel(f"epoch {epoch}\n{history[epoch - 1]['seconds']:.0f} s", fontsize=8)
    figure.tight_layout(h_pad=0.3)
    return figure


@torch.no_grad()
def walk_back(eps_model, x: torch.Tensor, start: int, schedule) -> torch.Tensor:
    """From x at step ``start`` to x_0."""
    for step in reversed(range(start + 1)):
        t = torch.full((len(x),), step, device=x.device)
        x = p_sample(eps_model, x, t, schedule, torch.randn_like(x))
    return x


def plot_reconstructions(images: torch.Tensor, starts: list[int]):
    """Images, and for each start the noised images and their reconstructions."""
    seed_everything(HP["seed"])
    x0 = to_floats(images).to(DEVICE)
    rows, names = [images], ["image"]
    for start in starts:
        t = torch.full((len(x0),), start, device=DEVICE)
        noised = q_sample(x0, t, torch.randn_like(x0), SCHEDULE)
        rows += [to_pixels(noised), to_pixels(walk_back(network, noised, start, SCHEDULE))]
        names += [f"t = {start}", f"back from\n{start} of {len(SCHEDULE.beta)}"]
    return show_rows(rows, [""] * len(images), names)


def save_animation(eps_model, count: int = 8, frames: int = 20) -> Path:
    """A GIF of ``count`` samples on their way from noise to images; returns its path."""
    seen = []

    def watched(x, t):
        seen.append(x.cpu())
        return eps_model(x, t)

    last = sample(watched, (count, *IMAGE_SHAPE), SCHEDULE, torch.Generator(DEVICE).manual_seed(HP["seed"]))
    chosen = sorted({round(k) for k in np.linspace(0, len(seen) - 1, frames)})
    grids = [as_grid(to_pixels(x), 8) for x in (*(seen[k] for k in chosen), last)]
    images = [Image.fromarray(grid).resize((2 * grid.shape[1], 2 * grid.shape[0]), Image.NEAREST) for grid in grids]
    path = FIGURES / "denoising.gif"
    times = [100] * (len(images) - 1) + [2000]
    images[0].convert("P").save(path, save_all=True, append_images=images[1:], duration=times, loop=0)
    return path


# {{given batches.py}}


# {{given precision.py}}


# {{given checkpoints.py}}


# {{given record.py}}


# {{given training.py}}


class Averaged(nn.Module):
    """A network in training, and ``average``: the moving average of its weights, for samples."""

    def __init__(self, network: nn.Module, decay: float):
        super().__init__()
        self.network, self.decay = network, decay
        self.average = copy.deepcopy(network).requires_grad_(False).eval()
        self.register_buffer("updates", torch.zeros(()))

    def forward(self, *inputs):
        return self.network(*inputs)

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights; the first updates are larger."""
        self.updates += 1
        weight = 1 - min(self.decay, (1 + self.updates.item()) / (10 + self.updates.item()))
        for mean, current in zip(self.average.parameters(), self.network.parameters()):
            mean.lerp_(current, weight)


def adam(lr: float, warmup: float):
    """Adam with linear warm-up over a share of the steps, then a cosine to 0; every step updates the average."""

    def optimise(model, total_steps):
        optimizer = torch.optim.Adam(model.network.parameters(), lr=lr)
        optimizer.register_step_post_hook(lambda *_: model.update())
        first = max(1, int(warmup * total_steps))

        def factor(step: int) -> float:
            rest = min(1.0, max(0, step - first) / max(1, total_steps - first))
            return min(1.0, (step + 1) / first) * (1 + math.cos(math.pi * rest)) / 2

        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)

    return optimise


def draw_t_and_noise(x0: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A step (n,) for each row, uniform, and standard normal noise like x0."""
    return torch.randint(len(SCHEDULE.beta), (len(x0),), device=x0.device), torch.randn_like(x0)


def diffusion_loss(model, x0: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Your loss with random steps and noise; it ignores the labels."""
    return ddpm_loss(model, x0, *draw_t_and_noise(x0), SCHEDULE)


def draw_samples(eps_model, count: int, seed: int, schedule, batch: int = 256) -> torch.Tensor:
    """``count`` samples by your ``sample`` as uint8 images (count, c, h, w)."""
    generator = torch.Generator(DEVICE).manual_seed(seed)
    sizes = [min(batch, count - first) for first in range(0, count, batch)]
    bar = tqdm(sizes, desc="batches of samples", leave=False, disable=len(sizes) == 1)
    return torch.cat([to_pixels(sample(eps_model, (size, *IMAGE_SHAPE), schedule, generator)) for size in bar])


# {{given grid.py}}


def train_ddpm(images, labels, restart=False) -> tuple[nn.Module, list[dict]]:
    """Train a fresh U-Net; returns the averaged network and the history, writes ``ddpm_model.pt`` and a grid per epoch."""
    seed_everything(HP["seed"])
    model = Averaged(UNet(IMAGE_SHAPE[0], HP["widths"]), HP["ema"])
    plan = {key: HP[key] for key in ("epochs", "lr", "warmup", "ema", "batch", "dataset", "seed")}
    plan["code"] = ["noise_schedule", "q_sample", "p_sample", "ddpm_loss", "train_one_epoch", "sample"]
    plan |= {"images": len(images), "widths": list(HP["widths"]), "betas": [HP["T"], HP["beta_start"], HP["beta_end"]]}
    (RUN / "epochs").mkdir(exist_ok=True)

    def train(network, batches, optimizer, scheduler):
        return {"loss": train_one_epoch(network, batches, optimizer, scheduler, diffusion_loss, DEVICE)}

    def after_epoch(history):
        result = {"epoch": len(history), "profile": PROFILE, "alpha_bar": SCHEDULE.alpha_bar.cpu()}
        files = [RUN / "ddpm_model.pt"]
        if len(history).bit_count() == 1:  # after 1, 2, 4, 8 … epochs: to see later how the samples improve
            files.append(RUN / "epochs" / f"{len(history):03d}.pt")
        for file in files:
            save_atomically(file, {"state_dict": model.average.state_dict(), **result})
        grid = as_grid(draw_samples(model.average, HP["grid"], HP["seed"], SCHEDULE), min(16, HP["grid"]))
        plt.imsave(RUN / "epochs" / f"{len(history):03d}.png", grid)

    loader, optimise = Batches(images, labels, HP["batch"], to_floats), adam(HP["lr"], HP["warmup"])
    return model.average, fit("ddpm", model, loader, plan, optimise, train, after_epoch=after_epoch, restart=restart)


def bonus_is_there() -> bool:
    """Whether q7 is filled in."""
    return not is_stub_here("drop_labels") and not is_stub_here("guided_eps")


def train_guided(network, images, labels, restart=False) -> tuple[nn.Module, list[dict]]:
    """Continue the training with labels; returns the averaged network and the history."""
    seed_everything(HP["seed"])
    start = UNet(IMAGE_SHAPE[0], HP["widths"], CLASSES)
    nn.init.normal_(start.label.weight, std=0.5)
    nn.init.zeros_(start.label.weight[CLASSES:])
    start.load_state_dict(network.state_dict(), strict=False)
    model = Averaged(start, HP["ema"])
    plan = {key: HP[key] for key in ("lr", "warmup", "ema", "batch", "dataset", "seed", "drop")}
    plan["code"] = ["noise_schedule", "q_sample", "ddpm_loss", "train_one_epoch", "drop_labels"]
    plan |= {"epochs": HP["guided_epochs"], "images": len(images)}
    plan |= {"start": float(sum(weight.double().abs().sum() for weight in network.parameters()))}

    def loss(model, x0, labels):
        shown = drop_labels(labels, torch.rand(len(labels), device=x0.device), HP["drop"], CLASSES)
        return ddpm_loss(lambda x, t: model(x, t, shown), x0, *draw_t_and_noise(x0), SCHEDULE)

    def train(network, batches, optimizer, scheduler):
        return {"loss": train_one_epoch(network, batches, optimizer, scheduler, loss, DEVICE)}

    loader, optimise = Batches(images, labels, HP["batch"], to_floats), adam(HP["lr"], HP["warmup"])
    return model.average, fit("guided", model, loader, plan, optimise, train, restart=restart)


def plot_guided(guided, scales: list[float], each: int = 5):
    """Samples of every class, side by side for several scales."""
    labels = torch.arange(CLASSES, device=DEVICE).repeat_interleave(each)
    figure, axes = plt.subplots(1, len(scales), figsize=(3.2 * len(scales), 4.2))
    for axis, scale in zip(axes, scales):
        generator = torch.Generator(DEVICE).manual_seed(HP["seed"])

        def eps_model(x, t, scale=scale):
            return guided_eps(guided, x, t, labels, scale, CLASSES)

        drawn = sample(eps_model, (len(labels), *IMAGE_SHAPE), SCHEDULE, generator)
        axis.imshow(as_grid(to_pixels(drawn), each))
        axis.set(xticks=[], yticks=[], title=f"scale {scale:g}")
    axes[0].set_ylabel("one class per row")
    figure.tight_layout()
    return figure


HANDED_IN = ["ddpm_model.pt", "ddpm_samples.pt", "metrics.json", "figures/denoising.gif"]
SHOWN = ("forward_strip", "train_loss", "samples_by_epoch", "reconstructions", "samples")
HANDED_IN += [f"figures/{name}.png" for name in SHOWN]


# {{given notebook_file.py}}


# {{given report.py}}


# {{given hand_in.py}}


# %% [markdown]
# ### Profile and hyper-parameters
#
# `PROFILE` chooses a column of the table in the next cell. Leave it at `smoke` until all your checks pass, then choose
# `gpu`, or `cpu` if you have no GPU.
#
# | profile | purpose | time |
# | --- | --- | --- |
# | `smoke` | check that everything runs | seconds on a CPU |
# | `demo` | a first real checkpoint | one or two minutes of training |
# | `cpu` | two CPU cores and no GPU | about an hour |
# | `gpu` | **the full training** | minutes on a GPU; can resume |
#
# The row `dataset` chooses the images: MNIST, Fashion-MNIST, SVHN or CIFAR-10. The code below reads channels and size
# from the data.

# %%
PROFILE = os.environ.get("KIT_PROFILE") or "smoke"

# fmt: off
PROFILES = ("smoke", "demo", "cpu", "gpu")
TABLE = {
    # data                    smoke       demo          cpu           gpu
    "dataset":              ("mnist",    "mnist",      "mnist",      "mnist"),        # fashion_mnist, svhn, cifar10
    "train_images":         (64,         4_000,        60_000,       60_000),         # the first of the data
    # diffusion
    "T":                    (25,         50,           200,          200),
    "beta_start":           (4e-3,       2e-3,         5e-4,         5e-4),
    "beta_end":             (0.6,        0.4,          0.1,          0.1),
    # network
    "widths":               ((8, 16),    (16, 32, 64), (16, 32, 96), (32, 64, 160)),  # channels, level by level
    # training
    "batch":                (16,         64,           64,           128),
    "epochs":               (2,          12,           5,            60),
    "guided_epochs":        (1,          3,            3,            15),             # the bonus part, with labels
    "lr":                   (1e-3,       2e-3,         1e-3,         1e-3),           # learning rate
    "samples":              (16,         1_024,        1_024,        1_024),          # to hand in
    "seed":                 (0,          0,            0,            0),
}
# fmt: on
assert PROFILE in PROFILES, f"PROFILE is {PROFILE!r}; choose one of {', '.join(PROFILES)}"
HP = {name: row[PROFILES.index(PROFILE)] for name, row in (RECIPE | TABLE).items()}
assert HP["T"] >= 1, f"T is {HP['T']}: a diffusion has at least one step"

print(f"profile {PROFILE} on {DEVICE.type} in {PRECISION}")

# %% [markdown]
# All random numbers come from one seed; training and sampling below set it again.

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
# The cell reads a prepared copy (such as `mnist/train.npy` under `KIT_DATA` or a `data` folder nearby; each row holds
# the label and then the bytes of the image). If there is none, torchvision downloads the data set. You get **uint8**
# images `(n, c, h, w)` and int64 labels `(n,)`. Diffusion works on floats in $[-1, 1]$: `to_floats` and `to_pixels`
# convert them.


# %%
def to_floats(images: torch.Tensor) -> torch.Tensor:
    """uint8 images -> float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_pixels(x: torch.Tensor) -> torch.Tensor:
    """Floats, clipped to [-1, 1] -> uint8 images on the CPU."""
    return ((x.detach().cpu().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


# %% tags=["skip-grading"]
train_images, train_labels = load_images(HP["dataset"], HP["train_images"])
IMAGE_SHAPE = tuple(train_images.shape[1:])
CLASSES = int(train_labels.max()) + 1
print(f"{len(train_images)} training images, {IMAGE_SHAPE} each, {CLASSES} classes")

# %% [markdown]
# ## 1 · Noise schedules
#
# The forward process adds a little Gaussian noise in each of $T$ steps,
#
# $$ q(x_t \mid x_{t-1}) = \mathcal{N}\bigl(\sqrt{1-\beta_t}\,x_{t-1},\ \beta_t I\bigr), \qquad t = 1 \dots T . $$
#
# You need four sequences of length $T$. **Arrays begin at 0**: index `t` of an array holds step $t+1$ of the formulas,
# so `t` runs from 0 to $T-1$ in all code below.
#
# In all questions: no function may change its inputs, the global random state, the default dtype or the gradient mode:
# everything random comes in as an argument. Only `train_one_epoch` may change a model: its parameters, gradients or mode.


# %%
class Schedule(NamedTuple):
    """Four tensors (T,): index t holds step t + 1."""

    beta: torch.Tensor
    alpha: torch.Tensor
    alpha_bar: torch.Tensor
    posterior_variance: torch.Tensor

    def to(self, device) -> "Schedule":
        """The same schedule on another device."""
        return Schedule(*(tensor.to(device) for tensor in self))


# %% [markdown]
# ### q1a · Linear schedule ({{points q1a}} points)
#
# *30 minutes · easy*
#
# $\beta_1, \dots, \beta_T$ rise in equal steps from `beta_start` to `beta_end`, **both included**, and
#
# $$
# \alpha_t = 1 - \beta_t, \qquad \bar\alpha_t = \prod_{s=1}^{t} \alpha_s, \qquad
# \tilde\beta_t = \beta_t\,\frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t} \quad\text{with } \bar\alpha_0 = 1 .
# $$
#
# $\tilde\beta_t$ is the variance of $x_{t-1}$ when both $x_t$ and the clean image are known. For $t = 1$, $x_{t-1}$ is
# the clean image itself, so the first $\tilde\beta$ is 0.
#
# **By hand first**, for $T = 3$ with β from 0.1 to 0.3. Compute the two lower rows with pen and paper, then write the code:
#
# | | $t = 1$ | $t = 2$ | $t = 3$ |
# | --- | --- | --- | --- |
# | $\beta_t$ | 0.1 | 0.2 | 0.3 |
# | $\bar\alpha_t$ | 0.9 | 0.72 | 0.504 |
# | $\tilde\beta_t$ | 0 | 0.0714 | 0.1694 |
#
# **What the grader checks:** any `T` from 1 to 1000 (with `T = 1` the only β is `beta_start`) and any ends;
# four float32 tensors of shape `(T,)` in a `Schedule`.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - PyTorch has a function for equal steps and one for running products.
# - $\bar\alpha_{t-1}$ is the same sequence, shifted by one place. Which number comes first?
# - Pitfalls: a running sum for the product; the last β left out; $\bar\alpha_1$ taken for $\bar\alpha_0$, so that the first
#   $\tilde\beta$ is $\beta_1$; a loop that is right for three steps and slow for a thousand.
#
# </details>


# %% tags=["stub", "q1a"] stub="return the linear Schedule"
def noise_schedule(T: int, beta_start: float = 1e-4, beta_end: float = 0.02) -> Schedule:
    r"""The linear schedule (Ho et al. 2020, section 4): :math:`\beta`, :math:`\alpha`, :math:`\bar\alpha`, :math:`\tilde\beta`.

    .. math:: \alpha_t = 1 - \beta_t, \quad \bar\alpha_t = \prod_{s \le t} \alpha_s, \quad
        \tilde\beta_t = \beta_t (1 - \bar\alpha_{t-1}) / (1 - \bar\alpha_t), \quad \bar\alpha_0 = 1

    Returns a Schedule of four float32 tensors (T,).
    """
    ### BEGIN SOLUTION
    return schedule_of(torch.linspace(beta_start, beta_end, T))


def schedule_of(beta: torch.Tensor) -> Schedule:
    """The Schedule of given betas (T,)."""
    alpha = 1 - beta
    alpha_bar = torch.cumprod(alpha, dim=0)
    before = torch.cat([torch.ones(1), alpha_bar[:-1]])
    return Schedule(beta, alpha, alpha_bar, beta * (1 - before) / (1 - alpha_bar))
    ### END SOLUTION


# %% tags=["public-tests", "q1a"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1a"
points = None


@test_case(name="three steps by hand")
def test_linear_by_hand(noise_schedule):
    import torch

    schedule = noise_schedule(3, 0.1, 0.3)
    by_hand = {
        "beta": (0.1, 0.2, 0.3),
        "alpha": (0.9, 0.8, 0.7),
        "alpha_bar": (0.9, 0.72, 0.504),
        "posterior_variance": (0.0, 0.2 * 0.1 / 0.28, 0.3 * 0.28 / 0.496),
    }
    for field, values in by_hand.items():
        found = getattr(schedule, field)
        assert found.shape == (3,) and found.dtype == torch.float32, f"{field} is a float32 tensor of shape (3,)."
        assert (found - torch.tensor(values)).abs().max() < 1e-5, f"{field}: expected {values}, got {found.tolist()}."


@test_case(name="one step and a thousand")
def test_linear_lengths(noise_schedule):
    one, many = noise_schedule(1), noise_schedule(1000)
    assert one.beta.shape == (1,) and abs(float(one.beta[0]) - 1e-4) < 1e-8, "With T = 1 the only beta is beta_start."
    assert float(one.posterior_variance[0]) == 0, "The first posterior variance is 0."
    assert 3e-5 < float(many.alpha_bar[-1]) < 5e-5, "After 1000 default steps the last alpha_bar is about 4e-5."


# %% [markdown]
# ### q1b · Cosine schedule ({{points q1b}} points)
#
# *20 minutes · easy*
#
# The linear schedule destroys small images too early. Nichol and Dhariwal let $\bar\alpha$ follow a cosine:
#
# $$
# f(u) = \cos^2\!\Bigl(\frac{u/T + s}{1+s}\cdot\frac{\pi}{2}\Bigr), \qquad
# \beta_t = \min\Bigl(1 - \frac{f(t)}{f(t-1)},\ 0.999\Bigr), \qquad t = 1 \dots T .
# $$
#
# The other three sequences follow from these clipped β by the formulas of q1a.
#
# With $T = 2$ and $s = 0$, $f$ is 1, 0.5, 0, and β is 0.5, 0.999.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - $f$ has $T + 1$ values, β has $T$. What of q1a can both schedules share, as a helper function?
# - Pitfalls: $f$ at $T$ places only; $\bar\alpha$ taken from $f$ and not from the clipped β; the square forgotten.
#
# </details>


# %% tags=["stub", "q1b"] stub="return the cosine Schedule"
def cosine_schedule(T: int, s: float = 0.008) -> Schedule:
    r"""The cosine schedule (Nichol and Dhariwal 2021, equation 17), betas clipped at 0.999.

    .. math:: \beta_t = \min(1 - f(t)/f(t-1),\ 0.999), \quad f(u) = \cos^2((u/T + s)/(1 + s) \cdot \pi/2)

    Returns a Schedule of four float32 tensors (T,).
    """
    ### BEGIN SOLUTION
    steps = torch.arange(T + 1, dtype=torch.float64) / T
    f = torch.cos((steps + s) / (1 + s) * math.pi / 2) ** 2
    return schedule_of((1 - f[1:] / f[:-1]).clamp(max=0.999).float())
    ### END SOLUTION


# %% tags=["public-tests", "q1b"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1b"
points = None


@test_case(name="two steps by hand")
def test_cosine_by_hand(cosine_schedule):
    import torch

    # Without an offset f is 1, 1/2, 0: the second beta is clipped.
    schedule = cosine_schedule(2, s=0.0)
    assert (schedule.beta - torch.tensor([0.5, 0.999])).abs().max() < 1e-5, (
        f"beta is (0.5, 0.999), got {schedule.beta}."
    )
    assert (schedule.alpha_bar - torch.tensor([0.5, 0.0005])).abs().max() < 1e-5, "alpha_bar is the product of alphas."
    assert abs(float(schedule.posterior_variance[1]) - 0.999 * 0.5 / 0.9995) < 1e-4, "Use the formula of q1a."


@test_case(name="alpha_bar is about 1/2 after half of the steps")
def test_cosine_half(cosine_schedule):
    schedule = cosine_schedule(100)
    assert schedule.beta.shape == (100,)
    assert abs(float(schedule.alpha_bar[49]) - 0.49) < 0.02, "alpha_bar of step 50 of 100 is a little under 1/2."


# %% tags=["skip-grading"]
save_figure(plot_schedules(HP["T"]), "schedules")

# %% [markdown]
# ## 2 · From image to noise
#
# ### q2 · `q_sample` ({{points q2}} points)
#
# *20 minutes · easy*
#
# A sum of Gaussians is Gaussian, so you can compute any $x_t$ from the clean image in one step:
#
# $$ x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,\epsilon, \qquad \epsilon \sim \mathcal{N}(0, I) . $$
#
# The caller passes the noise, so that your function is exact. **Each row of the batch has its own `t`.**
#
# **What the grader checks:** images of any shape, also plain vectors `(n, d)`; a different `t` in each row; dtype and
# device of the inputs kept; unchanged inputs.
#
# One pixel first: with $\bar\alpha_t = 0.64$, $x_0 = 1$ and $\epsilon = 2$ it becomes 2.0. Then a batch whose rows have different `t`.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `schedule.alpha_bar[t]` has the shape `(n,)`. Which shape must it have to be multiplied with `(n, c, h, w)`, and with `(n, d)`?
#   You need this again in q3.
# - Pitfalls: a root forgotten; the two factors exchanged; the `t` of the first row used for all rows; shapes that fit only
#   if $n$ is 1 or the width of an image.
#
# </details>


# %% tags=["stub", "q2"] stub="return x_t, with the t of each row"
def q_sample(x0: torch.Tensor, t: torch.Tensor, noise: torch.Tensor, schedule: Schedule) -> torch.Tensor:
    r"""A draw of :math:`q(x_t \mid x_0)` with given noise (Ho et al. 2020, equation 4).

    .. math:: x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon

    x0, noise: (n, ...) of one shape; t: (n,) int64 in [0, T), one for each row. Returns (n, ...).
    """
    ### BEGIN SOLUTION
    kept = per_row(schedule.alpha_bar, t, x0)
    return kept.sqrt() * x0 + (1 - kept).sqrt() * noise


def per_row(values: torch.Tensor, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """``values[t]`` in a shape (n, 1, ..., 1) that broadcasts against the rows of x."""
    return values[t].reshape(-1, *[1] * (x.dim() - 1))
    ### END SOLUTION


# %% tags=["public-tests", "q2"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q2"
points = None


@test_case(name="two rows at two steps, by hand")
def test_q_sample(q_sample, Schedule):
    import torch

    alpha_bar = torch.tensor([0.64, 0.36])
    schedule = Schedule(1 - alpha_bar, alpha_bar, alpha_bar, alpha_bar)
    for shape in ((2, 3), (2, 1, 4, 4), (2, 3, 2, 5)):
        x0, noise = torch.ones(shape), torch.full(shape, 2.0)
        x_t = q_sample(x0, torch.tensor([1, 0]), noise, schedule)
        assert x_t.shape == shape, f"x_t has the shape of x0, {shape}, got {tuple(x_t.shape)}."
        # 0.6 * 1 + 0.8 * 2 and 0.8 * 1 + 0.6 * 2
        rows = x_t.reshape(2, -1)
        assert (rows[0] - 2.2).abs().max() < 1e-5, f"Row 0 is at t = 1: 0.6 + 1.6 = 2.2, got {rows[0][0]:.4f}."
        assert (rows[1] - 2.0).abs().max() < 1e-5, f"Row 1 is at t = 0: 0.8 + 1.2 = 2.0, got {rows[1][0]:.4f}."
        assert torch.equal(x0, torch.ones(shape)), "Your function changes x0."


# %% tags=["skip-grading"]
SCHEDULE = noise_schedule(HP["T"], HP["beta_start"], HP["beta_end"]).to(DEVICE)
STRIP = [round(share * (HP["T"] - 1)) for share in (0, 0.05, 0.15, 0.3, 0.6, 1)]
save_figure(forward_strip(train_images[0], STRIP), "forward_strip")

# %% [markdown]
# ## 3 · One step back
#
# ### q3 · `p_mean_variance` and `p_sample` ({{points q3}} points)
#
# *45 minutes · hard*
#
# A network $\epsilon_\theta(x_t, t)$ predicts the noise in $x_t$. The prediction gives the mean of $x_{t-1}$,
#
# $$
# \mu_\theta(x_t, t) = \frac{1}{\sqrt{\alpha_t}}
#   \Bigl(x_t - \frac{\beta_t}{\sqrt{1-\bar\alpha_t}}\,\epsilon_\theta(x_t, t)\Bigr), \qquad \sigma_t^2 = \beta_t ,
# $$
#
# and one step back is $x_{t-1} = \mu_\theta(x_t, t) + \sigma_t z$ with new noise $z$. The last step, `t = 0` in the
# code, adds **no** noise.
#
# **What the grader checks:** $\sigma_t^2 = \beta_t$, not $\tilde\beta_t$; mean and variance in any shape that
# broadcasts against `x_t`; a call of the network with the given `t`; rows at different `t` in one batch: only the rows
# with `t = 0` get no noise.
#
# **In two stages.** First `p_mean_variance`: with $\beta_t = 0.36$, $\bar\alpha_t = 0.64$, $x_t = 3$ and a network that says 1,
# the mean is 3.0 and the variance 0.36. Then `p_sample`. A test with all of it: noise images with your `q_sample` at `t = 0`,
# and go back with a network that knows this noise, `lambda x, t: noise`: you must get the images themselves.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - The mean is a formula for each row; shape its factors as in q2.
# - "No noise" is a decision for each row, not for the batch: a factor that is 0 or 1, or `torch.where`.
# - Pitfalls: the variance where its root belongs; $\tilde\beta_t$ as the variance; $\beta_t$ divided by $1-\bar\alpha_t$ without the
#   root; the noise switched off for all rows as soon as one has `t = 0`.
#
# </details>


# %% tags=["stub", "q3"] stub="return the mean and the variance of x_(t-1)"
def p_mean_variance(
    eps_model, x_t: torch.Tensor, t: torch.Tensor, schedule: Schedule
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Mean and variance of :math:`p_\theta(x_{t-1} \mid x_t)` (Ho et al. 2020, equation 11), :math:`\sigma_t^2 = \beta_t`.

    .. math:: \mu = (x_t - \beta_t / \sqrt{1 - \bar\alpha_t}\ \epsilon_\theta(x_t, t)) / \sqrt{\alpha_t}

    eps_model(x_t, t) -> (n, ...); x_t: (n, ...); t: (n,) int64. Both results broadcast against x_t.
    """
    ### BEGIN SOLUTION
    beta, alpha, alpha_bar = (per_row(values, t, x_t) for values in schedule[:3])
    return (x_t - beta / (1 - alpha_bar).sqrt() * eps_model(x_t, t)) / alpha.sqrt(), beta
    ### END SOLUTION


# %% tags=["stub", "q3"] stub="return x_(t-1), without noise where t is 0"
def p_sample(eps_model, x_t: torch.Tensor, t: torch.Tensor, schedule: Schedule, noise: torch.Tensor) -> torch.Tensor:
    r"""One reverse step with given noise: :math:`x_{t-1} = \mu_\theta(x_t, t) + \sigma_t z`, and no noise where t = 0.

    noise: like x_t; t: (n,) int64, one for each row. Returns (n, ...).
    """
    ### BEGIN SOLUTION
    mean, variance = p_mean_variance(eps_model, x_t, t, schedule)
    goes_on = (t > 0).reshape(-1, *[1] * (x_t.dim() - 1))
    return torch.where(goes_on, mean + variance.sqrt() * noise, mean)
    ### END SOLUTION


# %% tags=["public-tests", "q3"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q3"
points = None


def given():
    """alpha 0.64 and 0.75, alpha_bar 0.64 and 0.48; a network that predicts noise 1 everywhere."""
    import torch

    beta = torch.tensor([0.36, 0.25])
    alpha_bar = torch.tensor([0.64, 0.48])
    return (lambda x, t: torch.ones_like(x)), torch.full((2, 1, 2, 2), 3.0), (beta, 1 - beta, alpha_bar, beta / 2)


@test_case(name="mean and variance by hand, rows at two steps")
def test_mean_variance(p_mean_variance, Schedule):
    import torch

    model, x_t, sequences = given()
    mean, variance = p_mean_variance(model, x_t, torch.tensor([1, 0]), Schedule(*sequences))
    mean, variance = mean.expand_as(x_t), variance.expand_as(x_t)
    first, second = (3 - 0.25 / 0.52**0.5) / 0.75**0.5, (3 - 0.36 / 0.6) / 0.8
    assert (mean[0] - first).abs().max() < 1e-4, (
        f"Row 0, t = 1: expected {first:.4f}, got {float(mean[0, 0, 0, 0]):.4f}."
    )
    assert (mean[1] - second).abs().max() < 1e-4, (
        f"Row 1, t = 0: expected {second:.4f}, got {float(mean[1, 0, 0, 0]):.4f}."
    )
    assert (variance[0] - 0.25).abs().max() < 1e-5 and (variance[1] - 0.36).abs().max() < 1e-5, (
        "The variance is beta_t."
    )


@test_case(name="noise where t > 0, no noise where t is 0")
def test_step(p_sample, Schedule):
    import torch

    model, x_t, sequences = given()
    noise = torch.full_like(x_t, 10.0)
    x = p_sample(model, x_t, torch.tensor([1, 0]), Schedule(*sequences), noise)
    first, second = (3 - 0.25 / 0.52**0.5) / 0.75**0.5 + 0.5 * 10, (3 - 0.36 / 0.6) / 0.8
    assert (x[0] - first).abs().max() < 1e-4, "Row 0, t = 1: add the standard deviation times the noise to the mean."
    assert (x[1] - second).abs().max() < 1e-4, "Row 1, t = 0: return the mean without noise, although row 0 gets noise."


# %% [markdown]
# ## 4 · Loss
#
# ### q4 · `ddpm_loss` ({{points q4}} points)
#
# *15 minutes · easy*
#
# The variational bound becomes a regression: predict the noise.
#
# $$
# L(\theta) = \operatorname{mean}\ \bigl(\epsilon - \epsilon_\theta(x_t, t)\bigr)^2, \qquad
# x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,\epsilon .
# $$
#
# The mean is over **all elements** of the batch. The grader checks the value and the gradient to the network's
# parameters. A network that always says 0 has a loss of about 1, the variance of the noise.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - You have written the noising already: call it. Two more calls are enough.
# - Pitfalls: $x_0$ as the target; a sum for the mean; the prediction detached; new noise drawn in the loss.
#
# </details>


# %% tags=["stub", "q4"] stub="return the mean squared error of the predicted noise"
def ddpm_loss(eps_model, x0: torch.Tensor, t: torch.Tensor, noise: torch.Tensor, schedule: Schedule) -> torch.Tensor:
    r"""The simple loss (Ho et al. 2020, equation 14): mean of :math:`(\epsilon - \epsilon_\theta(x_t, t))^2`.

    x0, noise: (n, ...); t: (n,) int64. Returns a 0-d tensor that carries a gradient to the model's parameters.
    """
    ### BEGIN SOLUTION
    return F.mse_loss(eps_model(q_sample(x0, t, noise, schedule), t), noise)
    ### END SOLUTION


# %% tags=["public-tests", "q4"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q4"
points = None


@test_case(name="value and gradient by hand")
def test_loss(ddpm_loss, Schedule):
    import torch

    alpha_bar = torch.tensor([0.64])
    schedule = Schedule(1 - alpha_bar, alpha_bar, alpha_bar, alpha_bar)
    weight = torch.tensor(0.5, requires_grad=True)
    x0, noise = torch.ones(2, 1, 2, 2), torch.full((2, 1, 2, 2), 2.0)
    loss = ddpm_loss(lambda x, t: weight * x, x0, torch.zeros(2, dtype=torch.int64), noise, schedule)
    # x_t = 0.8 + 0.6 * 2 = 2, the prediction is 1 and the error is 1 everywhere.
    assert torch.is_tensor(loss) and loss.shape == (), "Return one number, a 0-d tensor."
    assert abs(loss.item() - 1) < 1e-5, f"(2 - 0.5 * 2)^2 = 1 in every element, got {loss.item():.4f}."
    loss.backward()
    assert weight.grad is not None, "No gradient reaches the network: do not detach its prediction."
    assert abs(weight.grad.item() + 4) < 1e-4, f"The gradient is 2 * 1 * (-2) = -4, got {weight.grad.item():.4f}."


# %% [markdown]
# ## 5 · Training and sampling
#
# ### The network (given)
#
# The U-Net has blocks of convolutions at full, half and quarter resolution and back up again, with skip connections
# between equal resolutions. An embedding of `t` tells every block how much noise to expect. Attention at the lowest
# resolution connects distant parts of an image.
#
# ![The U-Net: blocks at three resolutions, skip connections between equal ones, the step t goes to every block.](pictures/unet.png)

# %% tags=["folded"] title="Given: the U-Net"
# {{given unet.py}}


# %% [markdown]
# ### q5 · One epoch, and a sample ({{points q5}} points)
#
# *45 minutes · medium*
#
# **`train_one_epoch`** makes one pass over the batches. For each batch, compute the loss, then clear the old gradients,
# `backward`, `optimizer.step()`, `scheduler.step()`. `loss_fn(model, x0, labels)` (given below) draws `t` and the noise
# and calls your `ddpm_loss`. Return the mean loss **per image**, so that a small last batch counts less.
#
# **`sample`** starts from $x_T \sim \mathcal{N}(0, I)$ and applies your `p_sample` for $t = T-1, \dots, 0$, with new
# noise at each step and without gradients. Draw all noise from `generator`.
#
# **What the grader checks:** train mode; one scheduler step per batch, after the optimiser's step; a Python float, and
# no graph kept from batch to batch; `t` as an int64 tensor `(n,)` at every step of the sampler; the same result for the
# same generator, another result for another one, and an unchanged global generator.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `train_one_epoch`: write the step for one batch, then the loop, then the mean.
# - `sample`: a loop over the steps, from the last to the first. What do `torch.full` and `torch.randn(..., generator=...)` need
#   to know about the device?
# - Pitfalls: gradients cleared between `backward` and the step; one scheduler step for the whole epoch; the losses added up with
#   their graphs; the batches' losses averaged although the last batch is smaller; the steps in the wrong order, or the last
#   one left out; the same noise at every step; uniform noise (`rand`).
#
# </details>


# %% tags=["stub", "q5"] stub="train on every batch, return the mean loss per image"
def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu") -> float:
    r"""One pass over ``loader``: :math:`\theta \leftarrow \mathrm{step}(\theta, \nabla_\theta L)` for each batch.

    loader yields (x0, labels); loss_fn(model, x0, labels) -> 0-d tensor.
    Returns the mean loss per image, :math:`\sum_b n_b L_b / \sum_b n_b`.
    """
    batches = tqdm(loader, desc="train", leave=False)  # batches.set_postfix(loss=...) shows a running loss
    ### BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for x0, labels in batches:
        loss = loss_fn(model, x0.to(device), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(x0)
        count += len(x0)
        batches.set_postfix(loss=f"{total / count:.4f}")
    return total / count
    ### END SOLUTION


# %% tags=["stub", "q5"] stub="return x_0 after T reverse steps from pure noise"
def sample(eps_model, shape: tuple[int, ...], schedule: Schedule, generator: torch.Generator) -> torch.Tensor:
    r"""New images (Ho et al. 2020, algorithm 2): :math:`x_T \sim \mathcal{N}(0, I)`, then T reverse steps.

    shape: (n, ...); generator: the source of all randomness. Returns x_0 of that shape, on the schedule's device.
    """
    ### BEGIN SOLUTION
    device = schedule.beta.device

    def draw():
        return torch.randn(shape, generator=generator, device=generator.device).to(device)

    x = draw()
    with torch.no_grad():
        for step in reversed(range(len(schedule.beta))):
            t = torch.full((shape[0],), step, device=device)
            x = p_sample(eps_model, x, t, schedule, draw())
    return x
    ### END SOLUTION


# %% tags=["public-tests", "q5"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q5"
points = None


@test_case(name="one epoch by hand")
def test_epoch(train_one_epoch):
    import torch
    from torch import nn

    model = nn.Linear(1, 1, bias=False).eval()
    nn.init.ones_(model.weight)
    modes = []
    model.register_forward_hook(lambda module, *_: modes.append(module.training))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    batches = [(torch.full((2, 1), 2.0), torch.zeros(2)), (torch.full((1, 1), 5.0), torch.zeros(1))]
    mean = train_one_epoch(model, batches, optimizer, scheduler, lambda model, x0, labels: model(x0).mean())
    # Losses 2 (two images, weight 1) and 5 * 0.8 (one image); gradients 2 and 5, rates 0.1 and 0.05.
    assert isinstance(mean, float), "Return a Python float: a tensor keeps the graph of the epoch in memory."
    assert abs(mean - (2 * 2 + 4) / 3) < 1e-4, f"(2 * 2 + 1 * 4) / 3 images = 2.6667, got {mean:.4f}."
    assert abs(model.weight.item() - 0.55) < 1e-4, (
        f"1 - 0.1 * 2 - 0.05 * 5 = 0.55, but your weight is {model.weight.item():.4f}: check zero_grad and the scheduler step."
    )
    assert modes and all(modes), "Put the model into train mode."


@test_case(name="the sampler goes from the last step to the first")
def test_sample(sample, Schedule, noise_schedule):
    import torch

    schedule = noise_schedule(4, 0.1, 0.4)
    steps = []

    def model(x, t):
        steps.append(t.tolist())
        return torch.zeros_like(x)

    first = sample(model, (3, 1, 2, 2), schedule, torch.Generator().manual_seed(1))
    assert first.shape == (3, 1, 2, 2), f"The argument shape is (3, 1, 2, 2), got {tuple(first.shape)}."
    assert steps == [[3] * 3, [2] * 3, [1] * 3, [0] * 3], f"t runs 3, 2, 1, 0, one for each row; got {steps}."
    again = sample(model, (3, 1, 2, 2), schedule, torch.Generator().manual_seed(1))
    other = sample(model, (3, 1, 2, 2), schedule, torch.Generator().manual_seed(2))
    assert torch.equal(first, again) and not torch.equal(first, other), "Draw all noise from the generator."


# %% [markdown]
# ### The driver (given)
#
# The driver is folded code. It makes your loop fast and lets it resume after a lost session.
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
# **Averaged weights.** The last few hundred steps move the weights back and forth. Samples of an exponential moving
# average of the weights are much cleaner, so the driver samples from this average, and you hand it in.
# **`diffusion_loss`** draws $t$ uniformly and the noise, and calls your `ddpm_loss`.
#
# ### Run it
#
# The loss starts at 1 (the last layer of the new network is 0), falls fast and then hardly changes, while the samples still
# improve. With the profile `cpu` the solution's mean loss is 0.116 in epoch 1, 0.029 in epoch 2 and 0.025 in epoch 5. A loss
# that stays at 1: do the parameters change? After every epoch the driver writes a grid of samples from the same noise to
# `run/epochs`. Noise after a low loss: look at `sample` and q3.

# %% tags=["skip-grading"]
network, train_history = train_ddpm(train_images, train_labels, restart=False)  # True: discard the last run
update_metrics(train=train_history)
print(f"{sum(parameter.numel() for parameter in network.parameters()):,} parameters, {len(train_history)} epochs")
save_figure(plot_history(train_history, "training", mean_squared_error="loss", learning_rate="lr"), "train_loss")
save_figure(plot_epochs(train_history), "samples_by_epoch")

# %% [markdown]
# ### How far can it go back?
#
# The cell adds noise up to step $t$ to an image and then goes back from there. From a small $t$ the image returns; from
# a large $t$ a *different* image appears: the network must invent what the noise has destroyed.

# %% tags=["skip-grading"]
from IPython.display import Image as ShownImage
from IPython.display import display

save_figure(plot_reconstructions(train_images[:8], [round(0.15 * HP["T"]), round(0.6 * HP["T"])]), "reconstructions")
display(ShownImage(save_animation(network).read_bytes()))

# %% [markdown]
# ### q6 · The trained model ({{points q6}} points)
#
# *5 minutes · easy*
#
# You write nothing here. Hand in two files: `ddpm_model.pt` holds the averaged weights (the driver wrote it) and
# `ddpm_samples.pt` holds 1,024 samples of *your* `sample`. The grader loads the weights (never code) into its own U-Net
# and draws 256 samples with a faster sampler of 25 steps. It measures both sets with a small classifier that was trained
# on real digits:
#
# - **coverage**: how well the classes of the samples agree with those of real images; 1 means the same histogram;
# - **confidence**: how sure the classifier is on average; blurred or unclear digits lower it;
# - **Fréchet distance**: between its features of the samples and of real test images; 0 means the same distribution.
#
# Each number gives a share of the points between 0 and 1: coverage from 0.5 to 0.85, confidence from 0.55 to 0.85, the
# distance from 50 down to 10. The product of the three shares gives up to 6 points for the grader's samples and up to 2
# for yours (whose share is at most that of the model). Copies of training or test images earn nothing.
# Measured on MNIST, with 256 samples each:
#
# | samples | coverage | confidence | Fréchet distance | share of the points |
# | --- | --- | --- | --- | --- |
# | 256 test images | 0.95 | 0.98 | 0.5 | 100% |
# | the same, blurred (deviation 1 pixel) | 0.93 | 0.90 | 47.8 | 6% |
# | the same, blurred (deviation 2 pixels) | 0.51 | 0.55 | 153.3 | 0% |
# | uniform noise | 0.61 | 0.10 | 241.3 | 0% |
# | one image, repeated | 0.10 | 0.99 | 183.7 | 0% |
# | a VAE after three epochs | 0.79 | 0.66 | 58.7 | 0% |
# | the solution after epoch 1 | 0.80 | 0.73 | 37.6 | 16% |
# | the solution after epoch 2 | 0.85 | 0.81 | 15.8 | 73% |
# | the solution after epoch 4 | 0.88 | 0.86 | 9.0 | 100% |
# | the solution after epoch 5 | 0.90 | 0.86 | 8.1 | 100% |
# | 1,024 handed in by the solution | 0.95 | 0.90 | 3.7 | 100% |
#
# The solution was trained with the profile `cpu`, for five epochs.

# %% tags=["skip-grading"]
seed_everything(HP["seed"])
samples = draw_samples(network, HP["samples"], seed=1, schedule=SCHEDULE)
torch.save({"samples": samples}, RUN / "ddpm_samples.pt")
figure, axes = plt.subplots(figsize=(8, 4))
axes.imshow(as_grid(samples[:128], 16))
axes.set_axis_off()
save_figure(figure, "samples")

# %% [markdown]
# ## 6 · Bonus: digits of a chosen class
#
# ### q7 · Classifier-free guidance ({{points q7}} bonus points)
#
# *30 minutes · medium*
#
# Train one network with labels, but hide the label of some images, so that the network also works without one. Then
# increase the difference that the label makes:
#
# $$
# \hat\epsilon(x_t, t, y) = \epsilon_\theta(x_t, t, \varnothing)
#   + s\,\bigl(\epsilon_\theta(x_t, t, y) - \epsilon_\theta(x_t, t, \varnothing)\bigr) .
# $$
#
# The **scale** $s = 0$ ignores the label, $s = 1$ is the plain conditional model, and larger values follow the label
# more strongly. (Ho and Salimans write $w = s - 1$.) The label $\varnothing$ is a separate number, `null_label`.
#
# If the network says 7 without a label and 2 with it, the guided noise is 7, 2 and −8 for $s$ = 0, 1 and 3.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Both functions are short. `torch.where` chooses element by element; `torch.full_like` makes labels of one kind.
# - Pitfalls: hidden where `uniform` is *above* $p$; the labels changed in place; $s$ taken for $w$; the two predictions exchanged.
#
# </details>


# %% tags=["stub", "q7"] stub="return the labels with null_label where uniform < p"
def drop_labels(labels: torch.Tensor, uniform: torch.Tensor, p: float, null_label: int) -> torch.Tensor:
    """Hide labels: ``null_label`` where ``uniform < p``, else the label. labels, uniform: (n,). Returns (n,) int64."""
    ### BEGIN SOLUTION
    return torch.where(uniform < p, null_label, labels)
    ### END SOLUTION


# %% tags=["stub", "q7"] stub="return the guided prediction of the noise"
def guided_eps(
    eps_model, x_t: torch.Tensor, t: torch.Tensor, labels: torch.Tensor, scale: float, null_label: int
) -> torch.Tensor:
    r"""The guided noise (Ho and Salimans 2022): :math:`\epsilon_\varnothing + s\,(\epsilon_y - \epsilon_\varnothing)`.

    eps_model(x_t, t, labels) -> (n, ...); labels: (n,) int64; scale: s. Returns (n, ...).
    """
    ### BEGIN SOLUTION
    without = eps_model(x_t, t, torch.full_like(labels, null_label))
    return without + scale * (eps_model(x_t, t, labels) - without)
    ### END SOLUTION


# %% tags=["public-tests", "q7"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q7"
points = None


@test_case(name="labels are hidden where uniform < p")
def test_drop(drop_labels):
    import torch

    labels = torch.tensor([3, 1, 4, 1])
    hidden = drop_labels(labels, torch.tensor([0.1, 0.9, 0.4, 0.3]), 0.35, 10)
    assert hidden.tolist() == [10, 1, 4, 10], f"Expected [10, 1, 4, 10], got {hidden.tolist()}."
    assert labels.tolist() == [3, 1, 4, 1], "Your function changes its input labels."


@test_case(name="scale 0, 1 and 3")
def test_guided(guided_eps):
    import torch

    def model(x, t, labels):
        return labels[:, None].float() * torch.ones_like(x)

    x, t, labels = torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64), torch.tensor([2, 5])
    for scale, rows in ((0.0, (7, 7)), (1.0, (2, 5)), (3.0, (-8, 1))):
        found = guided_eps(model, x, t, labels, scale, 7)
        assert (found[:, 0] - torch.tensor(rows)).abs().max() < 1e-5, (
            f"Scale {scale}: expected {rows}, got {found[:, 0].tolist()}."
        )


# %% [markdown]
# The driver continues from the trained network. The embedding of "no label" starts at zero, so without a label it is
# the same network at first.

# %% tags=["skip-grading"]
if bonus_is_there():
    guided, guided_history = train_guided(network, train_images, train_labels, restart=False)
    update_metrics(guided=guided_history)
    print(f"{len(guided_history)} epochs with labels, loss {guided_history[-1]['loss']:.4f}")
    save_figure(plot_guided(guided, [0.0, 1.0, 4.0]), "guided")
else:
    print("q7 is not filled in: skipping the bonus part")

# %% [markdown]
# ## 7 · Written questions
#
# Answer each question in a few sentences; you may use a formula or a sketch.

# %% [markdown] tags=["written", "w1"]
# ### w1 · Why the noise?
#
# *10 minutes · medium*
#
# The network could predict the clean image $x_0$ instead of the noise $\epsilon$; given $x_t$, each follows from the
# other. Why is the noise the better target, and for which $t$ does the difference matter most?

# %% [markdown] tags=["model-answer", "w1"]
# Since $x_0 = (x_t - \sqrt{1-\bar\alpha_t}\,\epsilon)/\sqrt{\bar\alpha_t}$, an error $\delta$ in the predicted noise is
# an error $\delta\sqrt{(1-\bar\alpha_t)/\bar\alpha_t}$ in $x_0$. The plain squared error of the noise is therefore a
# squared error of $x_0$ weighted by the signal-to-noise ratio $\bar\alpha_t/(1-\bar\alpha_t)$. The noise has the same
# scale (variance 1) at every $t$, so one network and one loss without weights fit all steps. At large $t$ the image is
# hardly visible in $x_t$: a predicted $x_0$ would be the blurred mean of all images, while predicting the noise is
# nearly copying the input. At small $t$ the opposite holds: $x_0$ is nearly the input, and the noise is the fine detail
# that is hard to see, which a step back needs. Ho et al. found that the unweighted noise loss gives the best samples:
# it puts weight on the middle and large $t$, which decide the image. (One can also predict $x_0$ or $v$, with another
# weighting.)

# %% [markdown] tags=["rubric", "w1"]
# 4 points
#
# - 1 · both are equivalent given $x_t$; the formula that links them
# - 1 · the loss of the noise is one of $x_0$, weighted by signal to noise (or: target of constant scale at every $t$)
# - 1 · what happens at large $t$ (predicting $x_0$ gives a blurred mean)
# - 1 · what happens at small $t$ (the noise is the detail; or: dividing by $\sqrt{\bar\alpha_t}$ makes errors
#   larger at large $t$)

# %% [markdown] tags=["written", "w2"]
# ### w2 · What a schedule trades
#
# *10 minutes · medium*
#
# What changes with a smaller $T$, a larger $\beta_T$, or the cosine schedule? What must hold at the end of the forward
# process so that the sampler is correct?

# %% [markdown] tags=["model-answer", "w2"]
# The reverse step is Gaussian only in the limit of small $\beta_t$. Many small steps make each step easy to model but
# sampling slow ($T$ evaluations of the network); few large steps are fast and wrong. At the end $\bar\alpha_T$ must be
# close to 0, because the sampler starts from pure noise: if signal is left in $x_T$ (β too small for this $T$), the
# model starts from inputs that it never saw in training, and samples are too grey or lack contrast. If β is too large,
# $\bar\alpha_t$ is near 0 long before the end: the last steps teach nothing, and the steps that matter are few and
# large. The linear schedule does this to small images. The cosine schedule lets $\bar\alpha$ fall nearly linearly in
# the middle and slowly at both ends, so more steps lie where the image is decided. It clips β at 0.999 to avoid a
# singular last step.

# %% [markdown] tags=["rubric", "w2"]
# 4 points
#
# - 1 · small steps: Gaussian reverse steps are accurate, but a sample needs $T$ evaluations
# - 1 · $\bar\alpha_T \approx 0$ is needed since sampling starts from $\mathcal{N}(0, I)$
# - 1 · destroying the image too fast wastes steps (linear schedule on small images)
# - 1 · what the cosine schedule changes

# %% [markdown] tags=["written", "w3"]
# ### w3 · DDPM and VAE
#
# *10 minutes · medium*
#
# Compare a DDPM with a variational autoencoder: latent variables, encoder, bound, quality and speed of sampling. Why
# are the samples of a VAE blurred, and those of a DDPM not?

# %% [markdown] tags=["model-answer", "w3"]
# A DDPM is a hierarchical VAE with $T$ latent layers of the image's own size, a fixed encoder (the forward process:
# nothing to learn, no posterior collapse) and one decoder for all layers. Both maximise an evidence lower bound; in a
# DDPM the KL terms are between Gaussians with known variance, so each becomes a squared error. A VAE decodes in one
# step from a small latent: given $z$, the decoder outputs the mean of all images that $z$ may stand for, and with a
# pixel-wise Gaussian likelihood such a mean is blurred. In a DDPM every step makes only a small change, for which a
# Gaussian is nearly the true distribution. Each step adds new noise and decides a little more of the image, so the
# final image is a sample and not a mean. The price is $T$ evaluations of the network instead of one, and no compact
# latent code to look at or interpolate in (DDIM gives a deterministic code of full size).

# %% [markdown] tags=["rubric", "w3"]
# 4 points
#
# - 1 · fixed encoder and latents of full size against a learnt encoder and a small latent
# - 1 · both bounds; the DDPM's is a sum of squared errors
# - 1 · blur: a one-step Gaussian decoder outputs a mean; many small steps do not
# - 1 · speed of sampling, or usefulness of the latent code

# %% [markdown] tags=["written", "w4"]
# ### w4 · What guidance costs
#
# *10 minutes · medium*
#
# What does the guidance scale do to fidelity and to diversity, and why? Look at your own grids. What do you expect at
# scale 0, and at a very large scale?

# %% [markdown] tags=["model-answer", "w4"]
# $\epsilon_y - \epsilon_\varnothing$ is (up to a factor) the negative gradient of $\log p(y \mid x_t)$, an implicit
# classifier. The scale raises this likelihood to the power $s$, so samples come from about $p(x)\,p(y \mid x)^s$. For
# $s > 1$ guidance pushes samples to where the class is clear: every sample is a good example of its class, and all look
# alike. Unusual ways to write a digit (a 7 with a bar, an open 4) are less certain, so they become rare. Fidelity
# (confidence, precision) rises and diversity (coverage of the styles within a class, recall) falls; the Fréchet
# distance is best at a moderate scale. At 0 the label has no effect: you get random digits. At a very large scale, the
# guided noise is unlike any noise that the network predicts: contrast saturates, strokes get thick and artefacts
# appear.

# %% [markdown] tags=["rubric", "w4"]
# 4 points
#
# - 1 · fidelity up, diversity down
# - 2 · why: the implicit classifier $p(y \mid x)^s$ prefers typical examples
# - 1 · the limits: 0 is unconditional; very large gives saturated images with artefacts

# %% [markdown]
# ## 8 · Hand in
#
# This last cell saves the notebook (in JupyterLab and on Colab; elsewhere, save it first), makes a report of it, and
# collects both, the checkpoint, the samples, the figures and the numbers in `ddpm-submission.zip` in the run folder:
# upload that file.

# %% tags=["skip-grading"]
try:
    print(write_submission())
except NameError as missing:
    print(f"Nothing was packed ({missing}): run the cells above Data again, then this one.")
