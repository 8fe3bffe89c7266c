"""The DDPM notebook's given code: any pictures, averaged weights, a run that resumes bit for bit."""

from __future__ import annotations

import copy
import json

import pytest
import torch

from autograder.artefacts.samples.unet import network, schedule
from autograder.release.notebooks import read_master
from tests.checkout import SOLUTIONS
from tests.notebook_names import notebook_names


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Makes the notebook's names under the profile ``smoke``, for pictures of a shape, with a run folder by its name."""
    monkeypatch.setenv("KIT_PROFILE", "smoke")
    monkeypatch.chdir(tmp_path)
    master = read_master(SOLUTIONS / "ddpm" / "master.py", "ddpm", "")

    def notebook(folder, shape):
        run = tmp_path / folder
        run.mkdir(exist_ok=True)
        names = notebook_names(master, run)
        table = names["HP"]
        names |= {"IMAGE_SHAPE": shape, "CLASSES": 10, "PRECISION": "float32", "DEVICE": torch.device("cpu")}
        names["SCHEDULE"] = names["noise_schedule"](table["T"], table["beta_start"], table["beta_end"])
        return names

    return notebook


def pictures(shape, count=20):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, *shape), generator=generator, dtype=torch.uint8)
    return images, torch.arange(count) % 10


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 13, 9)])
def test_pictures_of_any_shape_are_trained_on_and_the_grader_takes_the_checkpoint(start, shape):
    names = start("run", shape)
    trained, history = names["train_ddpm"](*pictures(shape))
    assert [row["epoch"] for row in history] == [1, 2] and all(row["seconds"] >= 0 for row in history)
    saved = torch.load(names["RUN"] / "ddpm_model.pt", weights_only=True)
    tensors = saved["state_dict"] | {"alpha_bar": saved["alpha_bar"]}
    model = network(tensors, shape[0])
    assert len(schedule(tensors)) == names["HP"]["T"]
    x, t = torch.randn(2, *shape), torch.tensor([0, 7])
    assert torch.equal(model(x, t), trained(x, t))
    samples = names["draw_samples"](trained, 5, 0, names["SCHEDULE"], batch=2)
    assert samples.shape == (5, *shape) and samples.dtype == torch.uint8


def test_a_killed_run_goes_on_bit_for_bit(start):
    shape = (1, 8, 8)
    whole, _ = start("whole", shape)["train_ddpm"](*pictures(shape))
    killed = start("killed", shape)
    batches = killed["Batches"]

    class Dies(batches):
        """The session is lost in the middle of the second epoch."""

        passes = 0

        def __iter__(self):
            Dies.passes += 1
            for number, batch in enumerate(super().__iter__()):
                if (Dies.passes, number) == (2, 1):
                    raise KeyboardInterrupt
                yield batch

    killed["Batches"] = Dies
    with pytest.raises(KeyboardInterrupt):
        killed["train_ddpm"](*pictures(shape))
    resumed, history = start("killed", shape)["train_ddpm"](*pictures(shape))
    assert [row["epoch"] for row in history] == [1, 2]
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_the_average_follows_the_weights(start):
    names = start("run", (1, 8, 8))
    model = names["Averaged"](torch.nn.Linear(1, 1, bias=False), 0.5)
    with torch.no_grad():
        model.network.weight.fill_(1.0)
        model.average.weight.fill_(0.0)
    model.update()  # (1 + 1) / (10 + 1) of the old one is kept as long as that is less than the decay
    assert model.average.weight.item() == pytest.approx(1 - 2 / 11)
    for _ in range(40):
        model.update()
    assert model.average.weight.item() == pytest.approx(1.0)
    assert not any(weight.requires_grad for weight in model.average.parameters())


def test_pixels_go_to_floats_and_back(start):
    names = start("run", (1, 8, 8))
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    floats = names["to_floats"](images)
    assert floats.min() == -1 and floats.max() == 1
    assert torch.equal(names["to_pixels"](floats), images)
    assert names["to_pixels"](torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_training_with_labels_starts_from_the_trained_network_and_uses_them(start):
    shape = (1, 8, 8)
    names = start("run", shape)
    images, labels = pictures(shape)
    network, _ = names["train_ddpm"](images, labels)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    steps = []
    adam = names["adam"]

    def first_step(*plan):
        make = adam(*plan)

        def optimise(model, total_steps):
            steps.append(copy.deepcopy(model.network))
            return make(model, total_steps)

        return optimise

    names["adam"] = first_step
    guided, history = names["train_guided"](network, images, labels)
    x, t, none = torch.randn(3, *shape), torch.tensor([0, 3, 7]), torch.full((3,), names["CLASSES"])
    with torch.no_grad():
        assert torch.allclose(steps[-1].eval()(x, t, none), network(x, t), atol=1e-6)  # without a label it is the same
        one, other = (guided(x, t, torch.full((3,), label)) for label in (1, 7))
    assert (one - other).abs().max() > 1e-3
    assert len(history) == names["HP"]["guided_epochs"]
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
    assert names["bonus_is_there"]()
    names["update_metrics"](train=[{"epoch": 1, "loss": 1.0}])
    names["update_metrics"](guided=history)
    written = json.loads((names["RUN"] / "metrics.json").read_text())
    assert written["train"] == [{"epoch": 1, "loss": 1.0}] and written["guided"] == history
    figure = names["plot_guided"](guided, [0.0, 1.0], each=1)
    assert len(figure.axes) == 2
