"""``./kit score``: the numbers of a file, and a sentence where there are none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

import data_scripts
from autograder.given.unet import UNet
from tests.checkout import ROOT


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mnist")
    data_scripts.prepare_generated(folder, 300, 100, progress=False, dataset=data_scripts.DATASETS["mnist"])
    return folder


def score(data, *arguments):
    environment = {**os.environ, "KIT_DATA": str(data)}
    command = [sys.executable, "-m", "autograder", "score", "ddpm", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_samples_are_scored_and_copies_are_counted(data, tmp_path):
    training = data_scripts.locate([data], "mnist").images("train")
    noise = torch.randint(256, (30, 1, 28, 28), dtype=torch.uint8)
    torch.save({"samples": torch.cat([torch.from_numpy(training[:10].copy()), noise])}, tmp_path / "samples.pt")
    done = score(data, tmp_path / "samples.pt")
    assert done.returncode == 0, done.stderr
    assert "40 images: coverage 0." in done.stdout and "copies of training images: 25.00%" in done.stdout


def test_a_checkpoint_is_sampled(data, tmp_path):
    network = UNet(1, (8, 8))
    torch.save({"state_dict": network.state_dict(), "alpha_bar": torch.linspace(0.9, 0.1, 4)}, tmp_path / "model.pt")
    done = score(data, tmp_path / "model.pt")
    assert done.returncode == 0 and done.stdout.startswith("256 images"), done.stderr


@pytest.mark.parametrize(
    "content, words",
    [(None, "no such file"), (b"not a checkpoint", "damaged"), ({"a": torch.ones(2)}, "no U-Net")],
)
def test_a_file_without_samples_gets_a_sentence(data, tmp_path, content, words):
    file = tmp_path / "file.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content:
        torch.save(content, file)
    done = score(data, file)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr
