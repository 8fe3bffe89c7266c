"""Question 4: laws of the given loss and model, and what the probes make of correct and wrong loops."""

from pathlib import Path

import pytest
import torch

from autograder.questions.cases import stored_cases
from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost

from . import counts, probes
from .correct import separate_forwards
from .mistakes import MISCONCEPTIONS
from .oracle import ORACLE
from .question import PARAMETERS

CASES = {name: case.inputs for name, case in stored_cases(Path(__file__).parent).items()}
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
HINTS = {mistake.id: mistake.hint for mistake in MISCONCEPTIONS}
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
        counts.train_side_effects(probes.train_side_effects(namespace, **case), **case)["seen"]
        for namespace in (CORRECT, WRONG[mistake])
    ]
    torch.testing.assert_close(*answers)


# Most mistakes cost one test; these are in the loss and in its mean, or leave too little to look at.
MORE = {
    "last batch weighted as full": {"mean_loss", "iterable"},
    "smaller batch skipped": {"mean_loss", "parameters"},
    "first batch only": {"mean_loss", "parameters", "memory"},
}


def test_a_mistake_costs_its_own_points_only():
    costs = {name: set(lost(Path(__file__).parent, namespace, one_draw=True)) for name, namespace in WRONG.items()}
    assert {name: tests for name, tests in costs.items() if len(tests) != 1} == MORE


@pytest.mark.parametrize(
    ("name", "test"),
    [
        *((name, "parameters") for name in ("first view twice", "loss of h", "second view without gradient", "gradients clipped")),
        *((name, "mean_loss") for name in ("loss computed again after the step", "mean over batches")),
        *((name, "iterable") for name in ("data set asked for its length", "loader gone through twice")),
        *((name, "memory") for name in ("projections kept with their graph", "losses kept with their graph")),
        *((name, "mode") for name in ("batch norm in eval mode", "first part in eval mode", "gradients left off")),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_test(name, test):
    assert HINTS[name] in lost(Path(__file__).parent, WRONG[name])[test]


def test_a_list_of_h_is_seen_as_well():
    kept = edit(
        "h kept",
        "",
        "_, z_i",
        "h_i, z_i",
        "        loss = ",
        "        model.kept = [*getattr(model, 'kept', []), h_i]\n        loss = ",
    )
    (mistake,) = misconceptions("train_one_epoch", separate_forwards, (kept,))
    assert set(lost(Path(__file__).parent, mistake.namespace)) == {"memory"}
