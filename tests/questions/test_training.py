"""The family of training epochs, on the smallest question that uses it: a regression of two layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from autograder.engine.judge import judge
from autograder.questions.edits import edit, misconceptions
from autograder.questions.model import Case, Question, Unreadable
from autograder.questions.probing import NotANumber
from autograder.questions.training import counts
from autograder.questions.training.mistakes import EPOCH
from autograder.questions.training.oracle import epoch
from autograder.questions.training.probes import GivenLoss, GivenModel, Loop
from autograder.questions.training.question import (
    any_iterable_test,
    epoch_cases,
    mean_loss_test,
    memory_test,
    mode_test,
    own_mean_loss_test,
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


def any_iterable(student, **inputs):
    return LOOP.any_iterable(student, **inputs)


def side_effects(student, **inputs):
    return LOOP.side_effects(student, **inputs)


def count(produced, start, x, **inputs):
    return counts.side_effects(produced, given_model, start, x)


def counted(student):
    return count(side_effects(student, **MANY), **MANY)


CORRECT = {"train_one_epoch": train_one_epoch}
CASES = {case.name: case for case in (*epoch_cases(inputs), Case("nine batches", inputs(17, 2)))}
TESTS = (
    mean_loss_test(mean_loss),
    parameters_test(parameters),
    any_iterable_test(any_iterable),
    mode_test(side_effects, count, ("nine batches",)),
    memory_test(side_effects, count, ("nine batches",)),
    side_effects_test(side_effects, count, ("nine batches",)),
)
QUESTION = Question("q", Path(__file__).parent, ("train_one_epoch",), TESTS, lambda _: (), CORRECT, (), {})
QUESTION_WITH_VARIANT = replace(QUESTION, tests=(*TESTS, own_mean_loss_test(mean_loss)))
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
COSTS = {
    **dict.fromkeys(EPOCH, {"parameters"}),
    **dict.fromkeys(RETURNED, {"mean_loss"}),
    **dict.fromkeys(
        (
            *("eval mode", "train mode not set", "batch norm in eval mode", "first part in eval mode"),
            "gradients left off",
        ),
        {"mode", "conduct"},
    ),
    "losses kept with their graph": {"memory", "conduct"},
    "last batch weighted as full": {"mean_loss", "iterable"},  # by an attribute that only a DataLoader has
    "smaller batch skipped": {"mean_loss", "parameters"},
    "first batch only": {"mean_loss", "parameters", "mode", "memory", "conduct"},
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
    assert [model.tally[name] for name in ("forwards", "training", "mixed")] == [2, 1, 0]


def test_modes_are_counted_per_image():
    def without_gradients(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        with torch.no_grad():
            return sum(loss_fn(model(x), y).item() for x, y in loader)

    def half(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        for number, (x, _) in enumerate(loader):
            model.train(number > 2)(x)
            if number == 6:
                break

    names = ("seen", "without_gradients", "in_eval_mode")
    seen = [[counted({"train_one_epoch": loop})[name].item() for name in names] for loop in (without_gradients, half)]
    assert seen == [[1, 17, 0], [pytest.approx(14 / 17), 0, 6]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_images_may_go_through_more_often_and_in_low_precision(dtype):
    def cached(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        for x, y in loader:
            with torch.no_grad(), torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
                model.eval()(x)
            with torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
                loss_fn(model.train()(x), y).backward()

    answer = counted({"train_one_epoch": cached})
    assert answer["seen"] == 1
    assert not any(answer[name] for name in ("without_gradients", "in_eval_mode"))


def test_a_forward_beside_the_training_decides_nothing():
    def shows_one_and_learns_from_another(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        for x, y in loader:
            model.train()(x)
            loss_fn(model.eval()(x), y).backward()

    answer = counted({"train_one_epoch": shows_one_and_learns_from_another})
    assert answer["in_eval_mode"] == 17 and answer["seen"] == 1


def test_answers_that_are_made_up_are_not_those_of_the_images():
    produced = side_effects(CORRECT, **MANY)
    for rows in (torch.zeros(17, 2), torch.randn(17, 2), produced["rows"][:1].repeat(17, 1)):
        assert count({**produced, "rows": rows}, **MANY)["seen"] < 0.5
    with pytest.raises(Unreadable, match="more than 50 times"):
        count({**produced, "rows": torch.zeros(1000, 2)}, **MANY)


def test_kept_losses_keep_their_graphs():
    correct, wrong = (counted(n) for n in (CORRECT, WRONG["losses kept with their graph"]))
    assert (correct["graphs_alive"], correct["graphs_returned"]) == (1, 0)
    assert (wrong["graphs_alive"], wrong["graphs_returned"]) == (8, 9)


def changed(*edits):
    """The correct loop with other text in it."""
    (mistake,) = misconceptions("train_one_epoch", train_one_epoch, (edit("changed", "Changed.", *edits),))
    return mistake.namespace


KEPT = {
    "answers": ("total_loss, total_num = 0.0, 0", "total_loss, total_num, kept = 0.0, 0, []",
                "loss = loss_fn(model(x), y)", "z = model(x)\n        kept.append(z)\n        loss = loss_fn(z, y)"),
    "what is computed from them": ("total_loss, total_num = 0.0, 0", "total_loss, total_num, kept = 0.0, 0, []",
                                   "loss = loss_fn(model(x), y)",
                                   "z = model(x)\n        kept.append(z.norm())\n        loss = loss_fn(z, y)"),
    "on the model": ("loss = loss_fn(model(x), y)",
                     "z = model(x)\n        model.kept = [*getattr(model, 'kept', []), z]\n        loss = loss_fn(z, y)"),
}  # fmt: skip
FINE = {
    "numbers": ("loss = loss_fn(model(x), y)", "z = model(x)\n        model.kept = z.detach()\n        loss = loss_fn(z, y)"),
    "the batch before": (
        "loss = loss_fn(model(x), y)",
        "z = model(x)\n        before = getattr(model, 'kept', [0])[0]\n        model.kept = (z, before)\n"
        "        loss = loss_fn(z, y)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("edits", "leaks"), [(KEPT, True), (FINE, False)])
def test_answers_that_are_kept_with_their_graph_are_counted(edits, leaks):
    for name, texts in edits.items():
        assert lost(changed(*texts)) == ({"memory", "conduct"} if leaks else set()), name


def test_modes_of_parts_are_seen():
    """A part of any kind in eval mode, for all or some of the batches, and statistics that do not move."""
    start = "total_loss, total_num = 0.0, 0"
    for text in (
        "model.outer.eval()",
        "model.norm.eval()",
        "[m.eval() for m in model.modules() if isinstance(m, nn.Dropout)]",
        "model.norm.momentum = 0.0",
    ):
        assert lost(changed(start, f"{start}\n    {text}")) == {"mode", "conduct"}, text
    assert lost(changed("total_num += n", "total_num += n\n        model.inner.eval()")) == {"mode", "conduct"}


def test_a_forward_in_eval_mode_beside_the_training_is_no_mistake():
    looked = changed("n = len(x)", "model.eval()(x)\n        model.train()\n        n = len(x)")
    assert lost(looked) == set()


@pytest.mark.parametrize("text", ["torch.set_grad_enabled(False)", "model.requires_grad_(False)"])
def test_gradients_that_stay_off_are_seen(text):
    assert lost(changed("    return ", f"    {text}\n    return ")) == {"mode", "conduct"}


def test_autocast_of_the_student_changes_nothing_in_the_given_model_and_loss():
    text = "loss = loss_fn(model(x), y)"
    assert lost(changed(text, f"with torch.autocast('cpu'):\n            {text}")) == set()


@pytest.mark.parametrize(
    "texts",
    [
        ("total_loss / total_num", "total_loss / len(loader.dataset)"),
        ("    for x, y in loader:", "    print(len(loader))\n    for x, y in loader:"),
        ("total_loss, total_num = 0.0, 0", "total_loss, total_num = 0.0, sum(len(y) for _, y in loader)",
         "total_num += n", "n"),
        ("in loader:", "in (loader[k] for k in range(5)):"),
    ],
)  # fmt: skip
def test_what_only_a_data_loader_has_is_missed(texts):
    assert "iterable" in lost(changed(*texts))


def test_batches_that_are_listed_first_are_no_mistake():
    assert lost(changed("in loader:", "in list(loader):")) == set()


def test_the_mean_of_wrong_losses_is_passed_by_the_variant():
    """Own losses, all scaled: only the steps are wrong. A wrong mean of them stays wrong."""
    variant = own_mean_loss_test(mean_loss)
    key = key_test(QUESTION_WITH_VARIANT, variant, CASES)
    text = "loss = loss_fn(model(x), y)"
    for edits, passes in (
        ((text, "loss = loss_fn(2 * model(x), y)"), True),
        ((text, "loss = loss_fn(2 * model(x), y)", "loss.item() * n", "loss.item()"), False),
        (("in loader:", "in list(loader)[:1]:"), False),
    ):
        namespace = changed(*edits)
        results = {case: run_probe(variant, CASES[case], namespace) for case in variant.cases}
        assert judge(key, results).passed == passes
        assert "mean_loss" in lost(namespace)


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


def test_a_loop_without_scheduler_gets_what_its_question_says():
    seen = []

    def train(model, loader, optimizer, generator, beta, device="cpu"):
        seen.append((generator, beta, device))
        for x, y in loader:
            optimizer.zero_grad()
            given_loss(model(x), y).backward()
            optimizer.step()

    bare = Loop("train", given_model, LOOP.data, scheduled=False)
    outputs = bare.run({"train": train}, **RAGGED, further=("generator", 0.5), device="cpu")[1]
    assert seen == [("generator", 0.5, "cpu")]
    assert outputs["optimizer_steps"] == 3 and outputs["scheduler_steps"] == 0
