"""Question 5, training: laws of the given loss and model, and what the probes make of right and wrong loops."""

import pytest
import torch

from autograder.questions.ddpm.probes import training as probes
from .question import PARAMETERS
from .mistakes import MISCONCEPTIONS
from .oracle import train_one_epoch
from .correct import loop_as_taught
from autograder.questions.draw import stored_cases

CASES = {case.name: case.inputs for case in stored_cases("ddpm", "q5")}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
RIGHT = {"train_one_epoch": loop_as_taught}
RAGGED, EPOCH = CASES["ten images in batches of four"], CASES["three batches"]
CONDUCT = CASES["eight batches, a model in eval mode"]


def double(inputs):
    return {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in inputs.items()}


def test_parameters_fill_the_given_model():
    assert sum(p.numel() for p in probes.GivenNetwork(torch.zeros(PARAMETERS)).parameters()) == PARAMETERS


def test_given_model_is_the_same_in_both_modes():
    model = probes.GivenNetwork(RAGGED["start"])
    torch.testing.assert_close(model.train()(RAGGED["images"]), model.eval()(RAGGED["images"]))


def test_given_loss_depends_on_every_label_and_wants_them():
    model, loss = probes.GivenNetwork(RAGGED["start"]), probes.GivenLoss()
    images, labels = RAGGED["images"], RAGGED["labels"]
    whole = loss(model, images, labels)
    for k in range(len(labels)):
        assert loss(model, images, labels + torch.eye(len(labels), dtype=torch.int64)[k]) > whole
    with pytest.raises(probes.LabelsMissing, match="without labels"):
        loss(model, images)


def test_mean_loss_of_the_oracle_by_hand():
    """At learning rate 0 it is the mean over batches, weighted by their 4, 4 and 2 images."""
    inputs = double(RAGGED)
    model, loss = probes.GivenNetwork(inputs["start"]), probes.GivenLoss()
    total = sum(
        n * loss(model, inputs["images"][at : at + n], inputs["labels"][at : at + n]).item()
        for at, n in ((0, 4), (4, 4), (8, 2))
    )
    answer = probes.epoch_mean_loss({"train_one_epoch": train_one_epoch}, **inputs)
    assert answer["mean_loss"].item() == pytest.approx(total / 10)


def test_oracle_and_backward_agree_exactly_in_double():
    answers = [
        probes.epoch_parameters(namespace, **double(EPOCH))
        for namespace in (RIGHT, {"train_one_epoch": train_one_epoch})
    ]
    torch.testing.assert_close(answers[0]["parameters"], answers[1]["parameters"])
    assert answers[0]["optimizer_steps"] == answers[0]["scheduler_steps"] == 3


@pytest.mark.parametrize(
    "mistake", ["zero_grad missing", "scheduler before optimizer", "eval mode", "optimizer never stepped"]
)
def test_the_mean_loss_does_not_pay_for_other_mistakes(mistake):
    right, wrong = (probes.epoch_mean_loss(namespace, **RAGGED)["mean_loss"] for namespace in (RIGHT, WRONG[mistake]))
    torch.testing.assert_close(wrong, right)


@pytest.mark.parametrize(
    "mistake", ["eval mode", "mean over batches", "losses kept with their graph", "last loss returned"]
)
def test_the_parameters_do_not_pay_for_other_mistakes(mistake):
    right, wrong = (probes.epoch_parameters(n, **EPOCH)["parameters"] for n in (RIGHT, WRONG[mistake]))
    torch.testing.assert_close(wrong, right)


@pytest.mark.parametrize("mistake", ["zero_grad missing", "mean over batches", "scheduler per epoch"])
def test_the_conduct_does_not_pay_for_other_mistakes(mistake):
    right, wrong = (probes.epoch_conduct(namespace, **CONDUCT) for namespace in (RIGHT, WRONG[mistake]))
    assert right.keys() == wrong.keys()
    for name in right:
        torch.testing.assert_close(wrong[name], right[name])


def test_modes_are_counted_per_forward():
    answer = probes.epoch_conduct(WRONG["train mode not set"], **CONDUCT)
    assert (answer["eval_forwards"], answer["no_grad_forwards"]) == (8, 0)


def test_kept_losses_keep_their_graphs():
    right = probes.epoch_conduct(RIGHT, **CONDUCT)
    wrong = probes.epoch_conduct(WRONG["losses kept with their graph"], **CONDUCT)
    assert (right["graphs_alive"], right["graphs_returned"], right["rng_bytes"]) == (1, 0, 0)
    assert (wrong["graphs_alive"], wrong["graphs_returned"]) == (7, 8)


def test_a_seeded_epoch_shows():
    assert probes.epoch_conduct(WRONG["seeded in every epoch"], **CONDUCT)["rng_bytes"] > 0
