"""Question 5, training: laws of the given loss and model, and what the probes make of correct and wrong loops."""

from pathlib import Path

import pytest
import torch

from autograder.questions.cases import stored_cases

from . import counts, probes
from .correct import loop_as_taught
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE
from .question import PARAMETERS

CASES = {name: case.inputs for name, case in stored_cases(Path(__file__).parent).items()}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
CORRECT = {"train_one_epoch": loop_as_taught}
RAGGED = CASES["ten images in batches of four"]
SIDE_EFFECTS = CASES["eight batches, a model in eval mode"]


def double(inputs):
    return {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in inputs.items()}


def test_parameters_fill_the_given_model():
    assert sum(p.numel() for p in probes.given_network(torch.zeros(PARAMETERS)).parameters()) == PARAMETERS


def test_given_loss_depends_on_every_label_and_wants_them():
    model = probes.given_network(RAGGED["start"])
    images, labels = RAGGED["images"], RAGGED["labels"]
    whole = probes.given_loss(model, images, labels)
    for k in range(len(labels)):
        assert probes.given_loss(model, images, labels + torch.eye(len(labels), dtype=torch.int64)[k]) > whole
    with pytest.raises(probes.LabelsMissing, match="without labels"):
        probes.given_loss(model, images)


def test_mean_loss_of_the_oracle_by_hand():
    """At learning rate 0 it is the mean over batches, weighted by their 4, 4 and 2 images."""
    inputs = double(RAGGED)
    model = probes.given_network(inputs["start"])
    total = sum(
        n * probes.given_loss(model, inputs["images"][at : at + n], inputs["labels"][at : at + n]).item()
        for at, n in ((0, 4), (4, 4), (8, 2))
    )
    answer = probes.epoch_mean_loss(ORACLE, **inputs)
    assert answer["mean_loss"].item() == pytest.approx(total / 10)


def test_a_seeded_epoch_shows():
    correct, wrong = (
        counts.epoch_side_effects(probes.epoch_side_effects(namespace, **SIDE_EFFECTS), **SIDE_EFFECTS)["rng_bytes"]
        for namespace in (CORRECT, WRONG["seeded in every epoch"])
    )
    assert correct == 0 and wrong > 0
