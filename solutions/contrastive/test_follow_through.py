"""A mistake in one question costs no points in another: the names of the solution, one or more of them wrong."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.release.trial import Solution

SOLUTION = Solution(Path(__file__).parent, torch=torch, nn=nn, F=F, math=math)
QUESTIONS = ("q1a", "q1b", "q1c", "q2", "q3", "q4", "q5", "q7")
STUBS = {
    "q1a": ("contrastive_loss",),
    "q1b": ("triplet_loss",),
    "q1c": ("pair_nll_loss",),
    "q2": ("pairs_from_labels", "triplet_batches", "batch_hard"),
    "q3": ("Encoder", "Classifier"),
    "q4": ("fit_contrastive_model",),
    "q5": ("evaluate_model", "fit_model"),
    "q7": ("mahalanobis", "project_psd"),
}
FORMS = {
    "raises": "def {0}(*given, **named): raise NotImplementedError('later')\n",
    "returns None": "def {0}(*given, **named): return None\n",
    "returns the first input": "def {0}(*given, **named): return given[0]\n",
    "is missing": "{0} = None\n",
}


def lost(*cells):
    return SOLUTION.lost(SOLUTION.notebook(*cells), QUESTIONS)


def test_the_solution_loses_nothing():
    assert lost() == {}


@pytest.mark.parametrize("id", QUESTIONS)
def test_a_wrong_question_costs_its_own_points_only(id):
    for form in FORMS.values():
        found = lost(*(form.format(name) for name in STUBS[id]))
        assert found.keys() == {id}


WRONG = {
    "q1b": SOLUTION.changed("triplet_loss", ".mean()", ".sum()"),
    "q2": SOLUTION.changed("batch_hard", "masked_fill(alike, math.inf).argmin", "masked_fill(alike, -math.inf).argmax"),
    "q3": SOLUTION.changed("Encoder", "self.head(self.body(x))", "F.normalize(self.head(self.body(x)))"),
}


@pytest.mark.parametrize(("wrong", "tests"), [("q1b", {"value", "gradient"}), ("q2", {"hard"}), ("q3", {"encoder"})])
def test_a_wrong_loss_miner_or_encoder_costs_neither_training_nor_evaluation(wrong, tests):
    assert lost(WRONG[wrong]) == {wrong: tests}


def test_a_mistake_in_one_function_of_a_question_costs_none_of_the_others():
    one_negative = SOLUTION.changed(
        "triplet_batches", "(~alike).float(), 1,", "(~alike[:1]).float().expand(batch_size, -1), 1,"
    )
    assert lost(one_negative) == {"q2": {"triplets"}}
    frozen = SOLUTION.changed("fit_model", "encoder.train(train_encoder)", "encoder.train()")
    assert lost(frozen) == {"q5": {"frozen"}}
