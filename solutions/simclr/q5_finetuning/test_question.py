"""Question 5: the oracle against torch, and what the probes make of correct and wrong fine-tuning code."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.questions.cases import stored_cases

from . import counts, oracle, probes
from .correct import CORRECT, InSequence, OnCopy, OnForward
from .mistakes import MISCONCEPTIONS
from .question import REPEATS, WEIGHTS

CASES = {name: case.inputs for name, case in stored_cases(Path(__file__).parent).items()}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
LOADERS = CASES["nineteen train and eleven test images"]
EVALUATION = CASES["thirty images in batches of eight"]


def double(inputs):
    return {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in inputs.items()}


def test_parameters_fill_the_given_classifier():
    assert sum(p.numel() for p in probes.given_classifier(torch.zeros(WEIGHTS)).parameters()) == WEIGHTS


def test_oracle_evaluation_agrees_with_cross_entropy_and_topk():
    inputs = double(EVALUATION)
    model = probes.given_classifier(inputs["start"])
    loader = DataLoader(TensorDataset(inputs["x"], inputs["y"]), inputs["batch_size"])
    with torch.no_grad():
        logits = model(inputs["x"])
    hits = logits.topk(5).indices == inputs["y"][:, None]
    want = (F.cross_entropy(logits, inputs["y"]), hits[:, 0].double().mean(), hits.any(1).double().mean())
    assert oracle.evaluate(model, loader) == pytest.approx([value.item() for value in want])


def test_uniform_logits_lose_the_logarithm_of_the_number_of_classes():
    x, y = torch.zeros(4, 3, 2, 2), torch.tensor([0, 3, 5, 9])
    answer = probes.evaluation({"evaluate": oracle.evaluate}, torch.zeros(WEIGHTS), 4, x=x, y=y)
    assert answer["mean_loss"].item() == pytest.approx(math.log(10))


def test_accuracies_of_the_cases_can_be_told_apart():
    """top-1 < top-5 < 1, and neither is what a batch mean would give."""
    for name in ("thirty images in batches of eight", "seventeen images in batches of sixteen"):
        answer = probes.evaluation({"evaluate": oracle.evaluate}, **double(CASES[name]))
        assert answer["top_1"] < answer["top_5"] < 1


def test_oracle_epoch_agrees_with_backward_in_double():
    ours, theirs = (
        probes.finetune_epoch(namespace, **double(CASES["four batches"]))
        for namespace in ({"finetune_one_epoch": oracle.finetune_one_epoch}, CORRECT["v2, criterion, topk"])
    )
    for name in ours.keys() - {"rng_before", "rng_after"}:
        torch.testing.assert_close(ours[name], theirs[name], check_dtype=False)


def test_oracle_test_transform_by_hand():
    image = torch.full((3, 32, 32), 51, dtype=torch.uint8)
    (value,) = oracle.finetune_transforms()[1](image)[0].unique().tolist()
    assert value == pytest.approx((0.2 - 0.4914) / 0.2470)


def test_shifts_and_flips_miss_a_bound_with_a_chance_below_1e_9():
    def term(k):
        return math.comb(REPEATS, k) / 2**REPEATS

    assert sum(term(k) for k in range(REPEATS + 1) if not 0.28 <= k / REPEATS <= 0.72) < 1e-9
    assert 4 * (8 / 9) ** REPEATS < 1e-9  # one of the four outermost of nine places is never drawn


@pytest.mark.parametrize("name", CORRECT)
def test_correct_loaders_give_every_image_its_label(name):
    answer = counts.finetune_loader_passes(probes.finetune_loader_passes(CORRECT[name], **LOADERS))
    assert answer["train_ranks"].tolist() == [list(range(19))] * 2
    assert answer["test_labels"].tolist() == [LOADERS["test_labels"].tolist()] * 2
    assert answer["test_change"] == 0
    assert answer["train_change"] > 0.01


def test_labels_of_other_images_show_in_the_ranks():
    def labels_left_behind(train_images, train_labels, test_images, test_labels, batch_size):
        order = torch.randperm(19)
        return oracle.finetune_loaders(train_images[order], train_labels, test_images, test_labels, batch_size)

    answer = counts.finetune_loader_passes(
        probes.finetune_loader_passes({"finetune_loaders": labels_left_behind}, **LOADERS)
    )
    assert answer["train_ranks"][0].tolist() != list(range(19))


@pytest.mark.parametrize("classifier", [OnForward, OnCopy, InSequence])
def test_ways_to_reach_the_encoder_agree(classifier):
    inputs = double(CASES["three images, ten classes"])
    ours, theirs = (
        probes.classifier_logits({"Classifier": kind}, **inputs) for kind in (oracle.Classifier, classifier)
    )
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name])


def test_frozen_and_hidden_encoders_show():
    inputs = CASES["three images, ten classes"]
    assert not probes.classifier_logits(WRONG["encoder frozen"], **inputs)["encoder_gradient"].any()
    assert probes.classifier_logits(WRONG["encoder not registered"], **inputs)["unregistered"] == 4


def test_modes_and_gradients_are_seen_inside_the_model():
    in_train_mode = probes.evaluation(WRONG["evaluated in train mode"], **EVALUATION)
    with_gradients = probes.evaluation(WRONG["evaluated with gradients"], **EVALUATION)
    assert (in_train_mode["train_forwards"], in_train_mode["gradient_forwards"]) == (4, 0)
    assert (with_gradients["train_forwards"], with_gradients["gradient_forwards"]) == (0, 4)


def test_two_numbers_are_not_three():
    with pytest.raises(probes.NotThreeNumbers, match="what evaluate returns should be"):
        probes.evaluation(WRONG["top-5 missing"], **EVALUATION)


def test_a_classifier_must_return_a_tensor():
    class Pair(nn.Module):
        def __init__(self, simclr, num_classes):
            super().__init__()
            self.simclr = simclr

        def forward(self, x):
            return self.simclr(x)

    with pytest.raises(probes.NotLogits, match="found a tuple"):
        probes.classifier_logits({"Classifier": Pair}, torch.ones(1, 3, 4, 4), 10)
