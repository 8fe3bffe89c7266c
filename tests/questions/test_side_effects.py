"""The family of side effects: what its probes see, what its comparisons let pass, and that its mistakes are seen."""

import pytest
import torch

from autograder.engine.judge import complaint
from autograder.questions.model import Close
from autograder.questions.side_effects import counts
from autograder.questions.side_effects.counts import differing
from autograder.questions.side_effects.mistakes import misconceptions
from autograder.questions.side_effects.probes import by_dtype, side_effects
from autograder.questions.side_effects.question import comparisons
from autograder.questions.side_effects.question import dtypes_kept as dtypes_compared

GIVEN = {"x": torch.tensor([1.0, 2.0, 3.0]), "index": torch.tensor([2, 0])}
NAMES = {"x": "x", "index": "the index"}


def correct(x, index):
    return 2 * x[index]


def complaints(wrong, value=None):
    """Name of each output that fails -> its message, beside the reference of a correct function."""
    outputs = {**comparisons("f", NAMES, value), **dtypes_compared("f")}
    produced = ({**side_effects(f, GIVEN), **by_dtype(f, GIVEN)} for f in (wrong, correct))
    got, want = (counts.side_effects_and_dtypes(one, **GIVEN) for one in produced)
    found = {name: complaint(name, compared, got[name], want[name], 0.0) for name, compared in outputs.items()}
    return {name: message for name, message in found.items() if message}


@pytest.mark.parametrize("value", [None, Close(1e-6, what="the result")])
def test_a_function_without_side_effects_passes(value):
    assert complaints(correct, value) == {}


def test_a_wrong_value_passes_where_no_value_is_compared():
    def wrong(x, index):
        return 3 * x[index]

    assert complaints(wrong) == {}
    assert set(complaints(wrong, Close(1e-6))) == {"value_seed_1", "value_seed_2"}


@pytest.mark.parametrize(
    "f",
    [
        lambda x, index: torch.full((), 2.0).to(x.dtype) * x[index],
        lambda x, index: (torch.eye(2) if x.dtype is torch.float32 else torch.eye(2).to(x)) @ correct(x, index),
        lambda x, index: correct(x, index) * (1 if torch.get_default_dtype() is torch.float32 else 2),
    ],
    ids=["in the dtype of the input", "in the default dtype", "of it"],
)
def test_nothing_is_asked_under_another_default_dtype(f):
    """The notebook never sets one, so a constant of the default dtype may meet float32 alone."""
    assert complaints(f) == {}


def test_an_input_that_changes_is_named():
    def wrong(x, index):
        result = correct(x, index)
        index += 1
        return result

    assert complaints(wrong) == {"changed_index": "You change the index in place in f; compute on a new tensor"}


def test_an_input_that_changes_its_shape_has_changed():
    def wrong(x, index):
        result = correct(x, index)
        index.unsqueeze_(0)
        return result

    assert set(complaints(wrong)) == {"changed_index"}


def test_noise_is_seen_and_so_is_its_draw():
    assert set(complaints(lambda x, index: correct(x, index) + torch.rand(2))) == {"rng_bytes", "differs_by_seed"}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_result_that_is_not_finite_depends_on_no_seed(number):
    """Its value is wrong, which costs points elsewhere."""
    assert complaints(lambda x, index: correct(x, index) * number) == {}


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("seeds", "rng_bytes"),
        ("draws", "rng_bytes"),
        ("default dtype", "default_changed"),
        ("gradients off", "gradients_off"),
        ("float32", "dtypes_kept"),
        ("float64", "dtypes_kept"),
    ],
)
def test_each_mistake_of_the_family_is_seen_and_by_nothing_else(kind, seen):
    (mistake,) = misconceptions("f", {"f": lambda x, index: correct(x, index), "g": None}, {"id": kind})
    assert mistake.id == "id" and "{" not in mistake.hint and mistake.namespace["g"] is None

    def wrong(x, index):
        return mistake.namespace["f"](x, index)

    assert set(complaints(wrong)) == {seen}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_any_other_default_dtype_is_seen(dtype):
    def wrong(x, index):
        torch.set_default_dtype(dtype)
        return correct(x, index)

    assert set(complaints(wrong)) == {"default_changed"}


def test_global_state_is_what_it_was():
    def careless(x, index):
        torch.manual_seed(7)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return correct(x, index)

    before = torch.get_rng_state()
    side_effects(careless, GIVEN)
    by_dtype(careless, GIVEN)
    assert torch.equal(torch.get_rng_state(), before) and torch.get_default_dtype() is torch.float32
    assert torch.is_grad_enabled()


def test_each_dtype_is_told_apart():
    for f, kept in ((lambda x, index: x.float(), [1, 0]), (lambda x, index: x.double(), [0, 1])):
        assert counts.dtypes_kept(by_dtype(f, GIVEN))["dtypes_kept"].tolist() == kept


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([1.0, 2.0], [1.0, 2.5], 1),
        ([1.0, 2.0], [1.0, 2.0 + 1e-6], 0),
        ([float("nan"), float("inf")], [1.0, float("inf")], 1),
        ([float("nan"), 1.0], [float("nan"), float("nan")], 1),
        ([1.0], [1.0, 1.0], -1),
    ],
)
def test_differing_entries_are_counted(one, other, count):
    assert differing(torch.tensor(one), torch.tensor(other), atol=1e-5) == count
