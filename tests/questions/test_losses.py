"""The family of losses of several tensors, on a loss that a reader can compute by hand."""

import pytest
import torch

from autograder.questions.losses import counts, probes
from autograder.questions.losses.question import case

GIVEN = case(
    "loss",
    "u v",
    "two batches",
    [
        {"u": torch.tensor([[1.0, 2.0]]), "v": torch.tensor([[3.0, 5.0]]), "same": torch.tensor([True]), "weight": w}
        for w in (1, 2)
    ],
).inputs


def loss(u, v, *, same, weight):
    return weight * (u.detach() * v).sum()


def test_arguments_come_by_position_and_the_others_by_name():
    found = probes.values({"loss": loss}, **GIVEN)
    assert {name: value.item() for name, value in found.items()} == {"loss_a": 13.0, "loss_b": 26.0}


def test_gradients_are_those_of_the_loss_itself_and_zero_where_none_arrives():
    found = probes.gradient({"loss": loss}, **GIVEN)
    assert found["gradient_v_b"].tolist() == [[2.0, 4.0]] and not found["gradient_u_b"].any() and len(found) == 4


def test_a_loss_of_several_parts():
    given = {**GIVEN, "parts": "loss half"}
    both = {"loss": lambda u, v, **further: (loss(u, v, **further), 0.5)}
    assert probes.values(both, **given)["half_b"] == 0.5
    assert torch.equal(probes.gradient(both, **given)["gradient_v_a"], torch.tensor([[1.0, 2.0]]))
    with pytest.raises(
        probes.WrongParts, match=r"What loss returns should be \(loss, half\); it is a tensor of shape \(\)"
    ):
        probes.values({"loss": loss}, **given)


def test_conduct_sees_changed_inputs_of_any_kind_and_constants():
    def wrong(u, v, *, same, weight):
        same.logical_not_()
        return 0 * u.sum()

    for function, changed, moves in ((loss, 0, 1), (wrong, 1, 0)):
        found = counts.conduct(probes.conduct({"loss": function}, **GIVEN), **GIVEN)
        assert (found["changed_same"], found["changed_u"], found["moves"]) == (changed, 0, moves)


@pytest.mark.parametrize(("function", "differ"), [(loss, 0), (lambda u, v, **_: (1e9 + u * v).sum() - 2e9, 1)])
def test_a_loss_that_rounds_away_its_inputs_differs_from_itself_in_float64(function, differ):
    found = counts.both_precisions(probes.in_both_precisions({"loss": function}, **GIVEN), **GIVEN)
    assert found["not_finite"] == 0 and bool(found["differ"]) == bool(differ)


def test_not_finite_entries_are_counted():
    found = probes.values_and_gradient({"loss": lambda u, v, **_: (u / 0).sum() + v.sum()}, **GIVEN)
    assert counts.finite(found)["not_finite"] == 2 + 4  # both losses, and both gradients to u
