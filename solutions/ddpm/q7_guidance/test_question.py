"""Question 7: laws of guidance and of dropped labels, and what one mistake costs."""

from pathlib import Path

import pytest
import torch

from autograder.questions.cases import stored_cases
from autograder.release import trial

from .correct import CORRECT
from .mistakes import MISCONCEPTIONS
from .oracle import drop_labels, guided_eps
from .probes import GivenLabelledModel, WrongLabels

HERE = Path(__file__).parent
CASES = stored_cases(HERE)
WRONG = {mistake.id: mistake.namespace for mistake in MISCONCEPTIONS}
GUIDED = {
    k: v.double() if v.is_floating_point() else v for k, v in CASES["scale 2.5"].inputs.items() if hasattr(v, "shape")
}


def lost(namespace):
    """Tests that a namespace fails."""
    return set(trial.lost(HERE, namespace))


def model():
    return GivenLabelledModel(GUIDED["start"], GUIDED["classes"])


def guided(scale):
    with torch.no_grad():
        return guided_eps(model(), GUIDED["x_t"], GUIDED["t"], GUIDED["labels"], scale, 5)


def predicted(labels):
    with torch.no_grad():
        return model()(GUIDED["x_t"], GUIDED["t"], labels)


def test_scale_one_is_conditional_and_scale_zero_is_not():
    torch.testing.assert_close(guided(1.0), predicted(GUIDED["labels"]))
    torch.testing.assert_close(guided(0.0), predicted(torch.full_like(GUIDED["labels"], 5)))


def test_guidance_is_a_straight_line_in_its_scale():
    torch.testing.assert_close(guided(-2.0) + guided(6.0), 2 * guided(2.0))


def test_a_row_without_label_is_not_guided():
    """Where the label is the null label already, the scale has no effect."""
    labels = torch.full_like(GUIDED["labels"], 5)
    with torch.no_grad():
        answers = [guided_eps(model(), GUIDED["x_t"], GUIDED["t"], labels, scale, 5) for scale in (0.0, 7.0)]
    torch.testing.assert_close(*answers)


def test_rows_of_the_given_model_do_not_depend_on_each_other():
    together = predicted(GUIDED["labels"])
    with torch.no_grad():
        apart = [model()(*(GUIDED[name][k : k + 1] for name in ("x_t", "t", "labels"))) for k in range(len(together))]
    torch.testing.assert_close(together, torch.cat(apart))


@pytest.mark.parametrize("labels", [5, torch.tensor(5), torch.zeros(3, 1).long(), torch.zeros(3), None])
def test_the_given_model_wants_a_label_for_each_row(labels):
    with pytest.raises(WrongLabels, match=r"it needs an integer tensor of shape \(3,\)"):
        predicted(labels)


def test_labels_are_dropped_below_p_only():
    labels, uniform = torch.arange(4), torch.tensor([0.0, 0.25, 0.5, 0.75])
    assert drop_labels(labels, uniform, 0.5, 9).tolist() == [9, 9, 2, 3]
    assert drop_labels(labels, uniform, 0.0, 9).tolist() == [0, 1, 2, 3]
    assert drop_labels(labels, uniform, 1.0, 9).tolist() == [9, 9, 9, 9]


def test_a_share_p_of_many_labels_is_dropped():
    uniform = torch.rand(10_000, generator=torch.Generator().manual_seed(0))
    dropped = drop_labels(torch.zeros(10_000, dtype=torch.int64), uniform, 0.1, 10)
    assert (dropped == 10).double().mean().item() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("variant", CORRECT)
def test_a_correct_solution_loses_nothing(variant):
    assert lost(CORRECT[variant]) == set()


@pytest.mark.parametrize(
    ("mistake", "tests"),
    [
        ("bound_included", {"labels"}),
        ("never_dropped", {"labels"}),
        ("labels_left_out", {"labels"}),
        ("labels_overwritten", {"conduct"}),
        ("own_uniform", {"labels", "conduct"}),
        ("weight_of_the_paper", {"guided"}),
        ("negative_scale_refused", {"guided"}),
        ("guided_labels_overwritten", {"conduct"}),
        ("float64_result", {"conduct"}),
    ],
)
def test_a_mistake_costs_what_it_is_worth(mistake, tests):
    assert lost(WRONG[mistake]) == tests


def test_the_other_convention_has_a_hint_of_its_own():
    namespace = {
        "drop_labels": drop_labels,
        "guided_eps": lambda m, x, t, y, w, null: (1 + w) * m(x, t, y) - w * m(x, t, torch.full_like(y, null)),
    }
    judgement = trial.judgements(HERE, namespace)["guided"]
    assert judgement.misconception == "weight_of_the_paper" and "1 + w" in judgement.message


def gradients_off(function):
    def wrong(*given):
        result = function(*given)
        torch.set_grad_enabled(False)
        return result

    return wrong


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ({"guided_eps": gradients_off(guided_eps)}, {"conduct"}),
        ({"drop_labels": gradients_off(drop_labels)}, {"conduct"}),
        ({"drop_labels": lambda *given: (drop_labels(*given), given[1])}, {"labels"}),
        ({"guided_eps": lambda *given: guided_eps(*given).double()}, {"conduct"}),
        ({"guided_eps": lambda model, x, *given: guided_eps(model, x, *given).float()}, set()),
    ],
    ids=["gradients off in one", "gradients off in the other", "a pair of labels", "float64", "always float32"],
)
def test_a_value_costs_the_value_and_a_side_effect_the_rest(changed, tests):
    assert lost({"drop_labels": drop_labels, "guided_eps": guided_eps, **changed}) == tests
