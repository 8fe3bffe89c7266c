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
# # Logistic and softmax regression from scratch
#
# {{colab_badge}}
#
# ![An image becomes a row of pixels; the row times W plus b gives a score for each class; softmax makes them probabilities.](pictures/softmax.png)
#
# You write two classifiers in NumPy, from the random split of the data to the last step of the training: **logistic
# regression**, which tells airplanes from automobiles, and **softmax regression**, which tells ten classes apart. No
# library differentiates for you. At the end you see what a linear classifier looks for in an image, and where it ends.
#
# | question | you write | points | minutes | difficulty |
# | --- | --- | --- | --- | --- |
# | q1 | `train_test_split`, `get_data_batch` | {{points q1}} | 15 | easy |
# | q2a | `sigmoid`, without overflow | {{points q2a}} | 10 | easy |
# | q2b | `softmax`, without overflow | {{points q2b}} | 10 | easy |
# | q3 | the models: scores and probabilities | {{points q3}} | 15 | easy |
# | q4 | `calculate_loss`, `calculate_accuracy` | {{points q4}} | 30 | hard |
# | q5 | `gradients`, by hand | {{points q5}} | 40 | hard |
# | q6 | `clip_gradients` | {{points q6}} | 10 | easy |
# | q7 | `evaluate_model`, `fit_model` | {{points q7}} | 30 | medium |
# | q8 | the files `softmax.npz` and `logistic.npz`, from your training | {{points q8}} | 10 | easy |
# | w1 – w2 | two short written answers, graded by hand | {{points w1}} each | 10 each | medium |
#
# The minutes are an estimate for a student who knows NumPy's arrays; the computer's time comes on top.
#
# **How to work here.** Fill in the stubs from top to bottom. After each question, `grader.check("q1")` tells you what
# is wrong, in seconds. The hidden tests check the same with other numbers. Keep the names and signatures of the stubs;
# you may add helper functions and cells. The grader runs your cells in order, but skips cells with the tag
# `skip-grading` (downloads, training, plots). Do not put anything there that a stub needs.
#
# The assignment follows the first one of E0 270, Machine Learning, at the Indian Institute of Science (2024). To read
# first: Bishop, *Pattern Recognition and Machine Learning*, sections 4.3.2 and 4.3.4.

# %% [markdown]
# ## Setup
#
# You need the next cell on Colab only. It keeps the results on your Google Drive, because Colab deletes a machine's
# files when its session ends. Elsewhere, run `pip install numpy matplotlib tqdm otter-grader`.

# %% tags=["skip-grading"]
# {{given colab.py}}

# %%
import csv
import hashlib
import json
import os
import pickle
import re
import tarfile
import time
import urllib.request
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# ### Given code
#
# The folded cell holds code that you need not read: it reads the data, trains by your functions, draws the figures and
# packs what you hand in. Run it.

# %% tags=["folded"] title="Given: data, training, figures, hand-in"
SOURCE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
MD5 = "c58f30108f718f92721af3b95e74349a"
FILES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}


def show_progress(i, num_iters, train_loss, train_acc, val_loss, val_acc) -> None:
    """Print a line every hundred iterations, and after the last one."""
    if i % 100 == 0 or i == num_iters:
        print(
            f"Iter {i}/{num_iters} - Train Loss: {train_loss:.4f} - Train Acc: {train_acc:.4f} "
            f"- Val Loss: {val_loss:.4f} - Val Acc: {val_acc:.4f}"
        )


def data_folders() -> list[Path]:
    """The folders where data may be, the most specific one first."""
    told = [os.environ["KIT_DATA"]] if os.environ.get("KIT_DATA") else []
    return [Path(folder) for folder in (*told, "data", "../data", "../../data")]


def official() -> Path:
    """The folder ``cifar-10-batches-py`` of the official archive, downloaded if it is not there.

    Raises:
        Stop: it could not be downloaded, or is damaged.
    """
    unpacked = "cifar-10-batches-py"
    root = next((folder for folder in data_folders() if (folder / unpacked).is_dir()), None)
    if root is None:
        root, archive = data_folders()[0], data_folders()[0] / SOURCE.rpartition("/")[2]
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not archive.is_file():
                urllib.request.urlretrieve(SOURCE, archive.with_suffix(".part"))
                os.replace(archive.with_suffix(".part"), archive)
            if hashlib.md5(archive.read_bytes()).hexdigest() != MD5:
                raise OSError("the file is not the official archive; remove it")
            with tarfile.open(archive) as members:
                members.extractall(root)
        except (OSError, tarfile.TarError) as error:
            raise Stop(
                f"Could not get CIFAR-10 from {SOURCE} ({error}): download it on a machine with internet access and copy "
                f"it to {root.resolve()}, or set KIT_DATA to the folder that holds it, then run this cell again."
            ) from None
    return root / unpacked


def load_split(split: str, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``limit`` images (n, 32, 32, 3) uint8 and labels (n,) int64 of a split, "train" or "test"."""
    files = (folder / "cifar10" / f"{split}.npy" for folder in data_folders())
    prepared = next((file for file in files if file.is_file()), None)
    if prepared:
        rows = np.load(prepared, mmap_mode="r")[:limit]
        pixels, labels = np.array(rows[:, 1:]), rows[:, 0].astype(np.int64)
    else:
        parts = [pickle.loads((official() / name).read_bytes(), encoding="bytes") for name in FILES[split]]
        pixels = np.concatenate([part[b"data"] for part in parts])[:limit]
        labels = np.concatenate([part[b"labels"] for part in parts])[:limit].astype(np.int64)
    return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


def rows_of(images: np.ndarray, mean=0.0, scale=1.0) -> np.ndarray:
    """Images (n, 32, 32, 3) uint8 -> rows (n, 3072) float64 of pixels in [0, 1], minus ``mean``, divided by ``scale``."""
    rows = images.reshape(len(images), -1).astype(np.float64)
    rows /= 255
    rows -= mean
    rows /= scale
    return rows


def train(mode: str, images: np.ndarray, labels: np.ndarray, test_images: np.ndarray, test_labels: np.ndarray) -> dict:
    """Train by your functions, "logistic" on the first two classes or "softmax" on all; writes ``<mode>.npz``.

    A fifth of the images is kept for validation. Mean and deviation come from the training rows alone. Returns the model,
    the history, and the first W.
    """
    binary, rng, start = mode == "logistic", np.random.default_rng(HP["seed"]), time.perf_counter()
    if binary:
        images, labels = images[labels < 2], labels[labels < 2]
        test_images, test_labels = test_images[test_labels < 2], test_labels[test_labels < 2]
    numbers = np.arange(len(images), dtype=np.float64)[:, None]  # rows of one number each: the images are large
    chosen, y_train, kept, y_val = train_test_split(numbers, labels, 0.2, rng)
    X_train, X_val = (rows_of(images[part[:, 0].astype(int)]) for part in (chosen, kept))
    mean, scale = X_train.mean(axis=0), X_train.std(axis=0) + 1e-8
    for X in (X_train, X_val):
        X -= mean
        X /= scale
    d = X_train.shape[1]
    model = LogisticRegression(d, rng) if binary else SoftmaxRegression(d, len(CLASSES), rng)
    settings = [HP[name] for name in ("num_iters", "lr", "batch_size", "l2_lambda", "grad_norm_clip")]
    code = "train_test_split get_data_batch sigmoid softmax LinearModel calculate_loss gradients clip_gradients"
    write_json(
        RUN / f"{mode}.json",
        {"hyperparameters": HP, "code": {name: hash_of(name) for name in [*code.split(), "fit_model"]}},
    )
    first = model.W.copy()
    lists = fit_model(model, X_train, y_train, X_val, y_val, *settings, binary, rng)
    loss, accuracy = evaluate_model(model, rows_of(test_images, mean, scale), test_labels, HP["batch_size"], binary)
    np.savez(RUN / f"{mode}.npz", W=model.W, b=model.b, mean=mean, scale=scale)
    iterations = [*range(10, HP["num_iters"], 10), HP["num_iters"]]
    names = ("train_loss", "train_acc", "val_loss", "val_acc")
    history = [dict(zip(("iteration", *names), map(as_float, row))) for row in zip(iterations, *lists)]
    write_history(mode, history)
    print(f"{mode}: test loss {loss:.4f}, test accuracy {accuracy:.4f}, {time.perf_counter() - start:.0f} s")
    update_metrics(**{mode: history, f"{mode}_test_accuracy": as_float(accuracy)})
    return {"model": model, "history": history, "first": first}


# {{given figures.py}}


def plot_curves(runs: dict[str, dict]):
    """Loss and accuracy of each run against the iteration: of the batches, and of the validation rows."""
    figure, all_axes = plt.subplots(len(runs), 2, figsize=(10, 3.2 * len(runs)), squeeze=False)
    for row, (mode, found) in zip(all_axes, runs.items()):
        for axes, (kind, label) in zip(row, {"loss": "loss", "acc": "accuracy"}.items()):
            iterations = [point["iteration"] for point in found["history"]]
            for part, name in {"train": "training, a batch", "val": "validation"}.items():
                axes.plot(iterations, [point[f"{part}_{kind}"] for point in found["history"]], label=name)
            axes.set(title=mode, xlabel="iteration", ylabel=label)
            axes.grid(alpha=0.3)
            axes.legend()
    figure.tight_layout()
    return figure


def plot_templates(rows: dict[str, np.ndarray]):
    """Columns of matrices (3072, k) as images (32, 32, 3): grey is 0, bright pixels raise the score of the class."""
    figure, all_axes = plt.subplots(len(rows), len(CLASSES), figsize=(1.3 * len(CLASSES), 1.5 * len(rows)))
    for line, (label, weights) in zip(all_axes, rows.items()):
        for axes, column, title in zip(line, weights.T, CLASSES):
            axes.imshow(np.clip(0.5 + column.reshape(32, 32, 3) / (6 * column.std()), 0, 1))
            axes.set(xticks=[], yticks=[], title=title if line is all_axes[0] else "")
        line[0].set_ylabel(label)
    figure.tight_layout()
    return figure


def plot_regions(model, X: np.ndarray, y: np.ndarray):
    """The points (n, 2) of a toy, and the class that the model predicts around them."""
    figure, axes = plt.subplots(figsize=(4.2, 3.6))
    low, high = X.min(axis=0) - 0.5, X.max(axis=0) + 0.5
    grid = np.stack(np.meshgrid(*(np.linspace(*ends, 200) for ends in zip(low, high))), axis=-1)
    classes = model(grid.reshape(-1, 2)).argmax(axis=1).reshape(200, 200)
    axes.contourf(
        grid[..., 0], grid[..., 1], classes, levels=np.arange(-0.5, model.W.shape[1]), alpha=0.25, cmap="viridis"
    )
    axes.scatter(*X.T, c=y, s=8, cmap="viridis")
    axes.set(title="softmax regression on a toy", xlabel="$x_1$", ylabel="$x_2$")
    return figure


HANDED_IN = ["softmax.npz", "logistic.npz", "metrics.json"]
HANDED_IN += [f"figures/{name}.png" for name in ("toy", "curves", "templates")]


# {{given record.py}}


# {{given notebook_file.py}}


# {{given report.py}}


# {{given hand_in.py}}


# %% [markdown]
# ### Profile and hyper-parameters
#
# `PROFILE` chooses a column of the table in the next cell. Leave it at `smoke` until all your checks pass, then choose
# `cpu`.
#
# | profile | purpose | time |
# | --- | --- | --- |
# | `smoke` | check that everything runs | seconds on a CPU |
# | `demo` | first weights, from a part of the images | less than a minute on two CPU cores |
# | `cpu` | **the full training**, all images, two CPU cores, 3 GB of memory | two minutes |

# %%
PROFILE = os.environ.get("KIT_PROFILE") or "smoke"

# fmt: off
PROFILES = ("smoke", "demo", "cpu")
TABLE = {
    # data                    smoke      demo       cpu
    "dataset":              ("cifar10", "cifar10", "cifar10"),
    "train_images":         (400,       10_000,    50_000),
    "test_images":          (200,       10_000,    10_000),
    # training
    "num_iters":            (60,        1_000,     1_000),
    "lr":                   (1e-3,      1e-3,      1e-2),         # learning rate
    "batch_size":           (32,        256,       256),
    "l2_lambda":            (0.1,       0.1,       0.01),         # weight of the penalty
    "grad_norm_clip":       (4.0,       4.0,       4.0),          # largest norm of a gradient
    "seed":                 (0,         0,         0),
}
# fmt: on
assert PROFILE in PROFILES, f"PROFILE is {PROFILE!r}; choose one of {', '.join(PROFILES)}"
HP = {name: row[PROFILES.index(PROFILE)] for name, row in TABLE.items()}

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

print(f"profile {PROFILE}")

# %% [markdown]
# The notebook writes all outputs (weights, figures, `metrics.json`, the zip that you hand in) to one run folder: `run`
# beside this notebook, or the folder that the environment variable `KIT_RUN` names.

# %% tags=["skip-grading"]
# {{given run_folder.py}}

# %% [markdown]
# ## 1 · Data
#
# CIFAR-10 has 50,000 training and 10,000 test images of 32×32 pixels in ten classes. The cell reads a prepared copy
# (`cifar10/train.npy` and `cifar10/test.npy` under `KIT_DATA` or a `data` folder nearby), or downloads the official
# archive. You get uint8 images `(n, 32, 32, 3)` and int64 labels `(n,)`, 0 to 9.

# %% tags=["skip-grading"]
train_images, train_labels = load_split("train", HP["train_images"])
test_images, test_labels = load_split("test", HP["test_images"])
print(f"{len(train_images)} training and {len(test_images)} test images")

# %% [markdown]
# In all questions `X` is `(n, d)` float64, a row for each image, and `y` is `(n,)` with its class, a whole number from
# 0. There is at least one row. All randomness comes from the argument `rng`, a `numpy.random.Generator`: no function
# may use or seed `np.random` itself. No function may change its arrays or the model (but training changes the model),
# or leave NumPy's handling of errors (`np.seterr`) or Python's of warnings (`warnings.filterwarnings`) changed. No
# function may give a warning of NumPy.
#
# ### q1 · Split and batch ({{points q1}} points)
#
# *15 minutes · easy*
#
# A model must be judged by images that it was not trained on. **`train_test_split`** puts $\lfloor n \cdot r \rfloor$
# rows into the test part, where $r$ is the `test_ratio`, and all others into the training part. **`get_data_batch`**
# draws the rows of one step of the training.
#
# **What the grader checks:** the sizes, one row and an odd number of rows among them; every row once, with its own
# label; batches without a row twice, all rows where the batch is larger than the data; that rows are drawn with equal
# chances, from `rng` and from nothing else, and differ from call to call; that labels stay whole numbers.
#
# With ten rows and a ratio of 0.25 two go to the test part.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `rng.permutation(n)` and `rng.choice(n, size, replace=False)` return row numbers; an array can be indexed by them.
# - Pitfalls: the first rows as the test part, without shuffling; labels in another order than the rows; a generator
#   that is made anew in every call, so that all batches are the same; drawing with replacement.
#
# </details>


# %% tags=["stub", "q1"] stub="return X_train, y_train, X_test, y_test"
def train_test_split(X: np.ndarray, y: np.ndarray, test_ratio: float, rng: np.random.Generator) -> tuple:
    r"""A random partition of the rows: :math:`\lfloor n \cdot \mathrm{ratio} \rfloor` of them for the test, the others to train.

    X: (n, d), y: (n,), n ≥ 1, 0 ≤ test_ratio ≤ 1. Every row is in one of the two parts, once, together with its label. Every
    choice of test rows has the same chance; all randomness comes from ``rng``.
    Returns (X_train, y_train, X_test, y_test); either part may have no rows.
    """
    ### BEGIN SOLUTION
    order = rng.permutation(len(X))
    count = int(len(X) * test_ratio)
    test, train = order[:count], order[count:]
    return X[train], y[train], X[test], y[test]
    ### END SOLUTION


# %% tags=["stub", "q1"] stub="return X_batch, y_batch"
def get_data_batch(X: np.ndarray, y: np.ndarray, batch_size: int, rng: np.random.Generator) -> tuple:
    """A random batch, drawn without replacement: no row twice; all n rows if ``batch_size`` is above n.

    X: (n, d), y: (n,), n ≥ 1, batch_size ≥ 1. Every set of rows has the same chance; all randomness comes from ``rng``.
    Returns (X_batch, y_batch), min(batch_size, n) rows and their labels.
    """
    ### BEGIN SOLUTION
    rows = rng.choice(len(X), min(batch_size, len(X)), replace=False)
    return X[rows], y[rows]
    ### END SOLUTION


# %% tags=["public-tests", "q1"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None


@test_case(name="ten rows, each with its label")
def test_split_and_batch(train_test_split, get_data_batch):
    import numpy as np

    X = np.arange(20.0).reshape(10, 2)
    y = np.arange(10)
    rng = np.random.default_rng(0)
    parts = train_test_split(X, y, 0.25, rng)
    assert [len(part) for part in parts] == [8, 8, 2, 2], "Return X_train, y_train, X_test, y_test: 8, 8, 2 and 2 rows."
    for X_part, y_part in (parts[:2], parts[2:], get_data_batch(X, y, 4, rng), get_data_batch(X, y, 99, rng)):
        assert np.array_equal(X_part[:, 0], 2 * y_part), "A row has lost its label."
        assert len(set(y_part.tolist())) == len(y_part), "A row is there twice."


# %% [markdown]
# ## 2 · From scores to probabilities
#
# A linear model gives every class a score $s_j$, any real number. Two functions make them probabilities.
#
# ### q2a · Sigmoid ({{points q2a}} points)
#
# *10 minutes · easy*
#
# $$ \sigma(x) = \frac{1}{1 + e^{-x}} = \frac{e^{x}}{1 + e^{x}} $$
#
# The two forms are equal on paper. In float64 $e^{710}$ overflows: the first form fails for large negative $x$, the
# second one for large positive $x$.
#
# **What the grader checks:** arrays of any shape; entries of ±1000 and beyond, without a warning.
#
# $\sigma(\log 3)$ = 0.75, $\sigma(-1000)$ = 0, $\sigma(1000)$ = 1.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - $e^{-|x|}$ never overflows. Which form needs it for $x \ge 0$, which for $x < 0$?
# - `np.where` computes both of its branches, and warns if one of them overflows.
#
# </details>


# %% tags=["stub", "q2a"] stub="return the sigmoid of every entry"
def sigmoid(x: np.ndarray) -> np.ndarray:
    r"""The logistic function of every entry, :math:`\sigma(x) = 1 / (1 + e^{-x})`.

    x: float64 of any shape. Returns the same shape; finite and without warnings for entries up to ±1000 and beyond.
    """
    ### BEGIN SOLUTION
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)
    ### END SOLUTION


# %% tags=["public-tests", "q2a"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q2a"
points = None


@test_case(name="log 3, and both ends")
def test_sigmoid(sigmoid):
    import numpy as np

    found = sigmoid(np.array([0.0, np.log(3), -1000.0, 1000.0]))
    assert np.allclose(found, [0.5, 0.75, 0.0, 1.0]), f"Expected 0.5, 0.75, 0, 1; got {found}."


# %% [markdown]
# ### q2b · Softmax ({{points q2b}} points)
#
# *10 minutes · easy*
#
# $$ p_{ij} = \frac{e^{x_{ij}}}{\sum_l e^{x_{il}}} $$
#
# A number that is subtracted from all entries of a row changes nothing. Choose it so that no exponential overflows.
#
# **What the grader checks:** every row by itself; entries of ±1000 and beyond, rows of large entries and of small ones
# in one array, without a warning; rows of one entry.
#
# The row (0, log 2, 0) gives (0.25, 0.5, 0.25), and so does (1000, 1000 + log 2, 1000).
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `keepdims=True` keeps an axis, so that a row's number is subtracted from that row.
# - Pitfalls: sums over columns; the maximum of the whole array, beside which a row of small entries underflows to 0/0.
#
# </details>


# %% tags=["stub", "q2b"] stub="return the softmax of every row"
def softmax(x: np.ndarray) -> np.ndarray:
    r"""The softmax of every row, :math:`e^{x_{ij}} / \sum_l e^{x_{il}}`.

    x: (n, k) float64. Returns (n, k): positive or 0, every row sums to 1; finite and without warnings for entries up to ±1000
    and beyond. Rows of one entry give 1.
    """
    ### BEGIN SOLUTION
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% tags=["public-tests", "q2b"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q2b"
points = None


@test_case(name="two rows by hand")
def test_softmax(softmax):
    import numpy as np

    found = softmax(np.array([[0.0, np.log(2), 0.0], [1000.0, 1000.0 + np.log(2), 1000.0]]))
    assert np.allclose(found, [[0.25, 0.5, 0.25]] * 2), f"Both rows should be (0.25, 0.5, 0.25); got {found}."


# %% [markdown]
# ## 3 · Models
#
# ### q3 · Three classes ({{points q3}} points)
#
# *15 minutes · easy*
#
# $$ S = X W + b, \qquad W: (d, k),\; b: (k,) $$
#
# - `LinearModel`: scores $S$.
# - `LogisticRegression`: one column of scores, $\sigma(S)$ is the probability of class 1. Its shape is `(n, 1)`, and it
#   stays so: no `squeeze`.
# - `SoftmaxRegression`: softmax of the scores, `(n, k)`.
#
# Entries of $W$ are standard normal numbers from `rng`, divided by $\sqrt d$, so that the first scores have the size of
# the inputs whatever $d$ is; $b$ is zero. `model(X)` is `model.forward(X)`.
#
# **What the grader checks:** shapes, mean and deviation of $W$; that it comes from `rng` and from nothing else;
# `forward` of all three, with other $W$ and $b$ in the place of yours; one row, $d$ = 1, and one or many classes.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `super().forward(X)` gives the scores in the other two.
# - Pitfalls: $W$ divided by $d$; a uniform distribution; probabilities of shape `(n,)`, which give `(n, n)` when a
#   column is subtracted from them.
#
# </details>


# %% tags=["stub", "q3"] stub="draw W, return scores and probabilities"
class LinearModel:
    r"""Linear scores, :math:`s = X W + b`.

    ``W``: (d, k), ``b``: (k,), float64 arrays. ``model(X)`` is ``model.forward(X)``.
    """

    def __init__(self, d: int, k: int, rng: np.random.Generator):
        """W: standard normal numbers from ``rng``, divided by √d. b: zeros."""
        ### BEGIN SOLUTION
        self.W = rng.standard_normal((d, k)) / np.sqrt(d)
        self.b = np.zeros(k)
        ### END SOLUTION

    def __call__(self, X: np.ndarray) -> np.ndarray:
        return self.forward(X)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Rows X (n, d) -> scores (n, k)."""
        ### BEGIN SOLUTION
        return X @ self.W + self.b
        ### END SOLUTION


class LogisticRegression(LinearModel):
    """Two classes, 0 and 1: one score a row, W (d, 1) and b (1,)."""

    def __init__(self, d: int, rng: np.random.Generator):
        super().__init__(d, 1, rng)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Rows X (n, d) -> probabilities of class 1, (n, 1)."""
        ### BEGIN SOLUTION
        return sigmoid(super().forward(X))
        ### END SOLUTION


class SoftmaxRegression(LinearModel):
    """k classes."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Rows X (n, d) -> probabilities (n, k)."""
        ### BEGIN SOLUTION
        return softmax(super().forward(X))
        ### END SOLUTION


# %% tags=["public-tests", "q3"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q3"
points = None


@test_case(name="one row and three classes by hand")
def test_models(LinearModel, LogisticRegression, SoftmaxRegression):
    import numpy as np

    rng, X = np.random.default_rng(0), np.array([[1.0, 0.0]])
    model, binary = SoftmaxRegression(2, 3, rng), LogisticRegression(2, rng)
    assert (model.W.shape, model.b.shape, binary.W.shape, binary.b.shape) == ((2, 3), (3,), (2, 1), (1,))
    model.W, binary.W = np.array([[0.0, np.log(2), 0.0], [5.0, 5.0, 5.0]]), np.array([[np.log(3)], [7.0]])
    assert np.allclose(model(X), [[0.25, 0.5, 0.25]]), f"Expected (0.25, 0.5, 0.25), got {model(X)}."
    assert binary(X).shape == (1, 1) and np.allclose(binary(X), 0.75), f"Expected ((0.75,),), got {binary(X)}."


# %% [markdown]
# ## 4 · Loss and accuracy
#
# ### q4 · `calculate_loss`, `calculate_accuracy` ({{points q4}} points)
#
# *30 minutes · hard*
#
# The loss is the mean of $-\log p_{i y_i}$ over the rows, where $y_i$ is the right class; **the penalty of q5 is not in
# it**. For two classes $p$ is $\sigma(s)$ where $y$ = 1 and $1 - \sigma(s)$ where $y$ = 0.
#
# A probability below 10⁻³²⁴ is 0 in float64, and its logarithm −∞. A small number under the logarithm (`+ 1e-9`) hides
# that and makes the loss wrong. **Do not take the logarithm of a probability.** Take it of the formula: with the scores
# $s_{ij}$ of `X @ model.W + model.b`,
#
# $$ -\log p_{i y_i} = \log \sum_j e^{s_{ij}} - s_{i y_i} . $$
#
# Subtract the maximum of the row here, too. For two classes $-\log \sigma(s) = \log(1 + e^{-s})$.
#
# In q4 and q5 use only `is_binary`, `model.W`, `model.b` and `model(X)`: the grader's model is of a class of its own.
#
# **Accuracy** is the share of rows whose most probable class, by `model(X)`, is the right one. Of equal probabilities
# the first class counts, as `argmax` does; so a row with $\sigma$ = 0.5 is of class 0.
#
# **What the grader checks:** values of both kinds of models; scores of ±1000, where a confident wrong row has a loss of
# about 1000; classes that no row has; one row; ties.
#
# With $X$ = ((1, 0), (0, 1)), $W$ = ((0, log 2, 0), (0, 0, log 6)), $b$ = 0 and $y$ = (0, 2), the probabilities are (2,
# 4, 2)/8 and (1, 1, 6)/8, the loss is 0.8370 and the accuracy 0.5.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `np.logaddexp(0, s)` is $\log(1 + e^{s})$ without overflow.
# - `array[np.arange(n), y]` takes one entry of each row.
# - Pitfalls: the logarithm of the mean instead of the mean of logarithms; labels ignored; a one-hot matrix as wide as
#   the largest label of the *batch*; `(n, 1)` minus `(n,)`, which is `(n, n)`; division by n·k.
#
# </details>


# %% tags=["stub", "q4"] stub="return the mean loss"
def calculate_loss(model: LinearModel, X: np.ndarray, y: np.ndarray, is_binary: bool) -> float:
    r"""The mean of :math:`-\log p` of the right class, without the penalty.

    X: (n, d), n ≥ 1. y: (n,) integers, 0 to k − 1. ``is_binary``: two classes, W is (d, 1), y is 0 or 1.
    Exact for scores of ±1000, without warnings: it takes the scores X W + b from ``model.W`` and ``model.b``.
    """
    ### BEGIN SOLUTION
    scores = X @ model.W + model.b
    if is_binary:
        return np.logaddexp(0, np.where(y == 1, -1, 1) * scores[:, 0]).mean()
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(y)), y].mean()
    ### END SOLUTION


# %% tags=["stub", "q4"] stub="return the share of correct rows"
def calculate_accuracy(model: LinearModel, X: np.ndarray, y: np.ndarray, is_binary: bool) -> float:
    """The share of rows whose most probable class, by ``model(X)``, is the right one; of equal ones the first counts.

    X: (n, d), n ≥ 1. y: (n,). ``is_binary``: class 1 where its probability is above 0.5, else class 0.
    """
    ### BEGIN SOLUTION
    probabilities = model(X)
    predicted = probabilities[:, 0] > 0.5 if is_binary else probabilities.argmax(axis=1)
    return (predicted == y).mean()
    ### END SOLUTION


# %% tags=["public-tests", "q4"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q4"
points = None


@test_case(name="two rows by hand, and a confident mistake")
def test_loss_and_accuracy(calculate_loss, calculate_accuracy, SoftmaxRegression, LogisticRegression):
    import numpy as np

    rng, X = np.random.default_rng(0), np.eye(2)
    model, y = SoftmaxRegression(2, 3, rng), np.array([0, 2])
    model.W = np.array([[0.0, np.log(2), 0.0], [0.0, 0.0, np.log(6)]])
    loss, accuracy = calculate_loss(model, X, y, False), calculate_accuracy(model, X, y, False)
    assert abs(loss - (np.log(4) + np.log(4 / 3)) / 2) < 1e-9, f"(log 4 + log 4/3) / 2 = 0.8370, got {loss}."
    assert accuracy == 0.5, f"One of two rows is right, got {accuracy}."
    binary = LogisticRegression(2, rng)
    binary.W = np.array([[1000.0], [0.0]])
    loss = calculate_loss(binary, X[:1], np.array([0]), True)
    assert abs(loss - 1000) < 1e-6, f"The score is 1000 and the class 0: the loss is 1000, got {loss}."


# %% [markdown]
# ## 5 · Gradients
#
# ### q5 · `gradients` ({{points q5}} points)
#
# *40 minutes · hard*
#
# The function that the training makes small is the mean loss plus a **penalty** (L2), which keeps the weights small:
#
# $$ \frac1n \sum_i -\log p_{i y_i} + \frac\lambda2 \bigl( \lVert W\rVert^2 + \lVert b\rVert^2 \bigr) . $$
#
# With $Y$, which has a 1 in the column of each row's class and 0 elsewhere, the gradient of one row's loss to its
# scores is $P_i - Y_i$. (Differentiate $\log \sum_j e^{s_{ij}} - s_{i y_i}$.) Hence
#
# $$ \nabla_W = \frac1n X^\top (P - Y) + \lambda W, \qquad \nabla_b = \frac1n \sum_i (P_i - Y_i) + \lambda b . $$
#
# For two classes $P$ is $(n, 1)$ and $Y$ is $y$ as a column. The factor ½ of the penalty cancels the 2 of the square.
# Both gradients are **means** over rows, and both contain the penalty.
#
# **What the grader checks:** both gradients of both kinds of models, by value; λ = 0 and others; one row; classes that
# no row has.
#
# In the example of q4, λ = 0 gives $\nabla_W$ = ((−0.375, 0.25, 0.125), (0.0625, 0.0625, −0.125)) and $\nabla_b$ =
# (−0.3125, 0.3125, 0).
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Look at shapes first: $X^\top (P - Y)$ is $(d, n)$ times $(n, k)$.
# - Compare with differences: change one entry of `model.W` by ±10⁻⁵ and look at the loss.
# - Pitfalls: a sum for $W$ beside a mean for $b$; λ or its half forgotten, or 2λ; the penalty of $b$ forgotten;
#   division by the number of classes; `y` of shape `(n,)` subtracted from a column.
#
# </details>


# %% tags=["stub", "q5"] stub="return grad_W, grad_b"
def gradients(model: LinearModel, X: np.ndarray, y: np.ndarray, l2_lambda: float, is_binary: bool) -> tuple:
    r"""The gradient of the mean loss plus the penalty :math:`\frac\lambda2 (\lVert W\rVert^2 + \lVert b\rVert^2)`.

    .. math:: \frac1n X^\top (P - Y) + \lambda W, \qquad \frac1n \sum_i (P_i - Y_i) + \lambda b

    P: the probabilities ``model(X)``. Y: (n, k), one 1 a row in the column of its class; (n, 1), y itself, if ``is_binary``.
    X: (n, d), n ≥ 1. y: (n,). Returns (grad_W, grad_b), of the shapes of ``model.W`` and ``model.b``. The model stays as it is.
    """
    ### BEGIN SOLUTION
    errors = model(X)
    Y = y[:, None] if is_binary else y[:, None] == np.arange(errors.shape[1])
    errors = errors - Y
    return X.T @ errors / len(X) + l2_lambda * model.W, errors.mean(axis=0) + l2_lambda * model.b
    ### END SOLUTION


# %% tags=["public-tests", "q5"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q5"
points = None


@test_case(name="two rows by hand, without and with a penalty")
def test_gradients(gradients, SoftmaxRegression):
    import numpy as np

    model = SoftmaxRegression(2, 3, np.random.default_rng(0))
    model.W, model.b = np.array([[0.0, np.log(2), 0.0], [0.0, 0.0, np.log(6)]]), np.zeros(3)
    grad_W, grad_b = gradients(model, np.eye(2), np.array([0, 2]), 0.0, False)
    expected = np.array([[-0.375, 0.25, 0.125], [0.0625, 0.0625, -0.125]])
    assert np.allclose(grad_W, expected), f"Expected {expected}, got {grad_W}."
    assert np.allclose(grad_b, [-0.3125, 0.3125, 0.0]), f"Expected -0.3125, 0.3125, 0; got {grad_b}."
    penalised, _ = gradients(model, np.eye(2), np.array([0, 2]), 2.0, False)
    assert np.allclose(penalised - grad_W, 2 * model.W), "With λ = 2 the gradient of W grows by 2 W."


# %% [markdown]
# ## 6 · Clipping
#
# ### q6 · `clip_gradients` ({{points q6}} points)
#
# *10 minutes · easy*
#
# One batch with a huge gradient can throw the weights far away. Clipping shortens the step and keeps its direction. $W$
# and $b$ are one vector of parameters here: the norm is that of **all entries of both gradients**,
#
# $$ \lVert g \rVert = \sqrt{\lVert \nabla_W \rVert^2 + \lVert \nabla_b \rVert^2}, \qquad
#    g \leftarrow g \cdot \min\Bigl(1, \frac{c}{\lVert g \rVert}\Bigr) . $$
#
# The penalty is part of the gradients by then.
#
# **What the grader checks:** norms above, below and at $c$; gradients of zeros, without a warning; the arrays that were
# given stay as they were.
#
# With $\nabla_W$ = ((3, 0), (0, 0)), $\nabla_b$ = (4, 0) and $c$ = 1 the result is ((0.6, 0), (0, 0)) and (0.8, 0).
#
# <details><summary>Hints and common pitfalls</summary>
#
# - Pitfalls: each gradient clipped by its own norm; the sum of two norms; entries clipped one by one, which changes the
#   direction; gradients that are short already made longer; `*=`, which changes the caller's array.
#
# </details>


# %% tags=["stub", "q6"] stub="return both gradients, scaled"
def clip_gradients(grad_W: np.ndarray, grad_b: np.ndarray, max_norm: float) -> tuple:
    r"""Both gradients times :math:`\min(1, c / \lVert g\rVert)`; :math:`\lVert g\rVert` is the norm of all entries of both.

    grad_W: (d, k), grad_b: (k,), max_norm: c > 0. Returns new arrays (grad_W, grad_b) of the same direction. Zeros stay zeros.
    """
    ### BEGIN SOLUTION
    norm = np.sqrt((grad_W**2).sum() + (grad_b**2).sum())
    scale = max_norm / norm if norm > max_norm else 1.0
    return grad_W * scale, grad_b * scale
    ### END SOLUTION


# %% tags=["public-tests", "q6"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q6"
points = None


@test_case(name="a norm of 5")
def test_clipping(clip_gradients):
    import numpy as np

    grad_W, grad_b = np.array([[3.0, 0.0], [0.0, 0.0]]), np.array([4.0, 0.0])
    short_W, short_b = clip_gradients(grad_W, grad_b, 1.0)
    assert np.allclose(short_W[0], [0.6, 0]) and np.allclose(short_b, [0.8, 0]), (
        "3, 4 has the norm 5: expected 0.6, 0.8."
    )
    same_W, same_b = clip_gradients(grad_W, grad_b, 10.0)
    assert np.allclose(same_W, grad_W) and np.allclose(same_b, grad_b), "A norm below max_norm changes nothing."
    assert grad_W[0, 0] == 3.0, "Leave the arrays that you get as they are: return new ones."


# %% [markdown]
# ## 7 · Training
#
# ### q7 · `evaluate_model`, `fit_model` ({{points q7}} points)
#
# *30 minutes · medium*
#
# **`evaluate_model`** returns loss and accuracy of all rows, computed in batches, since the scores of 50,000 rows at
# once need much memory. The last batch may be smaller: it counts by its rows, so the result is that of all rows at
# once.
#
# **`fit_model`** makes `num_iters` iterations:
#
# 1. draw a batch by `get_data_batch`, one call with `rng`;
# 2. take `gradients` of it, clip them by `clip_gradients`;
# 3. subtract `lr` times the result from `model.W` and `model.b`.
#
# Iterations count from 1. Every tenth one, **and the last one**, append to four lists: loss and accuracy of the batch
# **before** the step, and of all validation rows, by `evaluate_model`, **after** the step. With 25 iterations each list
# has three numbers, of iterations 10, 20 and 25. Then call `show_progress(i, num_iters, train_loss, train_acc,
# val_loss, val_acc)`, which is given: it prints a line every hundred iterations.
#
# **What the grader checks:** batches that do not divide the number of rows, batches larger than it; the weights after
# several steps; the four lists; that `X_train` alone trains.
#
# <details><summary>Hints and common pitfalls</summary>
#
# - `for first in range(0, len(X), batch_size)` and `X[first : first + batch_size]` run through batches.
# - Pitfalls: the plain mean of the batches' means; the last iteration forgotten where `num_iters` is no multiple of 10;
#   one batch for all iterations; clipping forgotten, or before the penalty; a plus for the minus.
#
# </details>


# %% tags=["stub", "q7"] stub="return mean loss and accuracy"
def evaluate_model(model: LinearModel, X: np.ndarray, y: np.ndarray, batch_size: int, is_binary: bool) -> tuple:
    """(loss, accuracy) of all rows, in batches of ``batch_size`` rows in order; the last one may be smaller.

    X: (n, d), n ≥ 1. Every row counts once: equal to ``calculate_loss`` and ``calculate_accuracy`` of all rows at once.
    """
    ### BEGIN SOLUTION
    loss = correct = 0.0
    for first in range(0, len(X), batch_size):
        X_batch, y_batch = X[first : first + batch_size], y[first : first + batch_size]
        loss += calculate_loss(model, X_batch, y_batch, is_binary) * len(X_batch)
        correct += calculate_accuracy(model, X_batch, y_batch, is_binary) * len(X_batch)
    return loss / len(X), correct / len(X)
    ### END SOLUTION


# %% tags=["stub", "q7"] stub="train the model, return the four lists"
def fit_model(
    model: LinearModel,
    X_train: np.ndarray,
    y_train: np.ndarray,
    X_val: np.ndarray,
    y_val: np.ndarray,
    num_iters: int,
    lr: float,
    batch_size: int,
    l2_lambda: float,
    grad_norm_clip: float,
    is_binary: bool,
    rng: np.random.Generator,
) -> tuple[list, list, list, list]:
    """``num_iters`` iterations of stochastic gradient descent, which change ``model.W`` and ``model.b``.

    An iteration: draw a batch by ``get_data_batch`` (one call, with ``rng``), take ``gradients`` of it, clip them by
    ``clip_gradients``, subtract ``lr`` times the result. Iterations count from 1. Every tenth one and the last one append to
    four lists: loss and accuracy of the batch **before** the step, and of all validation rows, by ``evaluate_model``, **after**
    it; then they call ``show_progress``.
    Returns (train_losses, train_accs, val_losses, val_accs), plain lists of numbers.
    """
    ### BEGIN SOLUTION
    train_losses, train_accs, val_losses, val_accs = [], [], [], []
    for i in range(1, num_iters + 1):
        X_batch, y_batch = get_data_batch(X_train, y_train, batch_size, rng)
        noted = i % 10 == 0 or i == num_iters
        if noted:
            train_losses.append(calculate_loss(model, X_batch, y_batch, is_binary))
            train_accs.append(calculate_accuracy(model, X_batch, y_batch, is_binary))
        grad_W, grad_b = gradients(model, X_batch, y_batch, l2_lambda, is_binary)
        grad_W, grad_b = clip_gradients(grad_W, grad_b, grad_norm_clip)
        model.W = model.W - lr * grad_W
        model.b = model.b - lr * grad_b
        if noted:
            loss, accuracy = evaluate_model(model, X_val, y_val, batch_size, is_binary)
            val_losses.append(loss)
            val_accs.append(accuracy)
            show_progress(i, num_iters, train_losses[-1], train_accs[-1], loss, accuracy)
    return train_losses, train_accs, val_losses, val_accs
    ### END SOLUTION


# %% tags=["public-tests", "q7"]
from otter.test_files import test_case

OK_FORMAT = False
name = "q7"
points = None


@test_case(name="three rows in batches of two, and 25 iterations")
def test_training(evaluate_model, fit_model, LogisticRegression):
    import numpy as np

    model = LogisticRegression(1, np.random.default_rng(0))
    model.W, model.b = np.array([[np.log(3)]]), np.zeros(1)
    X, y = np.array([[1.0], [1.0], [-1.0]]), np.array([1, 1, 1])
    loss, accuracy = evaluate_model(model, X, y, 2, True)
    assert abs(loss - (2 * np.log(4 / 3) + np.log(4)) / 3) < 1e-9, (
        f"Every row counts once: expected 0.6539, got {loss}."
    )
    assert abs(accuracy - 2 / 3) < 1e-9, f"Two of three rows are right, got {accuracy}."
    lists = fit_model(model, X, y, X, y, 25, 0.1, 2, 0.0, 4.0, True, np.random.default_rng(0))
    assert [len(numbers) for numbers in lists] == [3] * 4, "Each list has the numbers of iterations 10, 20 and 25."
    assert model.b[0] > 0, "All rows are of class 1: b should have grown."


# %% [markdown]
# ### A toy first
#
# Three clouds of points in the plane. The solution reaches a validation accuracy of 0.9667. The borders between the
# classes are straight lines: that is all that a linear model can draw.

# %% tags=["skip-grading"]
rng = np.random.default_rng(HP["seed"])
centres = np.array([[0.0, 2.0], [-2.0, -1.0], [2.0, -1.0]])
toy_y = np.arange(600) % 3
toy_X = centres[toy_y] + rng.standard_normal((600, 2))
toy_parts = train_test_split(toy_X, toy_y, 0.2, rng)
toy_model = SoftmaxRegression(2, 3, rng)
toy_lists = fit_model(toy_model, *toy_parts, 300, 0.1, 64, 0.001, 4.0, False, rng)
print(f"validation accuracy {toy_lists[3][-1]:.4f}")
save_figure(plot_regions(toy_model, toy_X, toy_y), "toy")

# %% [markdown]
# ## 8 · Airplanes, automobiles and the other eight
#
# ### q8 · The weights ({{points q8}} points)
#
# *10 minutes · easy*
#
# Choose `PROFILE = "cpu"`, restart the kernel and run all cells. The next cell trains both models by your functions on
# pixels in [0, 1] that were standardised: minus the mean of each pixel over the training rows, divided by its standard
# deviation there. It writes `softmax.npz` and `logistic.npz`: plain arrays `W`, `b`, `mean` and `scale`. The grader
# computes their accuracy on the test images from these, `((x - mean) / scale) @ W + b`: three points for more than 36.8
# % of the ten classes, three for more than 80.3 % of airplanes and automobiles, less on a straight line down to 20 %
# and 60 %.
#
# You may change the hyper-parameters. Choose them by the validation rows, not by the test images.
#
# Measured with the solution by the command line below, all images, batches of 256, clipping at 4:
#
# | inputs | learning rate | λ | iterations | airplane or automobile | ten classes |
# | --- | --- | --- | --- | --- | --- |
# | pixels in [0, 1] | 0.001 | 0.1 | 1000 | 0.7810 | 0.2972 |
# | standardised | 0.001 | 0.1 | 1000 | 0.8155 | 0.3711 |
# | standardised | 0.01 | 0.01 | 1000 | 0.8220 | 0.3967 |
# | standardised | 0.01 | 0.01 | 3000 | 0.8205 | 0.3999 |

# %% tags=["skip-grading"]
runs = {}
for mode in ("logistic", "softmax"):
    runs[mode] = train(mode, train_images, train_labels, test_images, test_labels)
save_figure(plot_curves(runs), "curves")

# %% [markdown]
# ### What a linear classifier sees
#
# Each column of $W$ has as many entries as an image: it is a template, and the score is how well the image agrees with
# it. A first $W$ of random numbers shows nothing, and after a short training it still covers what was learned. Take it
# away: the lower row shows what the training added. Ships and airplanes get their points from blue, frogs from green
# and brown. A template has no parts and cannot move; a horse in front of the sky looks like an airplane to it. This is
# why the accuracy ends near 40 % however long you train, and why other assignments learn features first.

# %% tags=["skip-grading"]
W, first = runs["softmax"]["model"].W, runs["softmax"]["first"]
save_figure(plot_templates({"W": W, "W - first W": W - first}), "templates")

# %% [markdown]
# ### The command line
#
# `run.py` beside this notebook runs the same functions, taken from the saved notebook, on `.npz` files with arrays
# `images` `(n, 32, 32, 3)` and `labels`. It prints a line every hundred iterations, and leaves curves, predictions and
# weights in the folder `run`:
#
#     python run.py 23754 --mode softmax --train_data_path data/cifar10_train.npz --test_data_path data/test_images_23754.npz
#
# `python run.py --help` lists all arguments. The next cell writes the two files.

# %% tags=["skip-grading"]
WRITE_FILES = False  # True: write the images that run.py reads into the folder data
if WRITE_FILES:
    Path("data").mkdir(exist_ok=True)
    np.savez("data/cifar10_train.npz", images=train_images, labels=train_labels)
    np.savez("data/test_images_23754.npz", images=test_images, labels=test_labels)

# %% [markdown]
# ## 9 · Written questions
#
# Answer each question in a few sentences; you may use a formula or a sketch.

# %% [markdown] tags=["written", "w1"]
# ### w1 · Softmax against sigmoids
#
# *10 minutes · medium*
#
# Instead of softmax regression you could train ten logistic regressions, one for each class against all others, and
# predict the class with the largest sigmoid. What do the two assume about the classes? How do their probabilities and
# their gradients differ? Which one would you take for CIFAR-10, and which one for images that may show several things
# at once? What is softmax regression for two classes?

# %% [markdown] tags=["model-answer", "w1"]
# Softmax assumes that every image has exactly one of the ten classes: its probabilities sum to 1, and a class gets more
# only if others get less. Ten sigmoids answer ten separate yes-or-no questions; their outputs sum to anything between 0
# and 10, and an image may have several classes or none. The gradient to a score is $p_j - y_j$ in both cases. In
# softmax $p_j$ depends on all scores, so a wrong class with a large score is pushed down most, and the columns of $W$
# are trained together. With sigmoids column $j$ depends on its own score only: ten independent problems, each with nine
# times more negatives than positives, whose sizes of scores nobody makes comparable. For CIFAR-10, one class an image,
# softmax fits; for several labels an image, sigmoids. With two classes softmax depends on the difference of the scores
# alone, $p_1 = \sigma(s_1 - s_0)$: it is logistic regression with weights $w_1 - w_0$.

# %% [markdown] tags=["rubric", "w1"]
# 4 points
#
# - 1 · softmax: exactly one class, probabilities compete and sum to 1; sigmoids: independent questions
# - 1 · the gradients: $p - y$ in both, coupled by the denominator in softmax, separate in the sigmoids
# - 1 · CIFAR-10: softmax; several labels at once: sigmoids
# - 1 · two classes: softmax is the sigmoid of the difference of the scores

# %% [markdown] tags=["written", "w2"]
# ### w2 · Penalty and clipping
#
# *10 minutes · medium*
#
# What does the penalty do to the weights in each step, and to the templates? What happens with λ = 0 and with a very
# large λ? What does clipping do, and why by the joint norm and not entry by entry? Which of the two changes where the
# training ends, and which one only how it gets there? Use your own curves.

# %% [markdown] tags=["model-answer", "w2"]
# A step with the penalty is $W \leftarrow (1 - \eta\lambda) W - \eta \nabla$: the weights shrink by the same factor in
# each step, and only what the data pulls on again and again stays. Templates become smoother, because weights of single
# pixels that help few images vanish; training loss rises a little, and validation loss may fall. With λ = 0 the weights
# grow as long as the training runs: where the rows can be separated, the loss has no minimum at all. Noise of the first
# draw stays in the templates. With a very large λ all weights go to 0, the probabilities to 1/k and the loss to log k.
# The penalty changes the minimum itself. Clipping changes no minimum: near it gradients are shorter than $c$ and
# nothing is clipped. It bounds a step by $\eta c$, so one batch with outliers, a large learning rate or inputs of 0 to
# 255 do not throw the weights far away. By the joint norm the direction of the step stays that of the gradient; entry
# by entry it turns towards a diagonal, and $W$ and $b$ would be cut by different factors. If nearly every step is
# clipped, the training is slow: all steps have one length.

# %% [markdown] tags=["rubric", "w2"]
# 4 points
#
# - 1 · the penalty shrinks all weights by a factor in each step; smoother templates, smaller weights
# - 1 · λ = 0: weights grow or noise stays; large λ: weights 0, probabilities 1/k
# - 1 · clipping bounds the length of a step and, by the joint norm, keeps its direction
# - 1 · the penalty moves the minimum, clipping only the way there; with reference to own curves

# %% [markdown]
# ## 10 · Hand in
#
# This last cell saves the notebook (in JupyterLab and on Colab; elsewhere, save it first), makes a report of it, and
# collects both, the weights, the figures and the numbers in `softmax-submission.zip` in the run folder: upload that
# file.

# %% tags=["skip-grading"]
try:
    print(write_submission())
except NameError as missing:
    print(f"Nothing was packed ({missing}): run the cells above Data again, then this one.")
