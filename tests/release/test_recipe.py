"""The given training code of the SimCLR notebook: whole batches of views, precision, a killed run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
import torch.nn.functional as F

import data_scripts
from tests.checkout import ROOT
from tests.notebook_names import notebook_names

ON_CPU = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture
def names(master, tmp_path, monkeypatch):
    """The names that the solution notebook defines, under the profile smoke."""
    monkeypatch.setenv("KIT_PROFILE", "smoke")
    monkeypatch.chdir(tmp_path)
    names = notebook_names(master, tmp_path)
    names["PRECISION"] = "float32"
    names["DEVICE"] = torch.device("cpu")
    torch.manual_seed(0)
    return names


@pytest.fixture
def ramps():
    """600 equal pictures whose red tells the column of a pixel and whose green its row, in steps of 8."""
    line = torch.arange(32, dtype=torch.uint8) * 8
    picture = torch.stack([line.expand(32, 32), line[:, None].expand(32, 32), torch.zeros(32, 32, dtype=torch.uint8)])
    return picture.expand(600, 3, 32, 32).contiguous()


def as_pixels(names, views):
    return views * torch.tensor(names["STD"])[:, None, None] + torch.tensor(names["MEAN"])[:, None, None]


def boxes(names, views):
    """Width, height (in shares of the picture), and whether it is flipped, of crops of ``ramps`` without colour changes."""
    pixels = as_pixels(names, views) * 255 / 8 / 32
    across = pixels[:, 0, :, 3:-3].diff(dim=2).mean((1, 2)) * 32
    down = pixels[:, 1, 3:-3].diff(dim=1).mean((1, 2)) * 32
    return across.abs(), down.abs(), across < 0


def test_crops_and_flips_are_distributed_as_image_by_image(names, ramps):
    batched = names["draw_views"](ramps, 32, 0.0)
    transform = names["simclr_transform"](32, 0.0, False)
    single = torch.stack([transform(image) for image in ramps])

    def coloured(views):  # grayscale leaves red and green equal
        pixels = as_pixels(names, views)
        return views[(pixels[:, 0] - pixels[:, 2]).abs().mean((1, 2)) > 1e-3]

    mine, theirs = coloured(batched), coloured(single)
    assert abs(len(mine) - len(theirs)) < 60 and abs(len(mine) - 480) < 40  # a fifth is gray
    for ours, wanted in zip(boxes(names, mine)[:2], boxes(names, theirs)[:2]):
        for share in (0.1, 0.25, 0.5, 0.75, 0.9):
            assert abs(ours.quantile(share) - wanted.quantile(share)) < 0.05
    width, height, flipped = boxes(names, mine)
    assert abs(flipped.float().mean() - 0.5) < 0.08
    assert (width * height).min() > 0.17 and (width / height).log().abs().max() < 0.4
    assert len(width.unique()) > 400  # each picture its own crop


@pytest.mark.parametrize("size", [16, 32, 48])
def test_crops_hold_nothing_from_beyond_the_edge(names, size):
    crops = names["random_crops"](torch.full((200, 3, 32, 32), 0.7), size)
    assert crops.shape == (200, 3, size, size) and (crops - 0.7).abs().max() < 1e-5


def test_colours_are_distributed_as_image_by_image(names):
    plain = torch.tensor([180, 90, 60], dtype=torch.uint8)[:, None, None].expand(3, 8, 8)
    images = plain.expand(1500, 3, 8, 8).contiguous()
    transform = names["simclr_transform"](8, 0.5, False)
    theirs = as_pixels(names, torch.stack([transform(image) for image in images])).mean((2, 3))
    mine = as_pixels(names, names["draw_views"](images, 8, 0.5)).mean((2, 3))
    gray = [(c.amax(1) - c.amin(1) < 1e-3).float().mean() for c in (mine, theirs)]
    assert abs(gray[0] - gray[1]) < 0.04
    unchanged = [((c - plain[:, 0, 0] / 255).abs().amax(1) < 5e-3).float().mean() for c in (mine, theirs)]
    assert abs(unchanged[0] - unchanged[1]) < 0.04 and 0.1 < unchanged[0] < 0.22  # 0.2 * 0.8
    light, colourfulness = (lambda c: c @ torch.tensor([0.299, 0.587, 0.114])), (lambda c: c.amax(1) - c.amin(1))
    # v2 turns the hue in HSV, which changes the gray of a pixel, and cuts off after each change: they differ a little.
    for measure in (light, colourfulness):
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            assert abs(measure(mine).quantile(share) - measure(theirs).quantile(share)) < 0.08
    # A turn by a tenth of the colour circle at most, as in v2, whose circle is a hexagon: red stays the largest mostly.
    first = [(c.argmax(1) == 0).float().mean() for c in (mine, theirs)]
    assert abs(first[0] - first[1]) < 0.05


def test_contrast_keeps_the_mean(names):
    torch.manual_seed(1)
    images = torch.randint(60, 196, (64, 3, 32, 32), dtype=torch.uint8)
    names["random_crops"] = lambda x, size: x
    matrix, share = names["colour_matrices"](64, 0.5)
    gray = torch.tensor(names["GRAY"])
    means = torch.einsum("c,nchw->n", gray, images / 255) / 32**2
    changed = torch.einsum("ndc,nchw->ndhw", matrix, images / 255) + (share * means)[:, None, None, None]
    after = torch.einsum("c,nchw->n", gray, changed) / 32**2
    brightness = after / means  # contrast, saturation and hue leave the mean gray where it is
    assert brightness.min() > 0.58 and brightness.max() < 1.42
    assert abs((matrix @ torch.ones(3)).std(1)).max() < 1e-4  # gray pixels stay gray


def test_fine_tuning_crops_are_shifts_and_flips(names):
    image = torch.randint(256, (3, 32, 32), dtype=torch.uint8)
    padded = F.pad(image, (4, 4, 4, 4))
    allowed = {}
    for top in range(9):
        for left in range(9):
            crop = padded[:, top : top + 32, left : left + 32]
            allowed[crop.numpy().tobytes()] = (top, left, False)
            allowed[crop.flip(2).contiguous().numpy().tobytes()] = (top, left, True)
    views = names["draw_crops"](image.expand(1500, 3, 32, 32))
    pixels = (as_pixels(names, views) * 255).round().to(torch.uint8)
    seen = [allowed[view.contiguous().numpy().tobytes()] for view in pixels]
    assert len(set(seen)) > 150  # of 162
    assert abs(sum(flipped for *_, flipped in seen) / 1500 - 0.5) < 0.06


@pytest.mark.parametrize("size, sizes", [(16, {16}), (32, {32})])
def test_fine_tuning_grows(names, size, sizes):
    names["HP"]["views"] = "batched"
    images, labels = torch.randint(256, (10, 3, 32, 32), dtype=torch.uint8), torch.arange(10)
    batches = names["ByStage"](images, labels, ((16, 2, 0), (32, 1, 2)))
    assert batches.sizes == [16, 16, 32] and batches.frozen == [0, 0, 2]
    batches.turn_to(batches.sizes.index(size))
    assert {x.shape[-1] for x, _ in batches} == sizes
    assert sorted(torch.cat([y for _, y in batches]).tolist()) == list(range(10))


def test_frozen_parts_keep_their_weights_and_cost_no_gradient(names):
    model = names["Classifier"](names["SimCLR"]())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    batch = torch.randn(4, 3, 8, 8), torch.arange(4)

    def moved(parts):
        before = {name: parameter.clone() for name, parameter in model.named_parameters()}
        names["freeze"](model, parts)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
        names["finetune_one_epoch"](model, [batch], optimizer, scheduler, torch.device("cpu"))
        after = dict(model.named_parameters())
        return {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}

    everything = {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "weight", "bias"}
    assert moved(0) == everything  # and leaves momentum behind
    assert moved(1) == everything - {"conv1", "bn1", "layer1"}
    assert moved(2) == everything - {"conv1", "bn1", "layer1", "layer2"}
    assert moved(0) == everything


def test_knn_and_probe_find_what_is_there_and_nothing_where_there_is_nothing(names):
    centres, labels = torch.randn(10, 16) * 3, torch.arange(400) % 10
    h = centres[labels] + torch.randn(400, 16)
    noise = torch.randn(400, 16)
    knn, probe = names["knn_accuracy"], names["linear_probe"]
    assert knn(h[:300], labels[:300], h[300:], labels[300:], 20) > 0.95
    assert knn(noise[:300], labels[:300], noise[300:], labels[300:], 20) < 0.3
    found, nothing = (probe(x[:300], labels[:300], x[300:], labels[300:], 30, 50)[0][-1] for x in (h, noise))
    assert found["test_top1"] > 0.95 and found["test_top5"] == 1 and found["train_top1"] > 0.95
    assert nothing["test_top1"] < 0.3


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float32"])
def test_the_loop_sees_float32_in_any_precision(names, precision):
    names["PRECISION"] = precision
    model = names["SimCLR"]().eval()
    inside = []
    model.encoder.conv1.register_forward_hook(lambda module, inputs, output: inside.append(str(output.dtype)))
    x = torch.randn(2, 3, 8, 8)
    outputs = names["InPrecision"](model)(x)
    names["InPrecision"](model.encoder)(x).square().sum().mul(1e-4).backward()  # float16 alone would lose this gradient
    assert inside == [f"torch.{precision}"] * 2
    for got, wanted in zip(outputs, model(x), strict=True):
        assert got.dtype == torch.float32 and (got - wanted).abs().max() < 0.05 * wanted.abs().max()
    found = {name: weight.grad for name, weight in model.encoder.named_parameters()}
    assert all(gradient.dtype == torch.float32 for gradient in found.values())
    model.zero_grad()
    model.encoder(x).square().sum().mul(1e-4).backward()
    for name, weight in model.encoder.named_parameters():
        assert torch.cosine_similarity(found[name].flatten(), weight.grad.flatten(), dim=0) > 0.95, name
        assert 0.8 < found[name].norm() / weight.grad.norm() < 1.25, name


def test_random_numbers_go_on_after_a_move_to_another_kind_of_device(names):
    state = names["rng_state"]() | {"device": {"cuda": torch.zeros(16, dtype=torch.uint8)}}
    names["restore_rng"](state)
    first = torch.rand(3)
    names["restore_rng"](state)
    assert torch.equal(torch.rand(3), first)


class Training:
    """``./kit train simclr --profile smoke`` in a process of its own."""

    def __init__(self, folder: Path, data: Path, *options: str):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autograder", "train", "simclr", "--profile", "smoke", "--run", str(folder)]
            + ["--data", str(data), *options],
            cwd=ROOT,
            env=ON_CPU,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self) -> str:
        """What it printed, less its progress bars, which are kept as ``progress``."""
        out, self.progress = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, self.progress.decode()[-2000:]
        return out.decode()

    def kill_after(self, file: str) -> None:
        """End it, and all that it started, at once when ``file`` is there."""
        while not (self.folder / file).is_file():
            assert self.process.poll() is None, self.process.communicate()[1][-2000:]
            time.sleep(0.02)
        parent = psutil.Process(self.process.pid)
        for process in (*parent.children(recursive=True), parent):
            process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def few_images(tmp_path_factory):
    return data_scripts.prepare_generated(tmp_path_factory.mktemp("few"), 80, 40, progress=False).folder.parent


@pytest.fixture(scope="module")
def whole_run(few_images, tmp_path_factory):
    training = Training(tmp_path_factory.mktemp("whole"), few_images)
    return training.folder, training.finish(), training.progress


def test_a_run_is_a_folder_and_ends_with_a_table(whole_run):
    folder, said, _ = whole_run
    for name in ("simclr_pretrain", "simclr_finetune"):
        rows = (folder / f"{name}.csv").read_text().splitlines()
        assert len(rows) == 3 and rows[0].startswith("epoch,")
        assert (folder / f"{name}.json").is_file() and (folder / f"{name}_last.pt").is_file()
    for figure in ("finetune_curves", "neighbours"):
        assert (folder / "figures" / f"{figure}.png").is_file()
    assert re.search(r"^4 labels: after pre-training \d+\.\d%, from scratch \d+\.\d%$", said, re.MULTILINE)
    for row in ("linear probe", "k-NN", "its last epoch", "minutes to 75%"):
        assert row in said


def test_progress_bars_do_not_flood_the_page(whole_run):
    assert len(whole_run[2]) < 2_000


def test_a_killed_training_goes_on_bit_for_bit(whole_run, few_images, tmp_path):
    Training(tmp_path, few_images).kill_after("simclr_finetune_last.pt")
    assert "going on after epoch" in Training(tmp_path, few_images).finish()
    for file in ("simclr_best_epoch.pt", "simclr_lin_best.pt"):
        resumed, whole = (torch.load(folder / file, weights_only=True) for folder in (tmp_path, whole_run[0]))
        for name, weight in whole["state_dict"].items():
            assert torch.equal(weight, resumed["state_dict"][name]), (file, name)
