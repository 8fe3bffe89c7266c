"""Question 4: laws of the given loss and model, and what the probes make of correct and wrong loops."""

from pathlib import Path

import pytest
import torch

from autograder.questions.cases import stored_cases

from . import counts, probes
from .correct import separate_forwards
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE
from .question import PARAMETERS

CASES = {name: case.inputs for name, case in stored_cases(Path(__file__).parent).items()}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
CORRECT = {"train_one_epoch": separate_forwards}
RAGGED = CASES["ten images in batches of four"]


def double(inputs):
    return {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in inputs.items()}


def test_parameters_fill_the_given_model():
    model = probes.GivenSimCLR(torch.zeros(PARAMETERS))
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS


def test_given_model_is_the_same_for_views_together_or_apart():
    model = probes.GivenSimCLR(RAGGED["start"].double())
    x_i, x_j = RAGGED["views_i"].double(), RAGGED["views_j"].double()
    together = model(torch.cat([x_i, x_j]))[1]
    torch.testing.assert_close(together, torch.cat([model(x)[1] for x in (x_i, x_j)]))


def test_given_loss_does_not_care_about_the_order_of_its_arguments():
    a, b = torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(probes.given_loss(a, b), probes.given_loss(b, a))


def test_mean_loss_of_the_oracle_by_hand():
    """At learning rate 0 it is the mean over batches, weighted by their 4, 4 and 2 images."""
    inputs = double(RAGGED)
    model = probes.GivenSimCLR(inputs["start"])
    total = sum(
        n * probes.given_loss(*(model(inputs[views][at : at + n])[1] for views in ("views_i", "views_j"))).item()
        for at, n in ((0, 4), (4, 4), (8, 2))
    )
    answer = probes.train_mean_loss(ORACLE, **inputs)
    assert answer["mean_loss"].item() == pytest.approx(total / 10)


@pytest.mark.parametrize("mistake", ["first view twice", "second view twice"])
def test_one_view_twice_still_forwards_every_image(mistake):
    case = CASES["a model in eval mode"]
    answers = [
        counts.train_side_effects(probes.train_side_effects(namespace, **case), **case)["unseen"]
        for namespace in (CORRECT, WRONG[mistake])
    ]
    torch.testing.assert_close(*answers)


def test_a_view_without_gradient_is_counted_once_per_image():
    case = CASES["a model in eval mode"]
    answer = counts.train_side_effects(probes.train_side_effects(WRONG["second view without gradient"], **case), **case)
    assert (answer["without_gradients"], answer["in_eval_mode"]) == (10, 0)
