"""The STL-10 variant from its settings to its points: unlabelled pre-training, linear evaluation, measured checkpoint."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from autograder.artefacts.accuracy import measured_images
from autograder.assignment import read_assignment
from autograder.release.gradescope import data_files, needed_images
from data_scripts import DATASETS, Prepared, prepare_generated
from tests.checkout import SOLUTIONS, kit, python

COUNTS = {"train": 60, "test": 40, "unlabeled": 64}


@pytest.fixture(scope="module")
def course(tmp_path_factory, bundle):
    """A course whose settings ask for STL-10, with a few generated images in its official layout, prepared."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(SOLUTIONS / "simclr", folder / "solutions" / "simclr")
    shutil.copytree(bundle, folder / "dist" / bundle.name)
    settings = folder / "solutions" / "simclr" / "assignment.toml"
    settings.write_text(settings.read_text().replace('dataset = "cifar10"', 'dataset = "stl10"'))
    write_official(folder / "official" / "stl10_binary")
    done = python(folder, "-c", PREPARE)
    assert done.returncode == 0, done.stderr
    return folder


# The entry of the catalogue, with fewer images, and with the MD5s of the files that are here.
PREPARE = f"""
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from data_scripts import DATASETS, prepare
stl10 = DATASETS["stl10"]
def known(files):
    return [[name, md5(Path("official/stl10_binary", name).read_bytes()).hexdigest()] for name, _ in files]
official = stl10.official()
lists = dict(train_list=known(official.train_list), test_list=known(official.test_list))
small = replace(stl10, counts={COUNTS!r}, official=lambda: type("Small", (official,), lists))
prepare(Path("official"), Path("data"), progress=False, dataset=small)
"""


def write_official(folder):
    """Pictures whose colour tells their class, as bytes in the order of the official files: channel, column, row."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for split, count in COUNTS.items():
        labels = np.arange(count) % 10
        colours = random.integers(0, 256, (10, 3), dtype=np.uint8)[labels]
        images = np.clip(colours[:, :, None, None] + random.integers(-9, 9, (count, 3, 96, 96)), 0, 255)
        images.astype(np.uint8).transpose(0, 1, 3, 2).tofile(folder / f"{split}_X.bin")
        if split != "unlabeled":
            (labels + 1).astype(np.uint8).tofile(folder / f"{split}_y.bin")


@pytest.fixture(scope="module")
def trained(course):
    done = kit(course, "train", "simclr", "--profile", "smoke", "--run", "run", "--data", "data")
    assert done.returncode == 0, done.stderr[-3000:]
    return course / "run", done.stdout


def test_it_pretrains_without_labels_and_evaluates_linearly(trained):
    run, said = trained
    built = (run / "simclr.ipynb").read_text()
    assert "datasets.STL10," in built and "datasets.CIFAR10," not in built and "def finetune(" not in built
    assert "64 images to pre-train, 48 to train, 32 to test, (3, 96, 96) each" in said
    header = (run / "simclr_probe.csv").read_text().splitlines()[0].split(",")
    assert {"train_loss", "train_top1", "test_loss", "test_top1", "test_top5", "seconds"} <= set(header)
    assert "linear evaluation" in said and "top-5" in said
    for figure in ("pretrain_loss.png", "finetune_curves.png"):
        assert (run / "figures" / figure).is_file()


def test_its_checkpoint_is_the_frozen_encoder_with_the_probes_layer(trained):
    run, said = trained
    saved = torch.load(run / "simclr_lin_best.pt", weights_only=True)["state_dict"]
    encoder = torch.load(run / "simclr_best_epoch.pt", weights_only=True)["state_dict"]
    for name, weight in encoder.items():
        if name.startswith("encoder."):
            assert torch.equal(weight, saved[name]), name
    assert saved["linear.weight"].shape == (10, 512)


def test_the_grader_measures_the_same_accuracy_as_the_notebook(course, trained):
    run, said = trained
    top1 = float(said.split("its last epoch, test")[1].split("top-1")[1].split("%")[0])
    done = kit(course, "grade", "simclr", "run", "--out", "grades", "--data", "data")
    assert done.returncode == 0, done.stderr[-3000:]
    report = next((course / "grades").rglob("report.html")).read_text()
    data = Prepared.open(course / "data" / "stl10")
    assert f"of {data.counts['test']} test images correct" in report
    right = int(report.split(f" of {data.counts['test']} test images correct")[0].rsplit(" ", 1)[1])
    # The notebook's smoke profile looks at 32 of the 40.
    assert abs(right - top1 / 100 * 40) <= 8 + 1


def test_larger_pictures_are_measured_on_fewer_for_equal_work():
    assert measured_images(DATASETS["cifar10"].image_shape, 10_000) == 10_000
    assert measured_images((3, 96, 96), 8_000) == 1_111
    assert measured_images((3, 96, 96), 40) == 40


def test_the_zip_holds_the_test_pictures_that_are_measured_and_a_manifest_of_these(tmp_path):
    data = prepare_generated(tmp_path, train=10, test=1_200, progress=False, dataset=DATASETS["stl10"])
    assignment = read_assignment(SOLUTIONS / "simclr" / "assignment.toml")
    files = dict(data_files(data, needed_images(assignment, data)))
    assert sorted(files) == ["manifest.json", "test.npy"]
    folder = tmp_path / "zip" / "stl10"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    zipped = Prepared.open(folder)
    assert zipped.counts == {"test": 1_111} and zipped.is_intact("test")
    assert np.array_equal(zipped.images("test"), data.images("test")[:1_111])
    assert np.array_equal(zipped.labels("test"), data.labels("test")[:1_111])
