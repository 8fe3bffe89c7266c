"""The family of training epochs, on the smallest question that uses it: a regression of two layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from autograder.engine.judge import judge
from autograder.questions.edits import misconceptions
from autograder.questions.model import Case, Question, Unreadable
from autograder.questions.probing import NotANumber
from autograder.questions.training.counts import side_effects as side_effects_of
from autograder.questions.training.mistakes import EPOCH
from autograder.questions.training.oracle import epoch
from autograder.questions.training.probes import GivenLoss, GivenModel, Loop
from autograder.questions.training.question import (
    epoch_cases,
    mean_loss_test,
    memory_test,
    mode_test,
    parameters_test,
    side_effects_test,
)
from autograder.release.compile import key_test, run_probe

WEIGHTS = 29


def given_model(start):
    return GivenModel(start, inner=nn.Linear(6, 3), outer=nn.Linear(3, 2))


def given_loss(predicted, y):
    return (predicted - y).square().mean()


LOOP = Loop("train_one_epoch", given_model, lambda x, y: TensorDataset(x, y), given_loss)


def train_one_epoch(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
    model.train()
    total_loss, total_num = 0.0, 0
    for x, y in loader:
        n = len(x)
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total_loss += loss.item() * n
        total_num += n
    return total_loss / total_num


def inputs(n, batch_size):
    generator = torch.Generator().manual_seed(n)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    return {"x": normal(n, 2, 3), "y": normal(n, 2), "start": normal(WEIGHTS), "batch_size": batch_size}


def mean_loss(student, **inputs):
    return LOOP.mean_loss(student, **inputs)


def parameters(student, **inputs):
    return LOOP.parameters(student, **inputs)


def side_effects(student, **inputs):
    return LOOP.side_effects(student, **inputs)


def count(produced, start, x, **inputs):
    return side_effects_of(produced, given_model, start, x)


def counted(student):
    return count(side_effects(student, **MANY), **MANY)


CORRECT = {"train_one_epoch": train_one_epoch}
CASES = {case.name: case for case in (*epoch_cases(inputs), Case("nine batches", inputs(17, 2)))}
TESTS = (
    mean_loss_test(mean_loss),
    parameters_test(parameters),
    mode_test(side_effects, count, ("nine batches",)),
    memory_test(side_effects, count, ("nine batches",)),
    side_effects_test(side_effects, count, ("nine batches",)),
)
QUESTION = Question("q", Path(__file__).parent, ("train_one_epoch",), TESTS, lambda _: (), CORRECT, (), {})
KEY = {test.id: key_test(QUESTION, test, CASES) for test in TESTS}
WRONG = {m.id: m.namespace for m in misconceptions("train_one_epoch", train_one_epoch, EPOCH.values())}
RAGGED, MANY = CASES["ten images in batches of four"].inputs, CASES["nine batches"].inputs

RETURNED = (
    "mean over batches",
    "last batch weighted as full",
    "sum instead of mean",
    "weighted sum not divided",
    "mean of losses divided by images",
    "last loss returned",
    "nothing returned",
)
EVERYTHING = {"mean_loss", "parameters", "mode", "memory", "conduct"}
COSTS = {
    **dict.fromkeys(EPOCH, {"parameters"}),
    **dict.fromkeys(RETURNED, {"mean_loss"}),
    **dict.fromkeys(("eval mode", "train mode not set"), {"mode", "conduct"}),
    "losses kept with their graph": {"memory", "conduct"},
    **dict.fromkeys(("first batch only", "smaller batch skipped"), EVERYTHING),
}


def lost(namespace):
    """Tests that a namespace fails."""
    return {
        test.id
        for test in TESTS
        if not judge(KEY[test.id], {c: run_probe(test, CASES[c], namespace) for c in test.cases}).passed
    }


def test_a_correct_loop_loses_nothing():
    assert lost(CORRECT) == set()


@pytest.mark.parametrize("mistake", EPOCH)
def test_a_mistake_costs_what_it_is_worth(mistake):
    assert lost(WRONG[mistake]) == COSTS[mistake]


def test_oracle_and_backward_agree_exactly_in_double():
    def loss_of(loss_fn, model, batch):
        x, y = batch
        return loss_fn(model(x), y), len(x)

    case = {k: v.double() if isinstance(v, torch.Tensor) else v for k, v in CASES["five batches"].inputs.items()}
    ours, theirs = (parameters(namespace, **case) for namespace in ({"train_one_epoch": epoch(loss_of)}, CORRECT))
    torch.testing.assert_close(ours["parameters"], theirs["parameters"])
    assert ours["optimizer_steps"] == ours["scheduler_steps"] == 5


def test_the_given_model_is_the_same_in_both_modes():
    model = given_model(RAGGED["start"])
    torch.testing.assert_close(model.train()(RAGGED["x"]), model.eval()(RAGGED["x"]))
    assert (model.forwards, model.eval_forwards) == (2, 1)


def test_modes_are_counted_per_image():
    def without_gradients(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        with torch.no_grad():
            return sum(loss_fn(model(x), y).item() for x, y in loader)

    def half(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        for number, (x, _) in enumerate(loader):
            model.train(number > 2)(x)
            if number == 6:
                break

    names = ("unseen", "without_gradients", "in_eval_mode")
    assert [int(counted({"train_one_epoch": without_gradients})[name]) for name in names] == [0, 17, 0]
    assert [int(counted({"train_one_epoch": half})[name]) for name in names] == [3, 0, 6]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_images_may_go_through_more_often_and_in_low_precision(dtype):
    def cached(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        for x, y in loader:
            with torch.no_grad(), torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
                model.eval()(x)
            with torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
                loss_fn(model.train()(x), y).backward()

    answer = counted({"train_one_epoch": cached})
    assert not any(answer[name] for name in ("unseen", "without_gradients", "in_eval_mode"))


def test_a_forward_beside_the_training_decides_nothing():
    def shows_one_and_learns_from_another(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        for x, y in loader:
            model.train()(x)
            loss_fn(model.eval()(x), y).backward()

    answer = counted({"train_one_epoch": shows_one_and_learns_from_another})
    assert answer["in_eval_mode"] == 17 and answer["unseen"] == 0


def test_answers_that_are_made_up_are_not_those_of_the_images():
    produced = side_effects(CORRECT, **MANY)
    for rows in (torch.zeros(17, 2), torch.randn(17, 2), produced["rows"][:1].repeat(17, 1)):
        assert count({**produced, "rows": rows}, **MANY)["unseen"] >= 9
    with pytest.raises(Unreadable, match="more than 50 times"):
        count({**produced, "rows": torch.zeros(1000, 2)}, **MANY)


def test_kept_losses_keep_their_graphs():
    correct, wrong = (counted(n) for n in (CORRECT, WRONG["losses kept with their graph"]))
    assert (correct["graphs_alive"], correct["graphs_returned"]) == (1, 0)
    assert (wrong["graphs_alive"], wrong["graphs_returned"]) == (8, 9)


def test_two_names_for_losses_are_no_leak():
    loss, last, previous = GivenLoss(given_loss), None, None
    for _ in range(5):
        previous, last = last, loss(torch.zeros(1, requires_grad=True), torch.ones(1))
    assert previous is not last
    assert loss.most_alive == 2


def test_the_learning_rate_jumps_from_step_to_step():
    """Momentum SGD by hand: m ← 0.9 m + g, θ ← θ − lr · factor · m."""
    case = CASES["three batches"].inputs
    model, momentum = given_model(case["start"]), 0
    for at, factor in ((0, 1.0), (4, 0.2), (8, 3.0)):
        loss = given_loss(model(case["x"][at : at + 4]), case["y"][at : at + 4])
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])
        momentum = 0.9 * momentum + gradient
        step = 0.05 * factor * momentum
        theta = nn.utils.parameters_to_vector(model.parameters()).detach() - step
        nn.utils.vector_to_parameters(theta, model.parameters())
    torch.testing.assert_close(parameters(CORRECT, **case)["parameters"], theta)


def test_random_state_is_put_back_and_its_change_is_counted():
    def seeds(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        torch.manual_seed(0)

    state = torch.get_rng_state()
    assert counted({"train_one_epoch": seeds})["rng_bytes"] > 0
    assert counted(CORRECT)["rng_bytes"] == 0
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "value",
    [2, 2.0, np.float32(2), np.float64(2), np.array(2.0), torch.tensor(2.0), torch.tensor([2.0], requires_grad=True)],
)
def test_any_kind_of_number_is_a_number(value):
    number = mean_loss({"train_one_epoch": lambda *_: value}, **RAGGED)["mean_loss"]
    assert torch.equal(number, torch.tensor(2.0))
    assert not number.requires_grad


@pytest.mark.parametrize("value", [None, "2", [2.0], torch.ones(3)])
def test_anything_else_is_told(value):
    with pytest.raises(NotANumber, match="What train_one_epoch returns should be a number, found"):
        mean_loss({"train_one_epoch": lambda *_: value}, **RAGGED)
