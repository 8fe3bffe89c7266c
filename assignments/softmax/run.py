"""Trains with the functions of your notebook: the command line of the assignment.

    python run.py 23754 --mode softmax --train_data_path data/cifar10_train.npz --test_data_path data/test_images_23754.npz

It takes imports, functions, classes and constants from the notebook beside this file, and runs none of its trainings. Cells
with the tag skip-grading are left out. The number seeds the random generator and names the files that it writes.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import linecache
import math
import sys
import traceback
from pathlib import Path

import numpy as np

SIZE = (32, 32, 3)
CLASSES = 10
VALIDATION = 0.2  # the share of the training images that is kept for validation


def stop(sentence: str) -> SystemExit:
    """Ends the program with a sentence: ``raise stop(...)``."""
    return SystemExit(f"run.py: {sentence}")


# --- the functions of the notebook ---------------------------------------------------------------------------------------


class Names(dict):
    """What a notebook defines. A name that is missing ends the program with a sentence."""

    def __init__(self, notebook: Path) -> None:
        super().__init__(__name__="notebook")
        self.notebook = notebook

    def __call__(self, name: str):
        if name not in self:
            raise stop(
                f"{self.notebook.name} does not define {name}: it must stand in a cell without the tag skip-grading"
            )
        return self[name]


def find_notebook(told: Path | None) -> Path:
    """The notebook whose functions are run: the one that was named, or the only one in the folder of this file."""
    found = [told] if told else sorted(Path(__file__).resolve().parent.glob("*.ipynb"))
    if len(found) != 1 or not found[0].is_file():
        where = f"{told} does not exist" if told else f"{len(found)} notebooks lie beside run.py"
        raise stop(f"{where}; name your notebook: --notebook FILE.ipynb")
    return found[0]


def names_of(notebook: Path) -> Names:
    """Imports, functions, classes and constants of a notebook's code cells."""
    names = Names(notebook)
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        sources = [("".join(cell["source"]), cell["metadata"].get("tags", ())) for cell in code]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise stop(f"{notebook} is not a notebook: save it in Jupyter") from None
    for number, (source, tags) in enumerate(sources, 1):
        if "skip-grading" not in tags:
            define(names, source, number)
    return names


def define(names: Names, source: str, number: int) -> None:
    """Execute the imports, functions, classes and constants of a cell; a traceback shows its lines."""
    file = f"{names.notebook.name}, code cell {number}"
    plain = "\n".join("" if line.lstrip()[:1] in ("%", "!") else line for line in source.split("\n"))  # without magics
    try:
        statements = _statements(source) or ast.parse(plain).body
    except SyntaxError as error:
        raise stop(f"{file}, line {error.lineno}: {error.msg}") from None
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    for statement in filter(defines, statements):
        try:
            exec(compile(ast.Module([statement], []), file, "exec"), names)
        except NameError:  # made of something that is left out
            continue
        except ImportError as error:
            print(f"{file}, line {statement.lineno}: {error}", file=sys.stderr)


def _statements(source: str) -> list[ast.stmt]:
    """The statements of a cell; none where it is no Python, or holds a magic."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def defines(statement: ast.stmt) -> bool:
    """Whether a statement only defines: an import, a function, a class, or a name for what NumPy or math alone compute."""
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        parts = [statement.value] if statement.value else []
        while parts:
            part = parts.pop()
            if isinstance(part, ast.Await) or isinstance(part, ast.Call) and not _of_a_module(part.func):
                return False
            parts += [] if isinstance(part, ast.Lambda) else ast.iter_child_nodes(part)
        return True
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def _of_a_module(function: ast.expr) -> bool:
    """Whether a call is one of NumPy or math, such as ``np.finfo(float)``: it trains nothing."""
    while isinstance(function, ast.Attribute):
        function = function.value
    return isinstance(function, ast.Name) and function.id in ("np", "numpy", "math")


# --- data and results ----------------------------------------------------------------------------------------------------


def read_images(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Images (n, 32, 32, 3) uint8 and labels (n,) int64, 0 to 9, of an ``.npz`` file; no labels where it holds none."""
    if not path.is_file():
        raise stop(
            f"{path} does not exist; a cell near the end of the notebook writes it, or python -m data_scripts cifar10 --npz"
        )
    try:
        with np.load(path, allow_pickle=False) as found:
            images, labels = found["images"], found.get("labels")
        arrays = isinstance(images, np.ndarray) and isinstance(labels, np.ndarray | None)
    except Exception:  # a damaged file can raise almost any
        arrays = False
    if not arrays:
        raise stop(f"{path} is damaged, or no file of numpy.savez with the arrays images and labels")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != SIZE or not len(images):
        raise stop(f"{path}: images is {images.dtype} {images.shape}, expected uint8 (n, 32, 32, 3)")
    if labels is None:
        return images, None
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise stop(f"{path}: labels is {labels.dtype} {labels.shape}, expected ({len(images)},) whole numbers")
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise stop(f"{path}: labels go from {labels.min()} to {labels.max()}, expected 0 to {CLASSES - 1}")
    return images, labels.astype(np.int64)


def rows_of(images: np.ndarray) -> np.ndarray:
    """Images (n, 32, 32, 3) uint8 -> rows (n, 3072) of pixels in [0, 1], float64."""
    rows = images.reshape(len(images), math.prod(SIZE)).astype(np.float64)
    rows /= 255
    return rows


def write_curves(folder: Path, mode: str, iterations: list[int], lists: dict[str, list]) -> None:
    """The lists as ``<mode>_curves.csv``, and as ``<mode>_losses.png`` and ``<mode>_accuracies.png``."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with (folder / f"{mode}_curves.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["iteration", *lists])
        table.writerows(zip(iterations, *(map(float, values) for values in lists.values()), strict=True))
    for kind, plural in (("loss", "losses"), ("acc", "accuracies")):
        figure, axes = plt.subplots(figsize=(6, 4))
        for part, label in (("train", "training, a batch"), ("val", "validation")):
            if f"{part}_{kind}" in lists:
                axes.plot(iterations, lists[f"{part}_{kind}"], label=label)
        axes.set(title=f"{mode} - {plural.capitalize()}", xlabel="iteration", ylabel=plural)
        axes.legend()
        axes.grid(alpha=0.3)
        figure.savefig(folder / f"{mode}_{plural}.png", dpi=120, bbox_inches="tight")
        plt.close(figure)


def write_predictions(path: Path, predicted: np.ndarray) -> None:
    """One class a line, in the order of the test images."""
    np.savetxt(path, predicted, fmt="%d")
    print(f"Predictions saved to {path}")


# --- logistic and softmax regression -------------------------------------------------------------------------------------


def of_two_classes(images: np.ndarray, labels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The images of the classes 0 and 1, airplane and automobile; all of them where nobody knows the labels."""
    if labels is None:
        return images, labels
    rows = labels < 2
    if not rows.any():
        raise stop("--mode logistic needs images with the labels 0 and 1, airplane and automobile; there are none")
    return images[rows], labels[rows]


def train_linear(options: argparse.Namespace, names: Names) -> None:
    """Fit the regression of ``options.mode`` to pixels; writes curves, predictions and weights."""
    binary, rng = options.mode == "logistic", np.random.default_rng(options.number)
    images, labels = read_images(options.train_data_path)
    test_images, test_labels = read_images(options.test_data_path)
    if labels is None:
        raise stop(f"{options.train_data_path} has no labels")
    if binary:
        (images, labels), (test_images, test_labels) = (
            of_two_classes(*part) for part in ((images, labels), (test_images, test_labels))
        )
    numbers = np.arange(len(images), dtype=np.float64)[:, None]
    train, y_train, val, y_val = names("train_test_split")(numbers, labels, VALIDATION, rng)
    X_train, X_val, X_test = (rows_of(part) for part in (images[rows_in(train)], images[rows_in(val)], test_images))
    if not len(X_train) or not len(X_val):
        raise stop(f"{len(images)} training images are too few to keep {VALIDATION:.0%} of them for validation")
    mean, scale = np.zeros(X_train.shape[1]), np.ones(X_train.shape[1])
    if options.standardise:
        mean, scale = X_train.mean(axis=0), X_train.std(axis=0) + 1e-8
        for X in (X_train, X_val, X_test):
            X -= mean
            X /= scale
    width = X_train.shape[1]
    model = names("LogisticRegression")(width, rng) if binary else names("SoftmaxRegression")(width, CLASSES, rng)
    found = names("fit_model")(
        model, X_train, y_train, X_val, y_val, options.num_iters, options.lr, options.batch_size, options.l2_lambda,
        options.grad_norm_clip, binary, rng,
    )  # fmt: skip
    iterations = [*range(10, options.num_iters, 10), options.num_iters]
    if not isinstance(found, tuple | list) or [np.shape(one) for one in found] != [(len(iterations),)] * 4:
        raise stop(f"fit_model should return four lists of {len(iterations)} numbers")
    write_curves(
        options.out, options.mode, iterations, dict(zip(("train_loss", "train_acc", "val_loss", "val_acc"), found))
    )
    if test_labels is not None:
        loss, accuracy = names("evaluate_model")(model, X_test, test_labels, options.batch_size, binary)
        print(f"Test Loss: {loss:.4f} - Test Acc: {accuracy:.4f}")
    starts = range(0, len(X_test), options.batch_size)
    probabilities = np.concatenate([model(X_test[first : first + options.batch_size]) for first in starts])
    predicted = probabilities[:, 0] > 0.5 if binary else probabilities.argmax(axis=1)
    write_predictions(options.out / f"{options.number}_{options.mode}.csv", predicted)
    np.savez(options.out / f"{options.mode}.npz", W=model.W, b=model.b, mean=mean, scale=scale)
    print(f"Weights saved to {options.out / f'{options.mode}.npz'}")


def rows_in(numbers: np.ndarray) -> np.ndarray:
    """The row numbers in an array (n, 1)."""
    return numbers[:, 0].astype(np.int64)


# --- metric learning -----------------------------------------------------------------------------------------------------

EVERY = 100  # iterations between two lines
NOTED = 1000  # validation images that a line is measured on


def torch_names(options: argparse.Namespace, names: Names) -> tuple[dict, tuple, tuple]:
    """The settings of the notebook's profile ``cpu``, training images and validation images, each with its labels."""
    import torch

    rows, column = names("RECIPE") | names("TABLE"), names("PROFILES").index("cpu")
    settings = {name: row[column] for name, row in rows.items()}
    settings |= {"z_dim": options.z_dim, "batch": options.batch_size, "seed": options.number}
    names.update(HP=settings, DEVICE=torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    names["PRECISION"] = names("fast_precision")()
    images, labels = tensors(options.train_data_path)
    if labels[0] < 0:
        raise stop(f"{options.train_data_path} has no labels")
    return settings, *names("held_out")(images, labels)


def tensors(path: Path) -> tuple:
    """Images (n, 3, 32, 32) uint8 and labels (n,) int64 of an ``.npz`` file as tensors; -1 where it holds no labels."""
    import torch

    images, labels = read_images(path)
    labels = np.full(len(images), -1) if labels is None else labels
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels)


def adam(parameters, lr: float) -> tuple:
    """Adam with a learning rate that stays as it is: optimiser and scheduler."""
    import torch

    optimizer = torch.optim.Adam(parameters, lr=lr)
    return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


def in_parts(num_iters: int, train, test) -> dict[str, list]:
    """Call train(count) until there are ``num_iters`` losses; after each part note the numbers of test(), a line each."""
    lists, done = {}, 0
    while done < num_iters:
        losses = [float(loss) for loss in train(min(EVERY, num_iters - done))]
        done += len(losses)
        if not losses:
            raise stop("your training returned no losses")
        found = {"train_loss": float(np.mean(losses)), **test()}
        lists = {"iteration": [*lists.get("iteration", ()), done]} | {
            name: [*lists.get(name, ()), value] for name, value in found.items()
        }
        told = " - ".join(f"{name.replace('_', ' ').title()}: {value:.4f}" for name, value in found.items())
        print(f"Iter {done}/{num_iters} - {told}", flush=True)
    return lists


def learn_metric(options: argparse.Namespace, names: Names) -> None:
    """``cont_rep``: train an encoder by the notebook's row ``mining``; writes its curve and ``options.encoder_path``."""
    import torch

    settings, learnt, kept = torch_names(options, names)
    encoder = names("new_encoder")()
    rows, loss_fn, *_ = names("MINING")[settings["mining"]]
    stream = iter(names("Endless")(*learnt, rows, settings["crop"], settings["batch"]))
    network, optimisation = names("InPrecision")(encoder), adam(encoder.parameters(), options.lr)
    some, few = ([part[:NOTED] for part in images] for images in (learnt, kept))

    def of_unit_length(z, y):
        return loss_fn(torch.nn.functional.normalize(z), y)

    lists = in_parts(
        options.num_iters,
        lambda count: names("fit_contrastive_model")(
            network, stream, of_unit_length, *optimisation, count, names["DEVICE"]
        ),
        lambda: {"val_acc": names("nearest_mean")(encoder, some, few)},
    )
    options.encoder_path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": encoder.state_dict()}, options.encoder_path)
    print(f"Encoder saved to {options.encoder_path}")
    write_curves(options.out, options.mode, lists.pop("iteration"), lists)


def fine_tune(options: argparse.Namespace, names: Names) -> None:
    """Train a head on the frozen encoder, or encoder and classifier; writes curves, predictions and weights."""
    import torch

    settings, learnt, kept = torch_names(options, names)
    encoder, whole = names("new_encoder")(), options.mode == "fine_tune_nn"
    if not options.encoder_path.is_file():
        raise stop(f"{options.encoder_path} does not exist: run --mode cont_rep first, or give --encoder_path")
    try:
        saved = torch.load(options.encoder_path, map_location=names["DEVICE"], weights_only=True)
        encoder.load_state_dict(saved["state_dict"])
    except Exception:
        raise stop(
            f"{options.encoder_path} holds no encoder with --z_dim {options.z_dim}; cont_rep writes one"
        ) from None
    head = names("Classifier" if whole else "SoftmaxRegression")(options.z_dim, CLASSES).to(names["DEVICE"])
    model = torch.nn.ModuleDict({"encoder": encoder, "classifier": head})
    stream = iter(names("Endless")(*learnt, names("shuffled"), SIZE[0], settings["batch"]))
    how = names("InPrecision")(encoder), head, stream, *adam((model if whole else head).parameters(), options.lr)

    def measured(images, labels, name):
        found = names("measured")(model, images, labels, name)
        return {f"{name}_loss": found[f"{name}_loss"], f"{name}_acc": found[f"{name}_accuracy"]}

    lists = in_parts(
        options.num_iters,
        lambda count: names("fit_model")(*how, count, whole, names["DEVICE"]),
        lambda: measured(*(part[:NOTED] for part in kept), "val"),
    )
    write_curves(options.out, options.mode, lists.pop("iteration"), lists)
    images, labels = tensors(options.test_data_path)
    if labels[0] >= 0:
        print("Test Loss: {test_loss:.4f} - Test Acc: {test_acc:.4f}".format(**measured(images, labels, "test")))
    with torch.no_grad():
        predicted = head(names("embeddings")(encoder, images).to(names["DEVICE"])).argmax(dim=1).cpu().numpy()
    write_predictions(options.out / f"{options.number}_{options.mode}.csv", predicted)
    torch.save({"state_dict": (model if whole else head).state_dict()}, options.out / f"{options.mode}.pt")


# What each mode runs, and a name by which its notebook is known.
MODES = {
    "logistic": (train_linear, "LogisticRegression"),
    "softmax": (train_linear, "SoftmaxRegression"),
    "cont_rep": (learn_metric, "Encoder"),
    "fine_tune_linear": (fine_tune, "Encoder"),
    "fine_tune_nn": (fine_tune, "Encoder"),
}


# --- the command line ----------------------------------------------------------------------------------------------------


def above_zero(kind: type):
    """The type of an argument: a number above 0."""

    def read(text: str):
        if not kind(text) > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return kind(text)

    read.__name__ = kind.__name__  # for argparse's message
    return read


def arguments() -> argparse.ArgumentParser:
    """The arguments, with the defaults of the course."""
    parser = argparse.ArgumentParser(description="Trains with the functions of your notebook.")
    parser.add_argument("number", type=int, help="your number: the seed, and part of the files' names")
    parser.add_argument("--mode", choices=MODES, default="logistic", help="what is trained (default: %(default)s)")
    parser.add_argument("--train_data_path", type=Path, default=Path("data/cifar10_train.npz"))
    parser.add_argument("--test_data_path", type=Path, help="default: data/test_images_<number>.npz")
    parser.add_argument("--num_iters", type=above_zero(int), default=1000, help="iterations (default: %(default)s)")
    parser.add_argument("--lr", type=above_zero(float), default=1e-3, help="learning rate (default: %(default)s)")
    parser.add_argument("--batch_size", type=above_zero(int), default=256, help="images a batch (default: %(default)s)")
    parser.add_argument("--l2_lambda", type=float, default=0.1, help="weight of the penalty (default: %(default)s)")
    parser.add_argument(
        "--grad_norm_clip", type=above_zero(float), default=4.0, help="largest norm (default: %(default)s)"
    )
    parser.add_argument(
        "--standardise", action=argparse.BooleanOptionalAction, default=True, help="inputs of mean 0 and deviation 1"
    )
    parser.add_argument("--z_dim", type=above_zero(int), default=32, help="size of an embedding (default: %(default)s)")
    parser.add_argument(
        "--encoder_path", type=Path, default=Path("models/encoder.pth"),
        help="what cont_rep writes and fine_tune_* read (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--notebook", type=Path, help="whose functions are run (default: the notebook beside run.py)")
    parser.add_argument("--out", type=Path, default=Path("run"), help="folder of what it writes (default: %(default)s)")
    return parser


def main() -> None:
    options = arguments().parse_args()
    if options.number < 0:
        raise stop("the number must not be negative: it is a seed")
    options.test_data_path = options.test_data_path or Path(f"data/test_images_{options.number}.npz")
    names, (train, known_by) = names_of(find_notebook(options.notebook)), MODES[options.mode]
    if known_by not in names:
        raise stop(
            f"{names.notebook.name} defines no {known_by}, which --mode {options.mode} trains; it must stand in a cell "
            "without the tag skip-grading"
        )
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise stop(f"--out {options.out}: {error.strerror}") from None
    try:
        train(options, names)
    except NotImplementedError as error:
        raise stop(
            f"a stub of {names.notebook.name} is not filled in ({error}): write it and save the notebook"
        ) from None
    except Exception:
        traceback.print_exc()  # unlike Python itself, it finds the lines of a notebook
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
