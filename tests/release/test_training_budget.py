"""The notebook's given training driver keeps to its time, and trains at least once."""

from __future__ import annotations

import time

import pytest
import torch

from tests.notebook_names import notebook_names


@pytest.fixture()
def notebook(master, tmp_path, monkeypatch):
    """The names that the solution notebook defines, without training, downloads and checks, in a run folder of its own."""
    monkeypatch.setenv("KIT_PROFILE", "smoke")
    monkeypatch.chdir(tmp_path)
    names = notebook_names(master, tmp_path)
    names["PRECISION"], names["DEVICE"] = "float32", torch.device("cpu")
    return names


@pytest.mark.parametrize("seconds", [0.01, None])
def test_at_least_one_epoch_is_run_whatever_the_budget(notebook, seconds):
    batches = [torch.ones(2, 3)] * 5
    model = torch.nn.Linear(3, 1)
    plan = {"epochs": 2, "seconds": seconds, "lr": 0.1, "decay": 0.0, "warmup": 0.0}
    optimise = notebook["by_plan"](plan)

    def train(network, batches, optimizer, scheduler):
        losses = []
        time.sleep(0.02)
        for batch in batches:
            optimizer.zero_grad()
            loss = network(batch).square().mean()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        return {"loss": sum(losses) / len(losses)}

    history = notebook["fit"]("tried", model, batches, plan, optimise, train, lambda network: {}, lambda history: None)
    assert len(history) == (1 if seconds else 2)
    assert history[-1]["loss"] >= 0
