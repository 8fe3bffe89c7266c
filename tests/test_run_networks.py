"""The modes of ``run.py`` that train networks: cont_rep, fine_tune_linear, fine_tune_nn."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from autograder.release.notebooks import notebook_bytes, read_master
from tests.checkout import ROOT, SOLUTIONS

RUN = ROOT / "autograder/given/run.py"
QUICK = ("--num_iters", "3", "--batch_size", "20")


@pytest.fixture
def folder(tmp_path):
    """The solution's notebook, with a tiny network, beside run.py; images whose classes differ in brightness."""
    master = read_master(SOLUTIONS / "contrastive" / "master.py", "contrastive", "")
    for cell in master.cells:
        cell.source = cell.source.replace("(32, 64, 128, 256)", "(4, 4, 8, 8)")
    (tmp_path / "contrastive.ipynb").write_bytes(notebook_bytes(master))
    (tmp_path / "run.py").write_text(RUN.read_text())
    (tmp_path / "data").mkdir()
    rng = np.random.default_rng(0)
    for name, n in (("cifar10_train", 100), ("test_images_7", 30)):
        labels = np.arange(n) % 10
        images = (labels[:, None, None, None] * 20 + rng.integers(0, 20, (n, 32, 32, 3))).astype(np.uint8)
        np.savez(tmp_path / f"data/{name}.npz", images=images, labels=labels)
    return tmp_path


def ran(folder, *options):
    """Exit status, output and errors."""
    command = [sys.executable, "run.py", *map(str, options)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


def test_an_encoder_is_trained_and_both_heads_go_on_from_it(folder):
    status, said, errors = ran(folder, 7, "--mode", "cont_rep", *QUICK)
    assert (status, errors) == (0, "") and said.startswith("Iter 3/3 - Train Loss: ") and " - Val Acc: " in said
    encoder = torch.load(folder / "models/encoder.pth", weights_only=True)["state_dict"]
    assert encoder["head.weight"].shape == (32, 8)
    labels = np.load(folder / "data/test_images_7.npz")["labels"]
    for mode, trains in (("fine_tune_linear", False), ("fine_tune_nn", True)):
        status, said, errors = ran(folder, 7, "--mode", mode, *QUICK)
        assert (status, errors) == (0, ""), mode
        predicted = np.loadtxt(folder / f"run/7_{mode}.csv", dtype=int)
        assert f" - Test Acc: {(predicted == labels).mean():.4f}" in said
        saved = torch.load(folder / f"run/{mode}.pt", weights_only=True)["state_dict"]
        assert ("encoder.head.weight" in saved) == trains
        assert not trains or not torch.equal(saved["encoder.head.weight"], encoder["head.weight"])
        curves = np.genfromtxt(folder / f"run/{mode}_curves.csv", delimiter=",", names=True)
        assert curves.dtype.names == ("iteration", "train_loss", "val_loss", "val_acc") and curves["iteration"] == 3
        for plural in ("losses", "accuracies"):
            assert (folder / f"run/{mode}_{plural}.png").read_bytes().startswith(b"\x89PNG")
    assert torch.equal(
        torch.load(folder / "models/encoder.pth", weights_only=True)["state_dict"]["head.weight"],
        encoder["head.weight"],
    )


def test_what_is_missing_is_told(folder):
    status, said, errors = ran(folder, 7, "--mode", "fine_tune_nn", "--encoder_path", "none.pth")
    assert (status, said) == (
        1,
        "",
    ) and errors == "run.py: none.pth does not exist: run --mode cont_rep first, or give --encoder_path\n"
    torch.save({"state_dict": {"head.weight": torch.zeros(8, 8)}}, folder / "small.pth")
    errors = ran(folder, 7, "--mode", "fine_tune_linear", "--encoder_path", "small.pth")[2]
    assert errors == "run.py: small.pth holds no encoder with --z_dim 32; cont_rep writes one\n"
    np.savez(folder / "data/cifar10_train.npz", images=np.zeros((20, 32, 32, 3), np.uint8))
    assert "cifar10_train.npz has no labels" in ran(folder, 7, "--mode", "cont_rep")[2]
