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
# # Variational autoencoder
#
# {{colab_badge}}
#
# ![The encoder turns an image into mu and log variance; with noise they give z, from which the decoder draws the image again.](pictures/vae.png)
#
# An autoencoder squeezes an image into a few numbers and back. A *variational* autoencoder (VAE) makes these numbers
# random, with a distribution that you can compute: every image gets a small cloud in a space of 20 dimensions, and all clouds
# together fill a standard normal distribution. Draw a point from that distribution, decode it, and you have a new image.
# In this assignment you write the densities, the bound, the training loop and the sampler. The two networks are given.
#
# | question | you write | points | minutes | difficulty |
# | --- | --- | --- | --- | --- |
# | q1a | `reparameterize` | {{points q1a}} | 10 | easy |
# | q1b | `kl_divergence` | {{points q1b}} | 15 | easy |
# | q1c | `log_likelihood_bernoulli` | {{points q1c}} | 30 | medium |
# | q1d | `log_likelihood_normal` | {{points q1d}} | 15 | easy |
# | q1e | `log_mean_exp` | {{points q1e}} | 15 | medium |
# | q2 | `VAE`, which joins encoder and decoder | {{points q2}} | 10 | easy |
# | q3 | `vae_loss` | {{points q3}} | 15 | easy |
# | q4 | `train_one_epoch` | {{points q4}} | 30 | medium |
# | q5 | `sample`, `interpolate` | {{points q5}} | 20 | easy |
# | q6 | the files `vae_best.pt` and `vae_samples.pt`, from your training | {{points q6}} | 5 | easy |
# | q7 | `importance_weighted_bound`, a tighter bound | {{points q7}} bonus | 40 | hard |
# | w1 – w3 | three short written answers, graded by hand | {{points w1}} each | 10 each | medium |
#
# The minutes are an estimate for a student who has trained a network in PyTorch before; the computer's time comes on top.
#
# **How to work here.** Fill in the stubs from top to bottom. After each question, `grader.check("q1a")` tells you what
# is wrong, in seconds. The hidden tests check the same with other numbers. Keep the names and signatures of the stubs;
# you may add helper functions and cells. The grader runs your cells in order, but skips cells with the tag
# `skip-grading` (downloads, training, plots). Do not put anything there that a stub needs.
#
# Papers: [Auto-encoding variational Bayes](https://arxiv.org/abs/1312.6114) (Kingma and Welling, 2013),
# [β-VAE](https://openreview.net/forum?id=Sy2fzU9gl) (Higgins et al., 2017), [Importance weighted
# autoencoders](https://arxiv.org/abs/1509.00519) (Burda et al., 2016). To read first: [An introduction to variational
# autoencoders](https://arxiv.org/abs/1906.02691) (Kingma and Welling, 2019), chapters 1 and 2.

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
from PIL import Image
from torch import nn
from tqdm.auto import tqdm


# %% [markdown]
# ### Given code
#
# Folded cells hold code that you need not read: it reads the data, trains, saves checkpoints, draws the figures and packs
# what you hand in. Run them.


# %% tags=["folded"] title="Given: data, training, figures, hand-in"
kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
DEVICE = torch.device(next(kind for kind, there in kinds.items() if there))

# fmt: off
RECIPE = {  # what is seldom changed; the columns are those of the table below
    #                         smoke       demo          cpu           gpu
    "validation":           (16,         500,          2_000,        2_000),          # images kept out of the training
    "grid":                 (8,          8,            8,            8),              # images in a row of a figure
}
# fmt: on


# {{given seed.py}}


# {{given progress.py}}


# {{given data.py}}


def load_images(name: str, split: str, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``limit`` images (n, 1, 28, 28) uint8 and labels (n,) int64 of a split, "train" or "test"."""
    rows = prepared_rows(split, limit)
    if rows is not None:
        return rows[:, 1:].reshape(-1, 1, 28, 28), rows[:, 0].long()
    kind = {"mnist": torchvision.datasets.MNIST, "fashion_mnist": torchvision.datasets.FashionMNIST}[name]
    dataset = official(kind, f"{kind.__name__}/raw", train=split == "train")
    some = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))[:limit]  # a file may be sorted
    return dataset.data[some].unsqueeze(1).contiguous(), dataset.targets[some].long()


# {{given figures.py}}


# {{given rows.py}}


# {{given grid.py}}


# {{given batches.py}}


# {{given precision.py}}


PRECISION = "float32"  # the networks are small: half precision gains nothing


# {{given checkpoints.py}}


# {{given record.py}}


# {{given training.py}}


def adam(lr: float):
    """Adam whose rate falls to 0 along a cosine; every step of the optimiser is a step of the schedule."""

    def optimise(model, total_steps):
        def factor(step: int) -> float:
            return (1 + math.cos(math.pi * min(1.0, step / max(1, total_steps)))) / 2

        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        optimizer.register_step_post_hook(lambda *_: scheduler.step())
        return optimizer, scheduler

    return optimise


def make_generator(seed: int) -> torch.Generator:
    """A new generator on the device."""
    return torch.Generator(DEVICE).manual_seed(seed)


@torch.no_grad()
def elbo_of(model, images: torch.Tensor) -> float:
    """The mean ELBO of uint8 images (n, 1, 28, 28), in nats, by your loss with one draw of z for each image."""
    total, generator = 0.0, make_generator(HP["seed"])
    for some in images.split(500):
        x, eps = to_floats(some.to(DEVICE)), torch.randn(len(some), LATENT, generator=generator, device=DEVICE)
        logits, mu, logvar = model(x, eps)
        total -= vae_loss(logits, x, mu, logvar)[0].item() * len(some)
    return total / len(images)


@torch.no_grad()
def latents_of(model, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """mu and logvar (n, LATENT) of uint8 images."""
    parts = [model.encode(to_floats(some.to(DEVICE))) for some in images.split(500)]
    return tuple(torch.cat(part).cpu() for part in zip(*parts))


@torch.no_grad()
def decoded(model, z: torch.Tensor) -> torch.Tensor:
    """Latent vectors (n, LATENT) -> uint8 images (n, 1, 28, 28)."""
    return to_pixels(model.decode(z.to(DEVICE)).sigmoid())


def shown_epochs(total: int) -> list[int]:
    """The epochs whose samples and reconstructions are shown."""
    return [epoch for epoch in (1, 10, 15, 20, 25) if epoch < total] + [total]


def train_vae(images, shown, beta=1.0, name="vae", restart=False) -> tuple[nn.Module, list[dict]]:
    """Train a fresh VAE; returns its best epoch and the history, writes ``<name>_best.pt``.

    images: uint8 (n, 1, 28, 28), the last of which are kept for validation; shown: images to reconstruct.
    """
    seed_everything(HP["seed"])
    model = VAE(Encoder(LATENT, HP["hidden"]), Decoder(LATENT, HP["hidden"][::-1]))
    plan = {key: HP[key] for key in ("epochs", "lr", "batch", "dataset", "seed", "validation")}
    plan |= {"images": len(images), "hidden": list(HP["hidden"]), "beta": beta}
    plan["code"] = ["reparameterize", "kl_divergence", "log_likelihood_bernoulli", "VAE", "vae_loss", "train_one_epoch"]
    (RUN / "epochs").mkdir(exist_ok=True)
    kept = images[-HP["validation"] :]

    def train(network, batches, optimizer, scheduler):
        generator = make_generator(int(torch.randint(2**31, ())))  # from the global one, which a resumed run restores
        means = train_one_epoch(model, batches, optimizer, generator, beta, DEVICE)
        return dict(zip(("loss", "reconstruction", "kl"), means))

    def test(network):
        return {"validation_elbo": elbo_of(model.eval(), kept)}

    def after_epoch(history):
        result = {"state_dict": model.state_dict(), "epoch": len(history), "profile": PROFILE}
        if history[-1] is max(history, key=lambda row: row["validation_elbo"]):
            save_atomically(RUN / f"{name}_best.pt", result)
        if len(history) in shown_epochs(HP["epochs"]):
            drawn = to_pixels(sample(model, HP["grid"], make_generator(HP["seed"])))
            pictures = torch.cat([drawn, decoded(model, latents_of(model, shown)[0])])
            save_atomically(RUN / "epochs" / f"{name}-{len(history):03d}.pt", result | {"shown": pictures})

    loader = Batches(images[: -HP["validation"]], torch.zeros(len(images)), HP["batch"], to_floats)
    history = fit(name, model, loader, plan, adam(HP["lr"]), train, test, after_epoch, restart)
    model.load_state_dict(torch.load(RUN / f"{name}_best.pt", map_location="cpu", weights_only=True)["state_dict"])
    return model.to(DEVICE).eval(), history


def plot_epochs(history: list[dict], shown: torch.Tensor, name: str = "vae"):
    """Samples from the same z, and reconstructions of the same images, after several epochs."""
    epochs, count = shown_epochs(len(history)), len(shown)
    figure, all_axes = plt.subplots(len(epochs) + 1, 2, figsize=(10, 0.72 * len(epochs) + 1), squeeze=False)
    all_axes[0, 0].set_axis_off()
    rows = [(all_axes[0, 1], shown, "test images")]
    for (left, right), epoch in zip(all_axes[1:], epochs):
        saved = torch.load(RUN / "epochs" / f"{name}-{epoch:03d}.pt", map_location="cpu", weights_only=True)["shown"]
        seconds = sum(row["seconds"] for row in history[:epoch])
        rows += [(left, saved[:-count], f"epoch {epoch}\n{seconds:.0f} s"), (right, saved[-count:], "")]
    for axes, images, title in rows:
        axes.imshow(as_grid(images, len(images)))
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(title, fontsize=8, rotation=0, ha="right", va="center")
    all_axes[1, 0].set_title("samples", fontsize=9)
    all_axes[1, 1].set_title("reconstructions", fontsize=9)
    figure.tight_layout(h_pad=0.2)
    return figure


def plot_means(mu: torch.Tensor, labels: torch.Tensor):
    """Bars of the mean latent vector of each class."""
    classes = labels.unique().tolist()
    columns = (len(classes) + 1) // 2
    figure, all_axes = plt.subplots(2, columns, figsize=(2.4 * columns, 3.6), sharex=True, sharey=True)
    for axes, label in zip(all_axes.flat, classes):
        axes.bar(range(mu.shape[1]), mu[labels == label].mean(dim=0))
        axes.axhline(0, color="black", linewidth=0.5)
        axes.set_title(f"class {label}", fontsize=9)
    figure.supxlabel("latent dimension", fontsize=9)
    figure.supylabel("mean of mu", fontsize=9)
    figure.tight_layout()
    return figure


def plot_interpolation(model, images: torch.Tensor, steps: int = 9):
    """From each even image to the next one: straight in the latent space, and straight in pixels."""
    mu, rows, names = latents_of(model, images)[0], [], []
    for first in range(0, len(images) - 1, 2):
        ends = [images[k].float().flatten() for k in (first, first + 1)]
        between = interpolate(*ends, steps).round().to(torch.uint8).view(steps, *images.shape[1:])
        rows += [decoded(model, interpolate(mu[first], mu[first + 1], steps)), between]
        names += ["latent", "pixels"]
    return show_rows(rows, [f"{share:.0%}" for share in np.linspace(0, 1, steps)], names)


def plot_traversals(model, image: torch.Tensor, used: torch.Tensor, most: int = 8, steps: int = 9):
    """One image, with one latent dimension at a time moved from -3 to 3; ``used`` lists dimensions, the first are shown."""
    mu, values = latents_of(model, image[None])[0], torch.linspace(-3, 3, steps)
    rows = []
    for dimension in used[:most].tolist():
        z = mu.repeat(steps, 1)
        z[:, dimension] = values
        rows.append(decoded(model, z))
    return show_rows(rows, [f"{value:g}" for value in values.tolist()], [f"z{k}" for k in used[:most].tolist()])


def plot_large(images: torch.Tensor):
    """A few images, large."""
    figure, all_axes = plt.subplots(1, len(images), figsize=(2.6 * len(images), 2.8))
    for axes, image in zip(all_axes, images):
        axes.imshow(image[0], cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
    figure.tight_layout()
    return figure


def plot_bound(model, images: torch.Tensor, most: int):
    """Your bound against k, mean of some images, from the same draws of eps."""
    counts = [k for k in (1, 2, 5, 10, 20, 50, 100, 200, 500) if k <= most]
    means, generator = [], make_generator(HP["seed"])
    with torch.no_grad():
        x = to_floats(images.to(DEVICE))
        eps = torch.randn(most, len(x), LATENT, generator=generator, device=DEVICE)
        means = [importance_weighted_bound(model, x, eps[:k]).mean().item() for k in counts]
    figure, axes = plt.subplots(figsize=(5.4, 3))
    axes.semilogx(counts, means, marker="o")
    axes.set(xlabel="k", ylabel="bound in nats", title=f"{len(images)} test images")
    axes.grid(alpha=0.3)
    print(", ".join(f"k = {k}: {mean:.2f}" for k, mean in zip(counts, means)))
    return figure


HANDED_IN = ["vae_best.pt", "vae_samples.pt", "metrics.json"]
SHOWN = ("training", "epochs", "means", "interpolation", "traversals", "large", "samples", "bound")
HANDED_IN += [f"figures/{name}.png" for name in SHOWN]


# {{given notebook_file.py}}


# {{given report.py}}


# {{given hand_in.py}}


# %% [markdown]
# ### Profile and hyper-parameters
#
# `PROFILE` chooses a column of the table in the next cell. Leave it at `smoke` until all your checks pass, then choose
# `cpu` or `gpu`.
#
# | profile | purpose | time |
# | --- | --- | --- |
# | `smoke` | check that everything runs | seconds on a CPU |
# | `demo` | a first real checkpoint | about a minute of training |
# | `cpu` | **the full training**, two CPU cores | minutes |
# | `gpu` | more epochs, wider networks | minutes on a GPU |
#
# The row `dataset` chooses the images: MNIST or Fashion-MNIST.

# %%
PROFILE = os.environ.get("KIT_PROFILE") or "smoke"

# fmt: off
PROFILES = ("smoke", "demo", "cpu", "gpu")
TABLE = {
    # data                    smoke       demo          cpu           gpu
    "dataset":              ("mnist",    "mnist",      "mnist",      "mnist"),        # fashion_mnist
    "train_images":         (64,         10_000,       60_000,       60_000),         # the first of the data
    "test_images":          (32,         1_000,        10_000,       10_000),
    # networks
    "hidden":               ((32,),      (512, 512),   (512, 512),   (1024, 1024)),   # widths of the encoder's layers
    # training
    "batch":                (16,         64,           128,          128),
    "epochs":               (2,          10,           30,           60),
    "lr":                   (1e-3,       1e-3,         1e-3,         1e-3),           # learning rate
    "beta":                 (1.0,        1.0,          1.0,          1.0),            # weight of the KL divergence
    "samples":              (16,         1_024,        1_024,        1_024),          # to hand in
    "draws":                (5,          50,           500,          500),            # of the bound in q7, at most
    "seed":                 (0,          0,            0,            0),
}
# fmt: on
assert PROFILE in PROFILES, f"PROFILE is {PROFILE!r}; choose one of {', '.join(PROFILES)}"
HP = {name: row[PROFILES.index(PROFILE)] for name, row in (RECIPE | TABLE).items()}

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
# images `(n, 1, 28, 28)` and int64 labels `(n,)`. The networks work on floats in $[0, 1]$: `to_floats` and `to_pixels`
# convert them.


# %%
def to_floats(images: torch.Tensor) -> torch.Tensor:
    """uint8 images -> float32 in [0, 1]."""
    return images.float() / 255


def to_pixels(x: torch.Tensor) -> torch.Tensor:
    """Floats, clipped to [0, 1] -> uint8 images on the CPU."""
    return (x.detach().cpu().float() * 255).round().clamp(0, 255).to(torch.uint8)


# %% tags=["skip-grading"]
train_images, _ = load_images(HP["dataset"], "train", HP["train_images"])
test_images, test_labels = load_images(HP["dataset"], "test", HP["test_images"])
print(f"{len(train_images)} training and {len(test_images)} test images")

# %% [markdown]
# ## 1 · Densities
#
# The model says: draw $z \sim \mathcal{N}(0, I)$, then draw the pixels of $x$ from $p_\theta(x \mid z)$. The probability
# $p_\theta(x)$ of an image is an integral over all $z$ that nobody can compute. But with an encoder
# $q_\phi(z \mid x) = \mathcal{N}(\mu, \sigma^2)$ there is a lower bound, the ELBO, that you can compute:
#
# $$
# \log p_\theta(x) \ \ge\ \mathbb{E}_{q_\phi(z \mid x)}\bigl[\log p_\theta(x \mid z)\bigr]
#   - \mathrm{KL}\bigl(q_\phi(z \mid x)\,\|\,p(z)\bigr) .
# $$
#
# In all questions: **sum over pixels and over latent dimensions, mean over the batch**; `logvar` is $\log\sigma^2$, not
# $\log\sigma$; all logarithms are natural, so the bound is in *nats*. Tensors are float32, and results have the dtype of the
# inputs. No function may change its inputs, the global random state, the default dtype or the gradient mode: everything
# random comes in as an argument.
#
# ### q1a · Reparameterisation ({{points q1a}} points)
#
# *10 minutes · easy*
#
# A draw from $\mathcal{N}(\mu, \sigma^2)$ that lets the gradient through to $\mu$ and $\sigma$:
#
# $$ z = \mu + \sigma\,\epsilon, \qquad \epsilon \sim \mathcal{N}(0, I) . $$
#
# The caller passes ε, so that your function is exact.
#
# **What the grader checks:** value and both gradients; inputs of any shape; dtype and device kept; unchanged inputs.
#
# With μ = 1, log σ² = log 9 and ε = 2 it is 7.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Which power of e turns log σ² into σ?
# - Pitfalls: σ² where σ belongs; `logvar` taken for log σ; noise drawn in the function; `logvar` changed in place.
#
# </details>


# %% tags=["stub", "q1a"] stub="return a draw with mean mu and variance exp(logvar), from the given eps"
def reparameterize(mu: torch.Tensor, logvar: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    r"""A draw from :math:`\mathcal{N}(\mu, \sigma^2)` with given noise (Kingma and Welling 2013, section 2.4).

    .. math:: z = \mu + \sigma\,\epsilon, \quad \log\sigma^2 = \mathrm{logvar}

    mu, logvar, eps: one shape (...). Returns (...), with a gradient to mu and logvar.
    """
    ### BEGIN SOLUTION
    return mu + (logvar / 2).exp() * eps
    ### END SOLUTION


# %% tags=["public-tests", "q1a"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1a"
points = None


@test_case(name="two numbers by hand")
def test_reparameterize(reparameterize):
    import math

    import torch

    mu, logvar, eps = torch.tensor([1.0, -2.0]), torch.tensor([0.0, math.log(9.0)]), torch.tensor([0.5, 2.0])
    z = reparameterize(mu, logvar, eps)
    # σ is 1 and 3: 1 + 1 * 0.5 and -2 + 3 * 2
    assert z.shape == (2,), f"z has the shape of mu, (2,), got {tuple(z.shape)}."
    assert (z - torch.tensor([1.5, 4.0])).abs().max() < 1e-5, f"Expected [1.5, 4.0], got {z.tolist()}."


# %% [markdown]
# ### q1b · KL divergence ({{points q1b}} points)
#
# *15 minutes · easy*
#
# How far the cloud of an image is from the standard normal distribution. Between two diagonal Gaussians the integral has
# a closed form:
#
# $$
# \mathrm{KL}\bigl(\mathcal{N}(\mu, \sigma^2)\,\|\,\mathcal{N}(0, I)\bigr)
#   = \tfrac12 \sum_j \bigl(\sigma_j^2 + \mu_j^2 - 1 - \log\sigma_j^2\bigr) .
# $$
#
# **What the grader checks:** the sum over the **last** axis, whatever axes come before it: `(n, d)` gives `(n,)`, and
# `(k, n, d)` gives `(k, n)`; `d = 1`; value and both gradients.
#
# With μ = (1, 2, 0) and σ² = (1, 1, 4) it is 3.3069; with μ = 0 and σ² = 1 it is 0.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Write one dimension first, then the sum over `dim=-1`.
# - Pitfalls: the factor ½ lost; the wrong sign; a mean instead of a sum; the sum over the batch as well, or over axis 1.
#
# </details>


# %% tags=["stub", "q1b"] stub="return the KL divergence of each row from the standard normal distribution"
def kl_divergence(mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    r"""KL of :math:`\mathcal{N}(\mu, \sigma^2)` from :math:`\mathcal{N}(0, I)` (Kingma and Welling 2013, appendix B).

    .. math:: \frac{1}{2} \sum_j (\sigma_j^2 + \mu_j^2 - 1 - \log\sigma_j^2)

    mu, logvar: (n, d), or with other leading axes. Returns (n,): the last axis is summed.
    """
    ### BEGIN SOLUTION
    return (logvar.exp() + mu**2 - 1 - logvar).sum(dim=-1) / 2
    ### END SOLUTION


# %% tags=["public-tests", "q1b"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1b"
points = None


@test_case(name="two rows by hand")
def test_kl(kl_divergence):
    import math

    import torch

    mu = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 0.0]])
    logvar = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, math.log(4.0)]])
    kl = kl_divergence(mu, logvar)
    assert kl.shape == (2,), f"One number for each row: expected shape (2,), got {tuple(kl.shape)}."
    assert abs(kl[0].item()) < 1e-6, f"The KL of the standard normal distribution from itself is 0, got {kl[0]:.4f}."
    by_hand = (1 + 4 + (4 - 1 - math.log(4.0))) / 2
    assert abs(kl[1].item() - by_hand) < 1e-4, f"Row 1: expected {by_hand:.4f}, got {kl[1]:.4f}."


# %% [markdown]
# ### q1c · Likelihood of the pixels ({{points q1c}} points)
#
# *30 minutes · medium*
#
# The decoder returns a *logit* $l_i$ for each pixel, and $p_i = 1/(1+e^{-l_i})$ is the probability that the pixel is
# white:
#
# $$ \log p(x \mid z) = \sum_i \bigl( x_i \log p_i + (1 - x_i) \log (1 - p_i) \bigr) . $$
#
# **Grey pixels.** The pixels of MNIST are not black or white. Some papers set them at random in every epoch (*dynamic*
# binarisation) or once (*static*). This assignment keeps them as they are, $x_i \in [0, 1]$: the formula above with a
# grey $x_i$ is the mean over all random black-and-white images with these grey values. Numbers in nats can only be
# compared between papers that do the same.
#
# **What the grader checks:** `(n, ...)` gives `(n,)`, the sum over all axes but the first; any $x$ in $[0, 1]$;
# **exact and finite values and gradients at logits of ±100** (and far beyond), where $p$ is rounded to 0 or 1 and its
# logarithm is infinite. All $x$ that it passes lie in $[0, 1]$; you need not look.
#
# Two pixels with logits 0 and $x$ = 0 and 0.3 give 2 log ½ = −1.3863, whatever $x$ is.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Write $\log p$ and $\log(1-p)$ as functions of the logit. PyTorch has them: look for a softplus, a logsigmoid, or a loss
#   "with logits".
# - Pitfalls: a sigmoid and then a logarithm; an ε in the logarithm, which makes every value a little wrong; a mean over the
#   pixels; the sum over the batch as well.
#
# </details>


# %% tags=["stub", "q1c"] stub="return the log-likelihood of each image, also at large logits"
def log_likelihood_bernoulli(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    r"""Log-likelihood of pixels in [0, 1] under independent Bernoulli distributions.

    .. math:: \sum_i x_i \log p_i + (1 - x_i) \log(1 - p_i), \quad p_i = 1 / (1 + e^{-l_i})

    logits, x: (n, ...). Returns (n,): all axes but the first are summed.
    """
    ### BEGIN SOLUTION
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(dim=1)
    ### END SOLUTION


# %% tags=["public-tests", "q1c"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1c"
points = None


@test_case(name="two images by hand")
def test_bernoulli(log_likelihood_bernoulli):
    import math

    import torch

    logits = torch.tensor([[[0.0, 0.0]], [[math.log(3.0), -math.log(3.0)]]])
    x = torch.tensor([[[0.0, 0.3]], [[1.0, 0.5]]])
    found = log_likelihood_bernoulli(logits, x)
    assert found.shape == (2,), f"One number for each image: expected shape (2,), got {tuple(found.shape)}."
    # p is 1/2 everywhere in image 0; 3/4 and 1/4 in image 1
    by_hand = [2 * math.log(0.5), math.log(0.75) + 0.5 * math.log(0.25) + 0.5 * math.log(0.75)]
    assert (found - torch.tensor(by_hand)).abs().max() < 1e-4, f"Expected {by_hand}, got {found.tolist()}."


@test_case(name="logits of 100")
def test_bernoulli_large(log_likelihood_bernoulli):
    import torch

    logits = torch.tensor([[100.0, -100.0], [-100.0, 100.0]], requires_grad=True)
    found = log_likelihood_bernoulli(logits, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert bool(found.isfinite().all()), (
        f"Not finite at logits of 100: {found.tolist()}. Do not take log of a rounded p."
    )
    assert (found - torch.tensor([0.0, -200.0])).abs().max() < 1e-3, f"Expected [0, -200], got {found.tolist()}."
    found.sum().backward()
    assert bool(logits.grad.isfinite().all()), f"The gradient is not finite: {logits.grad.tolist()}."


# %% [markdown]
# ### q1d · Likelihood of a Gaussian ({{points q1d}} points)
#
# *15 minutes · easy*
#
# $$
# \log \mathcal{N}(x;\ \mu, \sigma^2) = \sum_j \Bigl( -\tfrac12 \log 2\pi - \tfrac12 \log\sigma_j^2
#   - \frac{(x_j - \mu_j)^2}{2\,\sigma_j^2} \Bigr) .
# $$
#
# You need it in q7, for $p(z)$ and $q(z \mid x)$. **Include the constant $-\tfrac12\log 2\pi$ once for
# each dimension.**
#
# **What the grader checks:** `(n, d)` gives `(n,)`; `d = 1`; value and all three gradients.
#
# With μ = (1, −1), σ² = (4, 1) and $x$ = (3, 1) it is −5.0310.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Compare with `torch.distributions.Normal`.
# - Pitfalls: the constant forgotten, or counted once for the row; σ where σ² divides; a mean instead of a sum.
#
# </details>


# %% tags=["stub", "q1d"] stub="return the log-density of each row, with its constant"
def log_likelihood_normal(mu: torch.Tensor, logvar: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    r"""Log-density of x under :math:`\mathcal{N}(\mu, \sigma^2)` with a diagonal covariance.

    .. math:: \sum_j -\frac{1}{2} (\log 2\pi + \log\sigma_j^2 + (x_j - \mu_j)^2 / \sigma_j^2)

    mu, logvar, x: (n, d). Returns (n,): the last axis is summed.
    """
    ### BEGIN SOLUTION
    return -(math.log(2 * math.pi) + logvar + (x - mu) ** 2 / logvar.exp()).sum(dim=-1) / 2
    ### END SOLUTION


# %% tags=["public-tests", "q1d"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1d"
points = None


@test_case(name="two rows by hand")
def test_normal(log_likelihood_normal):
    import math

    import torch

    mu = torch.tensor([[0.0, 0.0], [1.0, -1.0]])
    logvar = torch.tensor([[0.0, 0.0], [math.log(4.0), 0.0]])
    found = log_likelihood_normal(mu, logvar, torch.tensor([[0.0, 0.0], [3.0, 1.0]]))
    assert found.shape == (2,), f"One number for each row: expected shape (2,), got {tuple(found.shape)}."
    by_hand = [-math.log(2 * math.pi), -math.log(2 * math.pi) - math.log(4.0) / 2 - 0.5 - 2]
    assert (found - torch.tensor(by_hand)).abs().max() < 1e-4, f"Expected {by_hand}, got {found.tolist()}."


# %% [markdown]
# ### q1e · Log of a mean of exponentials ({{points q1e}} points)
#
# *15 minutes · medium*
#
# $$ \log\Bigl(\frac1k \sum_{j=1}^{k} e^{y_{ij}}\Bigr) \quad\text{for each row } i . $$
#
# The log-likelihoods of images are around −100 and lower, and $e^{-200}$ is 0 in float32. Subtract the largest entry of
# the row first; then at least one exponential is 1.
#
# **What the grader checks:** `(n, k)` gives `(n,)` (not `(n, n)`); `k = 1`; value and gradient, also for rows around ±10,000
# and for rows whose entries lie 1,000 apart.
#
# The row (log 1, log 3) gives log 2; the row (−1000, −1000) gives −1000.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Subtract the maximum of each row from the row, and add it back at the end.
# - Pitfalls: a maximum without `keepdim`, which gives `(n, n)`; one maximum for all rows; log k forgotten; the mean of the
#   exponentials before the maximum is subtracted.
#
# </details>


# %% tags=["stub", "q1e"] stub="return the logarithm of the mean of exp(y), over the columns"
def log_mean_exp(y: torch.Tensor) -> torch.Tensor:
    r""":math:`\log \frac{1}{k} \sum_j e^{y_{ij}}` of each row, without overflow or underflow.

    y: (n, k). Returns (n,).
    """
    ### BEGIN SOLUTION
    return torch.logsumexp(y, dim=1) - math.log(y.shape[1])
    ### END SOLUTION


# %% tags=["public-tests", "q1e"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1e"
points = None


@test_case(name="three rows by hand")
def test_log_mean_exp(log_mean_exp):
    import math

    import torch

    y = torch.tensor([[0.0, 0.0], [math.log(1.0), math.log(3.0)], [-1000.0, -1000.0]])
    found = log_mean_exp(y)
    assert found.shape == (3,), f"One number for each row: expected shape (3,), got {tuple(found.shape)}."
    by_hand = [0.0, math.log(2.0), -1000.0]
    assert bool(found.isfinite().all()), f"Not finite: {found.tolist()}. Subtract the largest entry of the row first."
    assert (found - torch.tensor(by_hand)).abs().max() < 1e-3, f"Expected {by_hand}, got {found.tolist()}."


# %% [markdown]
# ## 2 · The model
#
# ### The networks (given)
#
# Encoder and decoder are small: two hidden layers each. The encoder has two outputs, μ and log σ². The decoder returns
# logits, not probabilities.

# %% tags=["folded"] title="Given: the encoder and the decoder"
# {{given vae.py}}


# %% [markdown]
# ### q2 · `VAE` ({{points q2}} points)
#
# *10 minutes · easy*
#
# Join the networks. `encode` and `decode` call them; `forward` encodes, draws $z$ with your `reparameterize` and the
# given ε, and decodes. The constructor is given; keep its three attributes, and keep `latent`, the width of $z$.
#
# **What the grader checks:** the wiring with encoders and decoders of its own, also for images of other sizes: `forward`
# returns the tuple `(logits, mu, logvar)` and equals `decode(reparameterize(encode(x), eps))`; no noise besides ε, in train
# mode and in eval mode; gradients of all three results to the networks; the attribute `latent`.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Each method is one or two lines; call your methods, not the networks, in `forward`.
# - Pitfalls: a sigmoid after the decoder (it returns logits); new noise drawn in `forward`; the pair of the encoder taken
#   for one tensor.
#
# </details>


# %% tags=["stub", "q2"] stub="call the networks"
class VAE(nn.Module):
    """Encoder and decoder, joined by a draw of z."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder, self.latent = encoder, decoder, decoder.latent

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (n, 1, 28, 28) -> (mu, logvar) of q(z|x), (n, latent) each."""
        ### BEGIN SOLUTION
        return self.encoder(x)
        ### END SOLUTION

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Latent vectors (n, latent) -> logits (n, 1, 28, 28)."""
        ### BEGIN SOLUTION
        return self.decoder(z)
        ### END SOLUTION

    def forward(self, x: torch.Tensor, eps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Images (n, 1, 28, 28) and eps (n, latent) -> (logits, mu, logvar)."""
        ### BEGIN SOLUTION
        mu, logvar = self.encode(x)
        return self.decode(reparameterize(mu, logvar, eps)), mu, logvar
        ### END SOLUTION


# %% tags=["public-tests", "q2"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q2"
points = None


@test_case(name="forward encodes, draws and decodes")
def test_forward(VAE, Encoder, Decoder):
    import torch

    torch.manual_seed(0)
    model = VAE(Encoder(3, (8,)), Decoder(3, (8,)))
    x, eps = torch.rand(2, 1, 28, 28), torch.randn(2, 3)
    out = model(x, eps)
    assert isinstance(out, tuple) and len(out) == 3, "forward returns (logits, mu, logvar)."
    logits, mu, logvar = out
    assert logits.shape == (2, 1, 28, 28) and mu.shape == (2, 3) and logvar.shape == (2, 3), (
        f"Shapes {tuple(logits.shape)}, {tuple(mu.shape)}, {tuple(logvar.shape)}."
    )
    same = model.decode(mu + (logvar / 2).exp() * eps)
    assert (logits - same).abs().max() < 1e-5, "The logits are not those of z = mu + sigma * eps."


# %% [markdown]
# ## 3 · Loss
#
# ### q3 · `vae_loss` ({{points q3}} points)
#
# *15 minutes · easy*
#
# Training maximises the ELBO, so the loss is its negative, as a mean over the batch:
#
# $$
# L = \underbrace{-\operatorname{mean}\,\log p(x \mid z)}_{\text{reconstruction}}
#   + \beta\,\underbrace{\operatorname{mean}\,\mathrm{KL}}_{\text{kl}} .
# $$
#
# With $\beta = 1$, $-L$ is an estimate of the ELBO. Other values make a *β-VAE*. A mean over pixels in one term and a sum
# over latent dimensions in the other is a β of 784 that nobody asked for.
#
# **What the grader checks:** a tuple of three 0-d tensors `(loss, reconstruction, kl)`, where `kl` is without β; the
# gradient of the loss to the logits, to μ and to log σ².
#
# With four pixels of logit 0, a mean KL divergence of 5 and β = 0.5 the loss is 5.2726.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Call `log_likelihood_bernoulli` and `kl_divergence`, then take the means over the batch.
# - Pitfalls: the ELBO returned instead of its negative; a minus before the KL term; β also in the `kl` that you return; `.item()` on the
#   way to the loss.
#
# </details>


# %% tags=["stub", "q3"] stub="return the loss and its two parts"
def vae_loss(
    logits: torch.Tensor, x: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor, beta: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    r"""The negative ELBO, with a weight of the KL divergence (Higgins et al. 2017).

    .. math:: -\mathrm{mean} \log p(x \mid z) + \beta\,\mathrm{mean}\,\mathrm{KL}(q(z \mid x) \,\|\, p(z))

    logits, x: (n, ...); mu, logvar: (n, d). Returns (loss, reconstruction, kl), 0-d each:
    reconstruction is the mean of :math:`-\log p(x \mid z)`, kl the mean KL divergence without beta.
    """
    ### BEGIN SOLUTION
    reconstruction = -log_likelihood_bernoulli(logits, x).mean()
    kl = kl_divergence(mu, logvar).mean()
    return reconstruction + beta * kl, reconstruction, kl
    ### END SOLUTION


# %% tags=["public-tests", "q3"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q3"
points = None


@test_case(name="two images by hand")
def test_vae_loss(vae_loss):
    import math

    import torch

    logits, x = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
    mu, logvar = torch.tensor([[2.0, 0.0], [0.0, 4.0]], requires_grad=True), torch.zeros(2, 2)
    out = vae_loss(logits, x, mu, logvar, beta=0.5)
    assert isinstance(out, tuple) and len(out) == 3, "Return (loss, reconstruction, kl)."
    assert all(torch.is_tensor(part) and part.shape == () for part in out), "Return three 0-d tensors."
    # Four pixels of log 1/2 in each image; KL 4/2 and 16/2.
    loss, reconstruction, kl = (part.item() for part in out)
    assert abs(reconstruction - 4 * math.log(2)) < 1e-4, f"4 log 2 = 2.7726 for each image, got {reconstruction:.4f}."
    assert abs(kl - 5) < 1e-4, f"The mean of the KL divergences 2 and 8 is 5, got {kl:.4f}."
    assert abs(loss - (4 * math.log(2) + 2.5)) < 1e-4, f"2.7726 + 0.5 * 5 = 5.2726, got {loss:.4f}."
    out[0].backward()
    assert mu.grad is not None, "No gradient reaches mu."
    assert abs(mu.grad[0, 0].item() - 0.5) < 1e-4, f"beta * mu / n = 0.5, got {mu.grad[0, 0]:.4f}."


# %% [markdown]
# ## 4 · Training
#
# ### q4 · One epoch ({{points q4}} points)
#
# *30 minutes · medium*
#
# One pass over the batches. For each batch, draw ε **with one call of `torch.randn` of shape `(n, model.latent)` from
# `generator`**, call `model(x, eps)` (not `encode` and `decode`), compute `vae_loss` with the given β, then clear the old gradients, `backward`,
# `optimizer.step()`. Return the means of loss, reconstruction and KL **per image**, so that a small last batch counts
# less.
#
# **What the grader checks:** train mode; the parameters after the epoch; three Python floats, and no graph kept from
# batch to batch; new noise for each batch, from the generator; an unchanged global generator.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Write the step for one batch, then the loop, then the three means.
# - Pitfalls: uniform noise (`rand`); `randn_like`, which ignores the generator; gradients cleared between `backward` and
#   the step; the losses added up with their graphs; the means of the batches averaged although the last one is smaller; β
#   not passed on.
#
# </details>


# %% tags=["stub", "q4"] stub="train on every batch, return the three means per image"
def train_one_epoch(
    model, loader, optimizer, generator: torch.Generator, beta: float = 1.0, device="cpu"
) -> tuple[float, float, float]:
    r"""One pass over ``loader``: :math:`\theta \leftarrow \mathrm{step}(\theta, \nabla_\theta L)` for each batch.

    loader yields (x, labels), x in [0, 1]; model(x, eps) -> (logits, mu, logvar); model.latent is the width of eps.
    Returns the means per image of (loss, reconstruction, kl), such as :math:`\sum_b n_b L_b / \sum_b n_b`.
    """
    batches = tqdm(loader, desc="train", leave=False)  # batches.set_postfix(loss=...) shows a running loss
    ### BEGIN SOLUTION
    model.train()
    totals, count = [0.0, 0.0, 0.0], 0
    for x, _ in batches:
        x = x.to(device)
        eps = torch.randn(len(x), model.latent, generator=generator, device=generator.device).to(device)
        logits, mu, logvar = model(x, eps)
        parts = vae_loss(logits, x, mu, logvar, beta)
        optimizer.zero_grad()
        parts[0].backward()
        optimizer.step()
        totals = [total + part.item() * len(x) for total, part in zip(totals, parts)]
        count += len(x)
        batches.set_postfix(loss=f"{totals[0] / count:.1f}")
    loss, reconstruction, kl = (total / count for total in totals)
    return loss, reconstruction, kl
    ### END SOLUTION


# %% tags=["public-tests", "q4"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q4"
points = None


@test_case(name="the form of the result, and the noise")
def test_epoch(train_one_epoch):
    import torch
    from torch import nn

    class Small(nn.Module):
        latent = 2

        def __init__(self):
            super().__init__()
            self.shift, self.seen, self.modes = nn.Parameter(torch.zeros(())), [], []

        def forward(self, x, eps):
            self.seen.append(eps.clone())
            self.modes.append(self.training)
            return 0 * x + self.shift, self.shift + torch.zeros_like(eps), torch.zeros_like(eps)

    model = Small().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = [(torch.ones(2, 1, 1, 1), torch.zeros(2)), (torch.ones(1, 1, 1, 1), torch.zeros(1))]
    means = train_one_epoch(model, batches, optimizer, torch.Generator().manual_seed(3), 1.0)
    assert isinstance(means, tuple) and [type(mean) for mean in means] == [float] * 3, "Return three Python floats."
    wanted = torch.Generator().manual_seed(3)
    for eps, n in zip(model.seen, (2, 1)):
        assert eps.shape == (n, 2), f"eps is (n, model.latent) = ({n}, 2), got {tuple(eps.shape)}."
        assert torch.equal(eps, torch.randn(n, 2, generator=wanted)), "Draw eps with torch.randn from the generator."
    assert all(model.modes), "Put the model into train mode."
    # Gradients: -1/2 at first; then the shift is 0.05, the gradient -sigmoid(-0.05) + 2 * 0.05
    expected = 0.05 - 0.1 * (2 * 0.05 - 1 / (1 + 2.718281828**0.05))
    assert abs(model.shift.item() - expected) < 1e-4, (
        f"After two steps the parameter is {expected:.4f}, got {model.shift.item():.4f}: look at zero_grad and at the loss."
    )


# %% [markdown]
# ## 5 · Sampling
#
# ### q5 · `sample` and `interpolate` ({{points q5}} points)
#
# *20 minutes · easy*
#
# **`sample`** draws $z \sim \mathcal{N}(0, I)$ **with one call of `torch.randn` from `generator`**, decodes it **once,
# and nothing else**, without gradients, and returns the *probabilities* of the pixels, in $[0, 1]$.
#
# **`interpolate`** walks straight from one latent vector to another: `steps` points at equal distances, **both ends
# included**. With `steps = 1` it is the first vector alone.
#
# **What the grader checks:** shapes; probabilities, not logits and not black and white; the same result for the same
# generator, another one for another; an unchanged global generator; both ends of the line.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `sample`: where is the model, and where the generator? The noise must be drawn on the device of the generator.
# - `interpolate`: shares from 0 to 1 as a column `(steps, 1)`.
# - Pitfalls: logits for probabilities; a graph kept; the last point left out; a division by `steps - 1` when it is 0.
#
# </details>


# %% tags=["stub", "q5"] stub="return the pixel probabilities of n new images"
def sample(model, n: int, generator: torch.Generator) -> torch.Tensor:
    r"""New images: :math:`z \sim \mathcal{N}(0, I)`, decoded to probabilities of the pixels.

    model.decode(z) -> logits; model.latent is the width of z. Returns (n, 1, 28, 28) in [0, 1], without a graph.
    """
    ### BEGIN SOLUTION
    device = next(model.parameters()).device
    z = torch.randn(n, model.latent, generator=generator, device=generator.device).to(device)
    with torch.no_grad():
        return torch.sigmoid(model.decode(z))
    ### END SOLUTION


# %% tags=["stub", "q5"] stub="return the points of a straight line"
def interpolate(z0: torch.Tensor, z1: torch.Tensor, steps: int) -> torch.Tensor:
    """``steps`` points at equal distances from z0 to z1, both included. z0, z1: (d,). Returns (steps, d)."""
    ### BEGIN SOLUTION
    shares = torch.linspace(0, 1, steps, dtype=z0.dtype, device=z0.device)[:, None]
    return (1 - shares) * z0 + shares * z1
    ### END SOLUTION


# %% tags=["public-tests", "q5"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q5"
points = None


@test_case(name="probabilities from the generator")
def test_sample(sample, VAE, Encoder, Decoder):
    import torch

    torch.manual_seed(0)
    model = VAE(Encoder(3, (8,)), Decoder(3, (8,)))
    first = sample(model, 4, torch.Generator().manual_seed(1))
    assert first.shape == (4, 1, 28, 28), f"Expected (4, 1, 28, 28), got {tuple(first.shape)}."
    assert not first.requires_grad, "Sampling needs no gradients."
    assert first.min() >= 0 and first.max() <= 1, "Return probabilities, not logits."
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    assert (first - model.decode(z).sigmoid()).abs().max() < 1e-5, "Decode one draw of torch.randn from the generator."
    assert not torch.equal(first, sample(model, 4, torch.Generator().manual_seed(2))), "The generator is ignored."


@test_case(name="a line of three points, and of one")
def test_interpolate(interpolate):
    import torch

    z0, z1 = torch.tensor([0.0, 2.0]), torch.tensor([4.0, 0.0])
    line = interpolate(z0, z1, 3)
    assert line.shape == (3, 2), f"Expected (3, 2), got {tuple(line.shape)}."
    expected = torch.tensor([[0.0, 2.0], [2.0, 1.0], [4.0, 0.0]])
    assert (line - expected).abs().max() < 1e-5, f"Expected {expected.tolist()}, got {line.tolist()}."
    one = interpolate(z0, z1, 1)
    assert one.shape == (1, 2) and torch.equal(one[0], z0), f"With one step it is z0 alone, got {one.tolist()}."


# %% [markdown]
# ### Run it
#
# The driver is folded code: it trains with Adam and a rate that falls to 0, keeps 2,000 training images for validation,
# and saves `run/vae_best.pt`, the epoch with the highest bound on them. After every epoch it saves everything to
# `run/vae_last.pt`: run the cell again to resume a lost session. If you change hyper-parameters, the training starts
# again. **If you change your code, set `restart=True`**; the driver tells you if you forget it.
#
# What to expect with the profile `cpu`: a bound of −136 nats after the first epoch, −110 after the fifth, and from then on
# a slow climb. In the committed run an epoch took 26 to 60 seconds on a machine that did other work as well. If the KL divergence falls to 0 and the bound stays near
# −206, the decoder ignores $z$ (see w3).

# %% tags=["skip-grading"]
model, history = train_vae(train_images, test_images[: HP["grid"]], HP["beta"], restart=False)  # True: train anew
test_elbo = elbo_of(model, test_images)
update_metrics(train=history, test_elbo=test_elbo)
print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters, {len(history)} epochs")
print(f"{sum(row['seconds'] for row in history):.0f} s, ELBO of the test images {test_elbo:.2f} nats")
save_figure(
    plot_history(history, "training", nats="loss reconstruction", KL_in_nats="kl", seconds_per_epoch="seconds"),
    "training",
)
save_figure(plot_epochs(history, test_images[: HP["grid"]]), "epochs")

# %% [markdown]
# ### What the latent space holds
#
# The bars show the mean of μ for each class: a code for a digit is a pattern over all dimensions, not one switch. A
# dimension whose bars are near 0 everywhere may be unused: its KL divergence is about 0, and the decoder ignores it.

# %% tags=["skip-grading"]
mu, logvar = latents_of(model, test_images)
kl_of_each = (logvar.exp() + mu**2 - 1 - logvar).mean(dim=0) / 2
used = kl_of_each.argsort(descending=True)
print("KL divergence of each dimension, in nats:", ", ".join(f"{kl:.1f}" for kl in kl_of_each[used].tolist()))
save_figure(plot_means(mu, test_labels), "means")

# %% [markdown]
# Half-way between two images, the mean of their pixels is two pale images on top of each other. The decoder's image of
# the mean of their latent vectors is *one* image.

# %% tags=["skip-grading"]
PAIRS = [int((test_labels == label).nonzero()[0]) for label in test_labels.unique()[:6]]
save_figure(plot_interpolation(model, test_images[PAIRS]), "interpolation")

# %% [markdown]
# Each row moves one latent dimension from −3 to 3 and keeps the others. The dimensions with the largest KL divergence
# come first. Most of them change several things at once: width, slant, and which digit it is.

# %% tags=["skip-grading"]
save_figure(plot_traversals(model, test_images[PAIRS[-1]], used), "traversals")

# %% tags=["skip-grading"]
save_figure(plot_large(to_pixels(sample(model, 5, make_generator(HP["seed"] + 2)))), "large")

# %% [markdown]
# ### q6 · The trained model ({{points q6}} points)
#
# *5 minutes · easy*
#
# You write nothing here. Hand in two files: `vae_best.pt` holds the weights (the driver wrote it) and `vae_samples.pt`
# holds 1,024 samples of *your* `sample`.
#
# **The bound (5 points).** The grader loads the weights (never code) into its own encoder and decoder and computes the
# ELBO of the 10,000 test images, grey as they are, in nats, with its own noise.
#
# **The samples (3 points).** A small classifier that was trained on real images measures three numbers, as in the
# assignment on diffusion:
#
# - **coverage**: how well the classes of the samples agree with those of real images; 1 means the same histogram;
# - **confidence**: how sure the classifier is on average; blurred or unclear images lower it;
# - **Fréchet distance**: between its features of the samples and of real test images; 0 means the same distribution.
#
# Each number gives a share of the points between 0 and 1. The bound has its share alone; the product of the other three
# shares gives the points of the samples, whose share is at most that of the bound. Copies of training or test images
# earn nothing.

# %% [markdown] tags=["only-mnist"]
# From where to where a share rises from 0 to 1: the bound from −140 to −104, coverage from 0.5 to 0.85, confidence from
# 0.55 to 0.8, the distance from 60 down to 15. Measured on MNIST:
#
# | model | bound (nats) | pixels | KL | coverage | confidence | Fréchet distance | points of 8 |
# | --- | --- | --- | --- | --- | --- | --- | --- |
# | the solution after epoch 1 | -135.2 | 122.2 | 13.0 | 0.78 | 0.67 | 79.4 | 0.6 |
# | the solution after epoch 10 | -103.7 | 85.1 | 18.6 | 0.92 | 0.84 | 16.9 | 7.8 |
# | the solution after epoch 15 | -100.8 | 81.5 | 19.4 | 0.93 | 0.85 | 13.6 | 8 |
# | the solution after epoch 20 | -99.5 | 80.1 | 19.4 | 0.94 | 0.86 | 12.6 | 8 |
# | the solution after epoch 25 | -98.7 | 79.2 | 19.5 | 0.94 | 0.86 | 11.8 | 8 |
# | the solution after epoch 30 | -98.5 | 78.9 | 19.6 | 0.93 | 0.86 | 11.6 | 8 |
# | β = 0, after epoch 10 | -478.9 | 65.5 | 413.4 | 0.44 | 0.37 | 152.4 | 0 |
# | β = 10, after epoch 10 | -159.8 | 157.1 | 2.7 | 0.68 | 0.66 | 89.1 | 0 |
# | a decoder that ignores z | -205.8 | 205.8 | 0.0 | – | – | – | 0 |
# | untrained networks | -543.3 | 543.3 | 0.0 | 0.13 | 0.16 | 218.5 | 0 |
#
# For comparison, PyTorch's own example of a VAE makes the same choices: grey pixels and 20 latent dimensions. It has one
# hidden layer of 400. A [log of it](https://github.com/pytorch/examples/pull/1416) shows a test loss of 106.66 nats after
# seven epochs, which is a bound of −106.66.

# %% [markdown] tags=["only-fashion_mnist"]
# From where to where a share rises from 0 to 1: the bound from −264 to −242, coverage from 0.4 to 0.72, confidence from
# 0.5 to 0.76, the distance from 50 down to 15.5. Measured on Fashion-MNIST:
#
# | model | bound (nats) | pixels | KL | coverage | confidence | Fréchet distance | points of 8 |
# | --- | --- | --- | --- | --- | --- | --- | --- |
# | the solution after epoch 1 | -259.4 | 249.0 | 10.5 | 0.63 | 0.72 | 32.4 | 1.6 |
# | the solution after epoch 10 | -243.0 | 231.6 | 11.4 | 0.75 | 0.79 | 15.7 | 7.5 |
# | the solution after epoch 15 | -240.8 | 228.9 | 11.9 | 0.75 | 0.79 | 15.1 | 8 |
# | the solution after epoch 20 | -239.9 | 227.9 | 12.0 | 0.77 | 0.80 | 14.5 | 8 |
# | the solution after epoch 25 | -239.3 | 227.2 | 12.1 | 0.77 | 0.80 | 14.6 | 8 |
# | the solution after epoch 30 | -239.2 | 227.0 | 12.2 | 0.76 | 0.80 | 14.6 | 8 |
# | β = 0, after epoch 10 | -547.9 | 216.7 | 331.2 | 0.55 | 0.49 | 62.7 | 0 |
# | β = 10, after epoch 10 | -266.0 | 262.3 | 3.7 | 0.62 | 0.83 | 31.3 | 0 |
# | a decoder that ignores z | -385.0 | 385.0 | 0.0 | – | – | – | 0 |
# | untrained networks | -544.1 | 544.1 | 0.1 | 0.10 | 0.60 | 138.3 | 0 |

# %% [markdown]
# The solution was trained with the profile `cpu`, for thirty epochs; another β for ten. *Pixels* and *KL* are the two
# parts of the bound. A decoder that ignores $z$ can do no better than the mean image.

# %% tags=["skip-grading"]
samples = to_pixels(sample(model, HP["samples"], make_generator(HP["seed"] + 1)))
torch.save({"samples": samples}, RUN / "vae_samples.pt")
figure, axes = plt.subplots(figsize=(8, 4))
axes.imshow(as_grid(samples[:128], 16))
axes.set_axis_off()
save_figure(figure, "samples")

# %% [markdown]
# ### Beside a diffusion model
#
# ![Samples of a VAE and of a DDPM side by side; those of the VAE are blurred.](pictures/beside.png)
#
# 1,024 samples each, of this assignment's solution and of the solution on diffusion, both with the profile `cpu`. The
# VAE was trained in minutes, the DDPM in an hour. A sample of the VAE is one pass through a small decoder; one of the DDPM
# is 200 passes through a U-Net, about 20,000 times the work.

# %% [markdown]
# ## 6 · Bonus: a tighter bound
#
# ### q7 · The importance-weighted bound ({{points q7}} bonus points)
#
# *40 minutes · hard*
#
# The ELBO is below $\log p(x)$ by $\mathrm{KL}(q(z \mid x)\,\|\,p(z \mid x))$. Several draws from $q$, weighted by how
# well they fit, come closer (Burda et al., 2016):
#
# $$
# \mathcal{L}_k(x) = \log \frac1k \sum_{j=1}^{k} \frac{p(x \mid z_j)\,p(z_j)}{q(z_j \mid x)}, \qquad
# z_j = \mu + \sigma\,\epsilon_j .
# $$
#
# For $k = 1$ its mean is the ELBO; its mean rises with $k$ and tends to $\log p(x)$. Use your `log_likelihood_bernoulli`,
# `log_likelihood_normal` and `log_mean_exp`: the numbers are far too small for anything but logarithms.
#
# **What the grader checks:** `eps` of shape `(k, n, d)`, with $k = 1$ and $n = 1$ too; one number for each image; weights so
# small that their exponentials are 0.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Encode once. Compute the three log-densities for one draw, then for all k, and put them into a tensor `(n, k)`.
# - Which μ and log σ² belong to $p(z)$?
# - Pitfalls: the closed KL divergence (it is no log-density of these draws); the mean over k of the logarithms; the sign of
#   $\log q$; `(k, n)` handed to `log_mean_exp`, which averages over the images.
#
# </details>


# %% tags=["stub", "q7"] stub="return the bound of each image"
def importance_weighted_bound(model, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    r"""The bound of k draws (Burda et al. 2016, equation 8).

    .. math:: \log \frac{1}{k} \sum_j p(x \mid z_j)\, p(z_j) / q(z_j \mid x), \quad z_j = \mu + \sigma\,\epsilon_j

    model: a VAE with encode and decode; x: (n, 1, 28, 28); eps: (k, n, latent). Returns (n,).
    """
    ### BEGIN SOLUTION
    mu, logvar = model.encode(x)
    nothing = torch.zeros_like(mu)

    def log_weight(noise):
        z = reparameterize(mu, logvar, noise)
        prior, posterior = log_likelihood_normal(nothing, nothing, z), log_likelihood_normal(mu, logvar, z)
        return log_likelihood_bernoulli(model.decode(z), x) + prior - posterior

    return log_mean_exp(torch.stack([log_weight(noise) for noise in eps], dim=1))
    ### END SOLUTION


# %% tags=["public-tests", "q7"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q7"
points = None


@test_case(name="one draw, and a decoder that ignores z")
def test_bound(importance_weighted_bound, VAE, Encoder, Decoder):
    import math

    import torch

    torch.manual_seed(0)
    model = VAE(Encoder(3, (8,)), Decoder(3, (8,)))
    for network in (model.encoder, model.decoder):
        for parameter in network.parameters():
            torch.nn.init.zeros_(parameter)
    # q(z|x) is the prior and every pixel is 1/2: all weights are (1/2)^784.
    x = torch.rand(2, 1, 28, 28)
    for k in (1, 4):
        bound = importance_weighted_bound(model, x, torch.randn(k, 2, 3))
        assert bound.shape == (2,), f"One number for each image: expected shape (2,), got {tuple(bound.shape)}."
        assert (bound + 784 * math.log(2)).abs().max() < 1e-2, f"Expected -784 log 2 = -543.43, got {bound.tolist()}."
    # With mu = 1 a draw at eps = 0 weighs p(z)/q(z) = exp(-d/2) less.
    torch.nn.init.ones_(model.encoder.mu.bias)
    bound = importance_weighted_bound(model, x, torch.zeros(1, 2, 3))
    assert (bound + 784 * math.log(2) + 1.5).abs().max() < 1e-2, f"Expected -544.93, got {bound.tolist()}."


# %% [markdown]
# The bound of 100 test images against k; a larger k keeps the draws of a smaller one. $\log p(x)$ lies above the right end,
# so the gap of the ELBO is at least the rise of the curve. With the profile `cpu` it rises from −98.9 to −96.3 nats.

# %% tags=["skip-grading"]
if is_stub_here("importance_weighted_bound"):
    print("q7 is not filled in: skipping the bonus part")
else:
    save_figure(plot_bound(model, test_images[:100], HP["draws"]), "bound")

# %% [markdown]
# ## 7 · Written questions
#
# Answer each question in a few sentences; you may use a formula or a sketch.

# %% [markdown] tags=["written", "w1"]
# ### w1 · Why the samples blur
#
# *10 minutes · medium*
#
# Compare your samples with real digits. Why are they blurred, and reconstructions less so? Name two things that would
# make the samples sharper, and what each costs.

# %% [markdown] tags=["model-answer", "w1"]
# Given $z$, the pixels are independent, and what we show is the mean of each pixel. Several images fit the same $z$,
# because $q(z \mid x)$ is a cloud and clouds overlap: the best answer of the decoder under this likelihood is the mean
# of all of them, and a mean of shifted strokes is blurred. (Drawing the pixels from their Bernoulli distributions
# instead gives noise, not sharp strokes, since the pixels are drawn independently.) A reconstruction starts from a $z$
# that the encoder chose for this image, near the centre of its cloud. A sample starts from the prior, which also puts
# mass where no image of the training data was encoded: the mean of all $q(z \mid x)$ is not exactly the prior, and
# between the clouds the decoder must guess. Sharper: a likelihood that does not treat pixels as independent (an
# autoregressive decoder, a GAN or perceptual loss; costs slow sampling, or the bound); a smaller β or more latent
# dimensions (sharper images, but the clouds fill the prior less well, so more samples are no digits); a learnt prior or
# a hierarchy of latent variables (more to train); many small steps, as in diffusion (hundreds of evaluations).

# %% [markdown] tags=["rubric", "w1"]
# 4 points
#
# - 2 · pixels independent given $z$: the decoder outputs a mean over all images that fit $z$
# - 1 · reconstructions start from the encoder's $z$; samples also from places where little was encoded
# - 1 · two remedies, each with its price

# %% [markdown] tags=["written", "w2"]
# ### w2 · VAE and DDPM
#
# *10 minutes · medium*
#
# Both maximise a bound on $\log p(x)$. Compare latent variables, encoder, the terms of the bound, the quality of the
# samples and the cost to draw one. When would you still choose a VAE?

# %% [markdown] tags=["model-answer", "w2"]
# The VAE has one latent vector, much smaller than the image, and an encoder that is learnt. A DDPM has $T$ latent images
# of full size and a fixed encoder, the forward process, which needs no training and cannot collapse. The VAE's bound is
# a reconstruction term minus one KL divergence; the DDPM's is a sum of KL divergences between Gaussians of known
# variance, one for each step, each of which is a weighted squared error of the predicted noise. The VAE's decoder must
# produce the image in one step and outputs a mean, which is blurred; a DDPM makes many small changes, for each of which
# a Gaussian is nearly exact, and each adds new noise, so that the result is a sample. A sample costs one evaluation of a
# small decoder for the VAE and $T$ evaluations of a U-Net for the DDPM, here about 20,000 times the work. Choose
# a VAE for a compact code (compression, interpolation, features, anomaly scores), for speed, or as the first stage of a
# latent diffusion model.

# %% [markdown] tags=["rubric", "w2"]
# 4 points
#
# - 1 · one small latent vector and a learnt encoder, against $T$ latents of full size and a fixed one
# - 1 · the terms of both bounds
# - 1 · quality against cost: one evaluation and a mean, against $T$ evaluations and a sample
# - 1 · when a VAE is the better choice

# %% [markdown] tags=["written", "w3"]
# ### w3 · Posterior collapse and β
#
# *10 minutes · medium*
#
# What happens for β = 0, for β = 10, and for a decoder that can model images without $z$? Look at the table in q6. How
# do you notice a collapse during training, and what helps?

# %% [markdown] tags=["model-answer", "w3"]
# With β = 0 nothing keeps $q(z \mid x)$ near the prior: the variances shrink, the means spread, the KL divergence is
# huge and the ELBO bad, though reconstructions are the best. The prior then draws $z$ from places that the decoder never
# saw, so the samples are poor. With β = 10 a nat in the KL divergence must save ten nats in the pixels: only the few
# dimensions that pay for that stay in use, the rest collapse to the prior (μ = 0, σ = 1, KL = 0), and reconstructions
# are vague. If the decoder can model images without $z$ (an autoregressive one), the optimum may be to ignore $z$
# completely: $q(z \mid x) = p(z)$ costs nothing. At the start of training $z$ carries little information, so the KL term
# pulls everything to the prior before the decoder learns to use it. Signs: the KL divergence near 0, in total or for
# single dimensions; the same reconstruction for every image; traversals that change nothing. Remedies: KL annealing (β
# from 0 to 1 during the first epochs), free bits (no penalty below a threshold in each dimension), a weaker decoder, a
# tighter bound.

# %% [markdown] tags=["rubric", "w3"]
# 4 points
#
# - 1 · β = 0: good reconstructions, huge KL, poor samples
# - 1 · β = 10: dimensions collapse to the prior, vague images
# - 1 · why a collapse happens (a strong decoder, or early in training), and how to see it
# - 1 · a remedy, with the reason why it helps

# %% [markdown]
# ## 8 · Hand in
#
# This last cell saves the notebook (in JupyterLab and on Colab; elsewhere, save it first), makes a report of it, and
# collects both, the checkpoint, the samples, the figures and the numbers in `vae-submission.zip` in the run folder:
# upload that file.

# %% tags=["skip-grading"]
try:
    print(write_submission())
except NameError as missing:
    print(f"Nothing was packed ({missing}): run the cells above Data again, then this one.")
