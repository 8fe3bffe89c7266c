"""The VAE notebook's given code: a checkpoint that the grader takes, a run that resumes bit for bit, its best epoch."""

from __future__ import annotations

import pytest
import torch

from autograder.artefacts.elbo.vae import networks
from autograder.assignment import read_assignment
from autograder.release.course import with_settings
from autograder.release.notebooks import read_master
from tests.checkout import SOLUTIONS
from tests.notebook_names import smoke_sessions


@pytest.fixture
def start(tmp_path, monkeypatch):
    return smoke_sessions("vae", tmp_path, monkeypatch)


def pictures(count=48):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 1, 28, 28), generator=generator, dtype=torch.uint8)


def test_the_grader_takes_the_checkpoint_of_the_best_epoch(start):
    names = start("run")
    elbos = iter((-300.0, -400.0))
    names["train_vae"].__globals__["elbo_of"] = lambda model, images: next(elbos)
    model, history = names["train_vae"](pictures(), pictures(4))
    assert [row["validation_elbo"] for row in history] == [-300, -400]
    saved = torch.load(names["RUN"] / "vae_best.pt", weights_only=True)
    assert saved["epoch"] == 1
    encoder, decoder = networks({f"state_dict.{name}": tensor for name, tensor in saved["state_dict"].items()})
    x, z = torch.rand(2, 1, 28, 28), torch.randn(2, 20)
    assert torch.equal(encoder(x)[1], model.encode(x)[1]) and torch.equal(decoder(z), model.decode(z))
    later = torch.load(names["RUN"] / "epochs" / "vae-002.pt", weights_only=True)
    assert later["shown"].shape == (8 + 4, 1, 28, 28)
    assert not torch.equal(later["state_dict"]["encoder.mu.weight"], saved["state_dict"]["encoder.mu.weight"])


def test_a_killed_run_goes_on_bit_for_bit(start):
    whole, _ = start("whole")["train_vae"](pictures(), pictures(4))
    killed = start("killed")
    plain = killed["train_one_epoch"]

    def dies(model, *rest):
        if (killed["RUN"] / "vae_last.pt").is_file():
            raise KeyboardInterrupt
        return plain(model, *rest)

    killed["train_vae"].__globals__["train_one_epoch"] = dies
    with pytest.raises(KeyboardInterrupt):
        killed["train_vae"](pictures(), pictures(4))
    resumed, history = start("killed")["train_vae"](pictures(), pictures(4))
    assert [row["epoch"] for row in history] == [1, 2]
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_the_rate_falls_with_every_step(start):
    names = start("run")
    weight = torch.nn.Linear(1, 1)
    optimizer, _ = names["adam"](0.1)(weight, 4)
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        weight(torch.ones(1, 1)).backward()
        optimizer.step()
    assert rates == pytest.approx([0.1, 0.085355, 0.05, 0.014645], rel=1e-4)


def test_pixels_go_to_floats_and_back(start):
    names = start("run")
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    floats = names["to_floats"](images)
    assert floats.min() == 0 and floats.max() == 1
    assert torch.equal(names["to_pixels"](floats), images)
    assert names["to_pixels"](torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_the_last_epoch_is_shown_once(start):
    shown = start("run")["shown_epochs"]
    assert shown(30) == [1, 10, 15, 20, 25, 30] and shown(25) == [1, 10, 15, 20, 25] and shown(1) == [1]


@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist"])
def test_a_course_reads_the_thresholds_of_its_own_data_set(dataset, tmp_path):
    text = (SOLUTIONS / "vae" / "assignment.toml").read_text().replace('dataset = "mnist"', f'dataset = "{dataset}"')
    settings = tmp_path / "vae" / "assignment.toml"
    settings.parent.mkdir()
    settings.write_text(text)
    assignment = read_assignment(settings)
    notebook = with_settings(read_master(SOLUTIONS / "vae" / "master.py", "vae", ""), assignment)
    (said,) = (cell.source for cell in notebook.cells if cell.source.startswith("From where to where a share"))
    ramps = {
        name: tuple(f"{end:g}".replace("-", "−") for end in ramp)
        for name, ramp in assignment.artefacts[0].ramps.items()
    }
    bound, coverage, confidence, frechet = ramps.values()
    assert (
        f"the bound from {bound[0]} to {bound[1]}, coverage from {coverage[0]} to {coverage[1]}, confidence from "
        f"{confidence[0]} to {confidence[1]}, the distance from {frechet[0]} down to {frechet[1]}."
    ) in said.replace("\n", " ")
