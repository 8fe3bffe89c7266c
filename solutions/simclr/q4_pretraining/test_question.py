"""Question 4: laws of the given loss and model, and what the probes make of right and wrong loops."""

import numpy as np
import pytest
import torch

from autograder.questions import probing
from . import probes
from .question import PARAMETERS, QUESTION
from .mistakes import MISCONCEPTIONS
from .oracle import train_one_epoch
from .correct import separate_forwards

CASES = {case.name: case.inputs for case in QUESTION.draw(torch.Generator().manual_seed(0))}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
RIGHT = {"train_one_epoch": separate_forwards}
RAGGED, EPOCH, MEMORY = (CASES[name] for name in ("ten images in batches of four", "three batches", "eight batches"))


def double(inputs):
    return {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in inputs.items()}


def test_parameters_fill_the_given_model():
    model = probes.GivenSimCLR(torch.zeros(PARAMETERS))
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS


def test_given_model_is_the_same_in_both_modes_and_together_or_apart():
    model = probes.GivenSimCLR(RAGGED["start"].double())
    x_i, x_j = RAGGED["views_i"].double(), RAGGED["views_j"].double()
    together = model.train()(torch.cat([x_i, x_j]))[1]
    apart = torch.cat([model.eval()(x)[1] for x in (x_i, x_j)])
    torch.testing.assert_close(together, apart)


def test_given_loss_does_not_care_about_the_order_of_its_arguments():
    loss, (a, b) = probes.GivenLoss(), torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(loss(a, b), loss(b, a))


def test_mean_loss_of_the_oracle_by_hand():
    """At learning rate 0 it is the mean over batches, weighted by their 4, 4 and 2 images."""
    inputs = double(RAGGED)
    model, loss = probes.GivenSimCLR(inputs["start"]), probes.GivenLoss()
    total = sum(
        n * loss(*(model(inputs[views][at : at + n])[1] for views in ("views_i", "views_j"))).item()
        for at, n in ((0, 4), (4, 4), (8, 2))
    )
    answer = probes.train_mean_loss({"train_one_epoch": train_one_epoch}, **inputs)
    assert answer["mean_loss"].item() == pytest.approx(total / 10)


def test_oracle_and_backward_agree_exactly_in_double():
    answers = [
        probes.train_parameters(namespace, **double(EPOCH))
        for namespace in (RIGHT, {"train_one_epoch": train_one_epoch})
    ]
    torch.testing.assert_close(answers[0]["parameters"], answers[1]["parameters"])
    assert answers[0]["optimizer_steps"] == answers[0]["scheduler_steps"] == 3


@pytest.mark.parametrize(
    "mistake", ["zero_grad missing", "scheduler before optimizer", "eval mode", "optimizer never stepped"]
)
def test_the_mean_loss_does_not_pay_for_other_mistakes(mistake):
    right, wrong = (probes.train_mean_loss(namespace, **RAGGED)["mean_loss"] for namespace in (RIGHT, WRONG[mistake]))
    torch.testing.assert_close(wrong, right)


@pytest.mark.parametrize(
    "mistake", ["eval mode", "mean over batches", "losses kept with their graph", "last loss returned"]
)
def test_the_parameters_do_not_pay_for_other_mistakes(mistake):
    namespace = dict(WRONG[mistake])
    kept = namespace["train_one_epoch"]
    right, wrong = (probes.train_parameters(n, **EPOCH)["parameters"] for n in (RIGHT, {"train_one_epoch": kept}))
    torch.testing.assert_close(wrong, right)


def test_modes_are_counted_per_forward():
    answer = probes.train_mode(WRONG["eval mode"], **CASES["a model in eval mode"])
    assert answer["eval_forwards"] == 6  # two views of three batches
    answer = probes.train_mode(WRONG["second view without gradient"], **CASES["a model in eval mode"])
    assert answer["no_grad_forwards"] == 3


def test_kept_losses_keep_their_graphs():
    right = probes.train_memory(RIGHT, **MEMORY)
    wrong = probes.train_memory(WRONG["losses kept with their graph"], **MEMORY)
    assert (right["graphs_alive"], right["graphs_returned"]) == (1, 0)
    assert wrong["graphs_alive"] == 7
    assert wrong["graphs_returned"] == 8


def test_two_names_for_losses_are_no_leak():
    def remembers_previous(model, loader, optimizer, scheduler, loss_fn, device="cpu"):
        previous = None
        for (x_i, x_j), _ in loader:
            loss = loss_fn(model(x_i)[1], model(x_j)[1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            previous, last = loss, previous
        return previous.item() + (0 if last is None else 0)

    assert probes.train_memory({"train_one_epoch": remembers_previous}, **MEMORY)["graphs_alive"] <= 2


@pytest.mark.parametrize(
    "value",
    [2, 2.0, np.float32(2), np.float64(2), np.array(2.0), torch.tensor(2.0), torch.tensor([2.0], requires_grad=True)],
)
def test_any_kind_of_number_is_a_number(value):
    number = probing.as_number(value, torch.float32, "The answer")
    assert torch.equal(number, torch.tensor(2.0))
    assert not number.requires_grad


@pytest.mark.parametrize("value", [None, "2", [2.0], torch.ones(3)])
def test_anything_else_is_told(value):
    with pytest.raises(probing.NotANumber, match="The answer should be a number, found"):
        probing.as_number(value, torch.float32, "The answer")
