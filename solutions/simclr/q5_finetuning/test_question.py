"""Question 5: the oracle against torch, and what the probes make of correct and wrong fine-tuning code."""

import inspect
import itertools
import math
import random
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import v2

from autograder.questions.cases import stored_cases
from autograder.release.trial import lost

from . import counts, oracle, probes
from ..q3_augmentation.oracle import MEAN, STD
from .correct import CORRECT, InSequence, LabelledImages, OnCopy, OnForward, plain_loaders
from .mistakes import MISCONCEPTIONS
from .question import REPEATS, WEIGHTS

FOLDER = Path(__file__).parent
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
        {
            **probes.finetune_epoch(namespace, **double(CASES["four batches"])),
            **probes.finetune_means(namespace, **double(CASES["four batches"])),
        }
        for namespace in ({"finetune_one_epoch": oracle.finetune_one_epoch}, CORRECT["v2, criterion, topk"])
    )
    for name in ours.keys() - {"rng_before", "rng_after", "rows_learnt_from"}:
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
    assert answer["orders"] == probes.PASSES
    assert answer["draws"] >= 14


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
    assert not probes.classifier_logits(WRONG["encoder frozen"], **inputs)["encoder_gradients"].any()
    assert probes.classifier_logits(WRONG["encoder not registered"], **inputs)["unregistered"] == 4


def test_modes_and_gradients_are_seen_inside_the_model():
    in_train_mode, with_gradients = (
        probes.evaluation_side_effects(WRONG[name], **EVALUATION)
        for name in ("evaluated in train mode", "evaluated with gradients")
    )
    assert (in_train_mode["train_forwards"], in_train_mode["gradient_forwards"]) == (4, 0)
    assert (with_gradients["train_forwards"], with_gradients["gradient_forwards"]) == (0, 4)


# Every other mistake costs one test. These are in the loss, which the steps and the mean share.
MORE = dict.fromkeys(
    ("softmax before cross-entropy", "loss summed over the batch", "labels smoothed"), {"finetune", "finetune_means"}
)


def test_a_mistake_costs_its_own_points_only():
    costs = {name: set(lost(FOLDER, namespace, one_draw=True)) for name, namespace in WRONG.items()}
    assert {name: tests for name, tests in costs.items() if len(tests) != 1} == MORE


@pytest.mark.parametrize(
    ("name", "test"),
    [
        *((name, "transforms") for name in ("padding by reflection", "padding with the edge", "padding in white")),
        *((name, "loaders") for name in ("train shuffled once", "train set augmented once", "one draw for a batch")),
        *((name, "classifier") for name in ("encoder in eval mode", "part of the encoder frozen")),
        *((name, "finetune") for name in ("first part frozen", "gradients clipped")),
        *((name, "finetune_means") for name in ("loss after the step", "data set asked for its length")),
        *((name, "finetune_mode") for name in ("batch norm in eval mode", "gradients left off", "logits kept with their graph")),
        *((name, "evaluate_mode") for name in ("batch norm evaluated in train mode", "gradients left off by evaluate")),
        ("data set asked for its length by evaluate", "evaluate"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_test(name, test):
    hints = {mistake.id: mistake.hint for mistake in MISCONCEPTIONS}
    assert hints[name] in lost(FOLDER, WRONG[name])[test]


def with_other(name, function):
    return {**CORRECT["v2, criterion, topk"], name: function}


def transforms(*steps):
    def finetune_transforms(size=32):
        normalise = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
        return v2.Compose([*(step(size) for step in steps), *normalise]), v2.Compose(normalise)

    return with_other("finetune_transforms", finetune_transforms)


def crop(**options):
    return lambda size: v2.RandomCrop(size, padding=4, **options)


def flip(size):
    return v2.RandomHorizontalFlip()


def corners(size):
    """The four outermost places of a crop."""

    def place(image):
        top, left = random.choice([0, 8]), random.choice([0, 8])
        return F.pad(image, (4, 4, 4, 4))[:, top : top + size, left : left + size]

    return v2.Lambda(place)


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        (transforms(crop(padding_mode="symmetric"), flip), "Pad training images with zeros|do not pad"),
        (transforms(crop(fill=128), flip), "Pad training images with zeros|do not pad"),
        (transforms(corners, flip), "Shift training images|few of the 9 × 9 places"),
        (transforms(lambda size: v2.RandomCrop(32, padding=4), flip), r"expected \(3, 24, 24\)"),
    ],
)  # fmt: skip
def test_other_paddings_and_places_are_told(namespace, message):
    found = lost(FOLDER, namespace)
    assert set(found) == {"transforms"}
    assert re.search(message, found["transforms"])


def in_turn(train_images, train_labels, test_images, test_labels, batch_size):
    """Two orders in turn."""
    train, test = oracle.finetune_loaders(train_images, train_labels, test_images, test_labels, batch_size)
    orders = itertools.cycle([torch.randperm(len(train_images)).tolist() for _ in range(2)])

    class InTurn:
        def __len__(self):
            return len(train_images)

        def __iter__(self):
            return iter(next(orders))

    return DataLoader(train.dataset, batch_size, sampler=InTurn()), test


def within_batches(train_images, train_labels, test_images, test_labels, batch_size):
    """The images of a stored batch stay together."""
    train, test = oracle.finetune_loaders(train_images, train_labels, test_images, test_labels, batch_size)

    class Within:
        def __len__(self):
            return len(train_images)

        def __iter__(self):
            return (k for part in torch.arange(len(train_images)).split(batch_size) for k in part[torch.randperm(len(part))].tolist())  # fmt: skip

    return DataLoader(train.dataset, batch_size, sampler=Within()), test


@pytest.mark.parametrize(("loaders", "message"), [(in_turn, "the same order"), (within_batches, "stay in one batch")])
def test_orders_that_are_no_shuffling_are_told(loaders, message):
    assert message in lost(FOLDER, with_other("finetune_loaders", loaders))["loaders"]


@pytest.mark.parametrize("mistake", ["train images not augmented", "test images augmented", "transforms exchanged"])
def test_loaders_keep_their_points_with_wrong_transforms(mistake):
    """Only the loaders of a notebook look its transforms up."""
    names = {
        "finetune_transforms": WRONG[mistake]["finetune_transforms"],
        "DataLoader": DataLoader,
        "LabelledImages": LabelledImages,
    }
    exec(inspect.getsource(plain_loaders).replace("v2_transforms()", "finetune_transforms()"), names)
    namespace = {**WRONG[mistake], "finetune_loaders": names["plain_loaders"]}
    assert set(lost(FOLDER, namespace)) == {"transforms"}


def test_a_classifier_that_starts_its_encoder_anew_is_told():
    class Anew(OnCopy):
        def __init__(self, simclr, num_classes=10):
            super().__init__(simclr, num_classes)
            for layer in self.body.modules():
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()

    assert "keep what was pre-trained" in lost(FOLDER, with_other("Classifier", Anew))["classifier"]


def test_dropout_before_the_layer_shows_in_train_mode():
    class Dropped(OnForward):
        def forward(self, x):
            return self.fc(F.dropout(self.simclr(x)[0], 0.1, self.training))

    assert "wrong in train mode" in lost(FOLDER, with_other("Classifier", Dropped))["classifier"]


@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_loses_nothing(name):
    assert lost(FOLDER, CORRECT[name]) == {}


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
