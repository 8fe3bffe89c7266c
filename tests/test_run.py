"""``run.py``, the command line that an assignment publishes beside its notebook."""

import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell

ROOT = Path(__file__).parents[1]
RUN = ROOT / "autograder/given/run.py"
QUICK = ("--num_iters", "120", "--batch_size", "16", "--lr", "1e-3")


@pytest.fixture
def folder(tmp_path):
    """The solution's notebook beside run.py, and images whose classes differ in brightness."""
    (tmp_path / "run.py").write_text(RUN.read_text())
    save(tmp_path, jupytext.read(ROOT / "solutions/softmax/master.py"))
    rng = np.random.default_rng(0)
    for name, n in (("cifar10_train", 100), ("test_images_7", 30)):
        labels = np.arange(n) % 10
        images = (labels[:, None, None, None] * 20 + rng.integers(0, 20, (n, 32, 32, 3))).astype(np.uint8)
        (tmp_path / "data").mkdir(exist_ok=True)
        np.savez(tmp_path / f"data/{name}.npz", images=images, labels=labels)
    return tmp_path


def save(folder, notebook):
    nbformat.write(notebook, folder / "softmax.ipynb")


def ran(folder, *options, torch=False):
    """Exit status, output and errors. torch cannot be imported."""
    code = "import runpy, sys; sys.modules['torch'] = None; runpy.run_path('run.py', run_name='__main__')"
    command = [sys.executable, "-c", code, *map(str, options)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


def with_cells(folder, *sources, tags=()):
    notebook = nbformat.read(folder / "softmax.ipynb", as_version=4)
    notebook.cells += [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    save(folder, notebook)


@pytest.mark.parametrize(("mode", "width", "classes"), [("softmax", 10, set(range(10))), ("logistic", 1, {0, 1})])
def test_it_trains_and_leaves_curves_predictions_and_weights(folder, mode, width, classes):
    status, said, errors = ran(folder, 7, "--mode", mode, *QUICK)
    assert (status, errors) == (0, "")
    lines = said.splitlines()
    assert lines[0].startswith("Iter 100/120 - Train Loss: ") and " - Val Acc: " in lines[0]
    assert lines[1].startswith("Iter 120/120 - ") and lines[2].startswith("Test Loss: ")
    curves = np.genfromtxt(folder / f"run/{mode}_curves.csv", delimiter=",", names=True)
    assert curves.dtype.names == ("iteration", "train_loss", "train_acc", "val_loss", "val_acc")
    assert list(curves["iteration"]) == list(range(10, 121, 10)) and curves["val_loss"][-1] < curves["val_loss"][0]
    predicted = np.loadtxt(folder / f"run/7_{mode}.csv", dtype=int)
    labels = np.load(folder / "data/test_images_7.npz")["labels"]
    labels = labels[labels < 2] if mode == "logistic" else labels
    assert f"Test Acc: {(predicted == labels).mean():.4f}" in said and set(predicted) <= classes
    with np.load(folder / f"run/{mode}.npz", allow_pickle=False) as found:
        assert {name: found[name].shape for name in found.files} == {
            "W": (3072, width), "b": (width,), "mean": (3072,), "scale": (3072,),
        }  # fmt: skip
    for plural in ("losses", "accuracies"):
        assert (folder / f"run/{mode}_{plural}.png").read_bytes().startswith(b"\x89PNG")
    assert ran(folder, 7, "--mode", mode, *QUICK)[1] == said


def test_the_functions_of_the_notebook_are_run_and_its_trainings_are_not(folder):
    with_cells(
        folder,
        "%matplotlib inline\nimport nothing_of_this_name\nFACTOR = np.float64(2) * 3\nraise SystemExit('trained')",
        "def sigmoid(x): return x * 0 + FACTOR * 0.1\nopen('written', 'w')",
    )
    with_cells(folder, "def fit_model(*given): raise SystemExit('a cell that is left out')", tags=["skip-grading"])
    status, said, errors = ran(folder, 7, *QUICK)
    assert status == 0 and "No module named 'nothing_of_this_name'" in errors and not (folder / "written").exists()
    assert set((folder / "run/7_logistic.csv").read_text().split()) == {"1"}


def test_test_images_without_labels_are_predicted_all(folder):
    path = folder / "data/test_images_7.npz"
    np.savez(path, images=np.load(path)["images"])
    status, said, _ = ran(folder, 7, *QUICK)
    assert status == 0 and "Test" not in said and len((folder / "run/7_logistic.csv").read_text().split()) == 30


IMAGES = np.zeros((20, 32, 32, 3), np.uint8)
BAD_FILES = {
    "labels go from 0 to 10, expected 0 to 9": {"images": IMAGES, "labels": np.arange(20) % 11},
    "labels is int64 (19,), expected (20,) whole numbers": {"images": IMAGES, "labels": np.arange(19)},
    "labels is float64": {"images": IMAGES, "labels": np.zeros(20)},
    "images is float64": {"images": IMAGES / 1, "labels": np.zeros(20, int)},
    "expected uint8 (n, 32, 32, 3)": {"images": IMAGES[:0], "labels": np.zeros(0, int)},
    "there are none": {"images": IMAGES, "labels": np.full(20, 5)},
    "too few to keep 20% of them": {"images": IMAGES[:4], "labels": np.arange(4) % 2},
    "has no labels": {"images": IMAGES},
    "is damaged, or no file of numpy.savez": {"images": np.array([None])},
    "with the arrays images and labels": {"pixels": IMAGES},
}


@pytest.mark.parametrize("sentence", BAD_FILES)
def test_images_that_cannot_be_used_are_refused_with_a_sentence(folder, sentence):
    np.savez(folder / "data/cifar10_train.npz", **BAD_FILES[sentence])
    status, said, errors = ran(folder, 7)
    assert (status, said) == (1, "") and errors.startswith("run.py: ") and errors.count("\n") == 1
    assert sentence in errors


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        ((8,), 1, "data/test_images_8.npz does not exist; a cell near the end of the notebook writes it"),
        ((7, "--notebook", "other.ipynb"), 1, "other.ipynb does not exist; name your notebook"),
        ((7, "--notebook", "run.py"), 1, "run.py is not a notebook: save it in Jupyter"),
        ((7, "--out", "run.py"), 1, "run.py: --out run.py: File exists"),
        ((-7,), 1, "the number must not be negative"),
        ((7, "--batch_size", "0"), 2, "0 is not above 0"),
        ((7, "--lr", "fast"), 2, "invalid float value: 'fast'"),
        ((7, "--mode", "probit"), 2, "invalid choice: 'probit'"),
    ],
)
def test_a_command_that_makes_no_sense_is_told(folder, options, status, sentence):
    found, said, errors = ran(folder, *options)
    assert (found, said) == (status, "") and sentence in errors and "Traceback" not in errors


def test_what_is_missing_in_the_notebook_is_told(folder):
    with_cells(folder, 'def gradients(*given):\n    raise NotImplementedError("q5: return grad_W, grad_b")')
    assert "a stub of softmax.ipynb is not filled in (q5: return grad_W, grad_b): write it" in ran(folder, 7)[2]
    with_cells(folder, "def fit_model(*given):\n    return given[99]")
    assert "softmax.ipynb, code cell" in (errors := ran(folder, 7)[2]) and "return given[99]" in errors
    with_cells(folder, "def fit_model(*given):\n    return [], [], []")
    assert "run.py: fit_model should return four lists of 100 numbers" in ran(folder, 7)[2]
    with_cells(folder, "if:")
    assert ", line 1: invalid syntax" in ran(folder, 7)[2]
    save(folder, nbformat.v4.new_notebook())
    assert "softmax.ipynb defines no LogisticRegression, which --mode logistic trains" in ran(folder, 7)[2]
    save(folder, jupytext.read(ROOT / "solutions/softmax/master.py"))
    (folder / "second.ipynb").write_text("{}")
    assert "2 notebooks lie beside run.py" in ran(folder, 7)[2]


def test_a_mode_of_the_other_notebook_is_told(folder):
    status, _, errors = ran(folder, 7, "--mode", "cont_rep")
    assert status == 1 and "softmax.ipynb defines no Encoder, which --mode cont_rep trains; it must" in errors
