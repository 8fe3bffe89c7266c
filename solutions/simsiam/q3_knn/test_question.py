"""Question 3: the oracle against lightly, an example by hand, and what a mistake costs."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from lightly.utils.benchmarking import knn_predict

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import in_chunks
from .mistakes import MISCONCEPTIONS
from .oracle import knn_accuracy

HERE = Path(__file__).parent


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (5, 0.5), (20, 0.07)])
def test_the_oracle_agrees_with_lightly_which_leaves_normalising_to_its_caller(k, temperature):
    train_h, test_h = torch.randn(20, 3, dtype=torch.float64), torch.randn(50, 3, dtype=torch.float64)
    train_y, test_y = torch.arange(20) % 4, torch.arange(50) % 4
    bank, queries = F.normalize(train_h, dim=1), F.normalize(test_h, dim=1)
    predicted = knn_predict(queries.float(), bank.float().T, train_y, 4, k, temperature)[:, 0]
    wanted = (predicted == test_y).double().mean().item()
    assert knn_accuracy(train_h, train_y, test_h, test_y, k, temperature) == pytest.approx(wanted)
    with pytest.raises(RuntimeError):  # where lightly stops, all rows vote
        knn_predict(queries.float(), bank.float().T, train_y, 4, 21, temperature)


@pytest.mark.parametrize(("k", "temperature", "wanted"), [(1, 1, 1.0), (3, 0.05, 1.0), (3, 10, 0.0), (99, 10, 0.0)])
def test_a_near_row_against_two_far_ones(k, temperature, wanted):
    train_h = torch.tensor([[5.0, 0.0], [0.1, 0.2], [0.2, 0.4]])
    given = train_h, torch.tensor([1, 0, 0]), torch.tensor([[2.0, 0.1]]), torch.tensor([1])
    assert knn_accuracy(*given, k, temperature) == wanted


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("all_rows",): "k above the bank",
        (
            "accuracy",
        ): "majority, temperature ignored, temperature multiplied, cosines as weights, nearest alone, per cent, "
        "nearest left out, nothing normalised, bank not normalised, smallest cosines, all rows vote, one neighbour too many",
        ("chunks",): "mean over chunks",
        ("accuracy", "chunks"): "counted",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("last chunk dropped", "", "math.ceil(len(test_y) / 256)", "max(len(test_y) // 256, 1)"),
        edit(
            "queries normalised in place",
            "",
            "    correct = 0",
            "    test_h /= test_h.norm(dim=1, keepdim=True)\n    correct = 0",
        ),
        edit(
            "mean over chunks of 2000",
            "",
            "range(0, math.ceil(len(test_y) / 256) * 256, 256)",
            "range(0, len(test_y), 2000)",
            "test_h[start : start + 256]",
            "test_h[start : start + 2000]",
            "test_y[start : start + 256]",
            "test_y[start : start + 2000]",
            "(votes.argmax(dim=1) == y).sum().item()",
            "(votes.argmax(dim=1) == y).float().mean().item()",
            "correct / len(test_y)",
            "correct / math.ceil(len(test_y) / 2000)",
        ),
        edit("smallest vote", "", "votes.argmax(dim=1)", "votes.argmin(dim=1)"),
        edit("half of the neighbours", "", "min(k, len(train_h))", "(min(k, len(train_h)) + 1) // 2"),
    )
    found = {m.id: set(lost(HERE, m.namespace)) for m in misconceptions("knn_accuracy", in_chunks, unlisted)}
    assert [*found.values()] == [{"chunks"}, {"conduct"}, {"chunks"}, {"accuracy"}, {"accuracy"}]


IDLE = {
    "the largest class": lambda train_h, train_y, test_h, test_y, k, T: (
        (train_y.mode().values == test_y).float().mean()
    ),
    "a mean of labels": lambda train_h, train_y, test_h, test_y, k, T: train_y.float().mean() / 10,
    "one neighbour for all": lambda train_h, train_y, test_h, test_y, k, T: (
        (train_y[train_h.norm(dim=1).argmax()] == test_y).float().mean()
    ),
}


@pytest.mark.parametrize("idle", IDLE)
def test_whoever_does_not_look_at_the_features_shows_no_work(idle):
    found = lost(HERE, {"knn_accuracy": IDLE[idle]})
    assert {"accuracy", "conduct"} <= set(found)  # what the others need
    assert "does not depend on the features" in found["conduct"]
