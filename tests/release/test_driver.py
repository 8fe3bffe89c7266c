"""The given driver of both notebooks writes files that it and the grader can read, whatever numbers a loop returns."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, MultiStepLR

from autograder.release.notebooks import read_master
from tests.checkout import SOLUTIONS
from tests.notebook_names import notebook_names

# All that the graded loops may return as a number.
NUMBERS = {
    "Python": lambda value: value,
    "np.mean": lambda value: np.mean([value]),
    "single precision": np.float32,
    "a 0-d array": np.array,
    "a tensor": torch.tensor,
    "a tensor of one element": lambda value: torch.tensor([value], requires_grad=True),
}
SCHEDULERS = {
    "a cosine of NumPy": lambda optimizer: LambdaLR(optimizer, lambda step: 0.5 * (1 + np.cos(np.pi * step / 8))),
    "milestones in an array": lambda optimizer: MultiStepLR(optimizer, np.array([1, 3]), gamma=np.float64(0.5)),
}


@pytest.fixture(scope="module", params=["simclr", "ddpm", "vae", "simsiam", "contrastive"])
def names(request, tmp_path_factory):
    """The names of a notebook under the profile ``smoke``, on the CPU, with a run folder of their own."""
    run = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_PROFILE", "smoke")
        patch.chdir(run)
        made = notebook_names(read_master(SOLUTIONS / request.param / "master.py", request.param, ""), run)
    return made | {"PRECISION": "float32", "DEVICE": torch.device("cpu")}


class Killed(Exception):
    """The session is lost."""


def two_epochs(names, number, scheduler, killed=False):
    """Two epochs of a model with one weight and one batch, or one epoch and the loss of the session."""
    names["fit"].__globals__.update(names)

    def optimise(model, steps):
        optimizer = torch.optim.SGD(model.parameters(), lr=np.float64(0.1), momentum=0.9)
        return optimizer, scheduler(optimizer)

    def train(network, batches, optimizer, schedule):
        network(torch.ones(1, 1)).sum().backward()
        optimizer.step()
        schedule.step()
        return {"train_loss": number(0.25)}

    def after_epoch(history):
        if killed and len(history) == 2:
            raise Killed
        content = {"state_dict": model.state_dict(), "top1": history[-1]["test_top1"], "epoch": len(history)}
        names["save_atomically"](names["RUN"] / "tiny_best.pt", content)

    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    plan = {"epochs": 2, "lr": np.float64(0.1)}
    return names["fit"](
        "tiny", model, [1], plan, optimise, train, lambda network: {"test_top1": number(0.5)}, after_epoch
    )


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("kind", NUMBERS)
def test_what_the_driver_saves_can_be_loaded_and_goes_on(names, kind, scheduler, tmp_path, capsys):
    names["RUN"] = tmp_path
    with pytest.raises(Killed):
        two_epochs(names, NUMBERS[kind], SCHEDULERS[scheduler], killed=True)
    history = two_epochs(names, NUMBERS[kind], SCHEDULERS[scheduler])
    assert "going on after epoch 1" in capsys.readouterr().out
    assert [(row["train_loss"], row["test_top1"]) for row in history] == [(0.25, 0.5)] * 2
    assert torch.load(tmp_path / "tiny_best.pt", weights_only=True)["top1"] == 0.5
    names["update_metrics"](finetune=history)
    assert json.loads((tmp_path / "metrics.json").read_text())["finetune"] == history
