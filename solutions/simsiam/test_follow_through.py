"""A mistake in one question costs no points in another: names that call each other, as in the solution."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from autograder.release.trial import Solution, raising

from . import probes

SOLUTION = Solution(Path(__file__).parent, torch=torch, nn=nn, F=F, math=math, tqdm=tqdm)
QUESTIONS = ("q1a", "q1b", "q1d", "q2", "q5", "q7")  # the others build on none
notebook, changed = SOLUTION.notebook, SOLUTION.changed


def lost(names):
    return SOLUTION.lost(names, QUESTIONS)


WRONG = {
    "q1a: positive": changed("negative_cosine", "return -", "return "),
    "q1a: gradient to z": changed("negative_cosine", "z.detach()", "z"),
    "q1a: sum": changed("negative_cosine", ".sum(dim=1).mean()", ".sum()"),
    "q1a: nan": changed("negative_cosine", "return -", "return -0 / p.sum().mul(0) -"),
    "q1a: None": "def negative_cosine(p, z): return None",
    "q1a: raises": raising("negative_cosine"),
    "q1b: own views": changed("simsiam_loss", "(p1, z2)", "(p1, z1)", "(p2, z1)", "(p2, z2)"),
    "q1b: sum": changed("simsiam_loss", " / 2", ""),
    "q1b: without gradient": "simsiam_loss = torch.no_grad()(simsiam_loss)",
    "q1b: missing": "simsiam_loss = None",
    "q1b: raises": raising("simsiam_loss"),
    "q2: two layers": changed("SimSiam", "nn.Linear(width, width, bias=False),\n            nn.BatchNorm1d(width, affine=False)",
                              "nn.Identity()"),
    "q2: z detached": changed("SimSiam", "self.predictor(z2), z1, z2", "self.predictor(z2), z1.detach(), z2.detach()"),
    "q2: order": changed("SimSiam", "return self.predictor(z1), self.predictor(z2), z1, z2",
                         "return z1, z2, self.predictor(z1), self.predictor(z2)"),
    "q2: raises": raising("SimSiam"),
}  # fmt: skip
ALL = [WRONG[name] for name in ("q1a: positive", "q1b: sum", "q2: order")]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_function_costs_its_own_question_only(wrong):
    assert set(lost(notebook(WRONG[wrong]))) == {wrong.partition(":")[0]}


def test_a_notebook_whose_helpers_are_all_wrong_loses_nothing_else():
    for cells in (ALL, [cell for name, cell in WRONG.items() if name.endswith("raises")]):
        assert set(lost(notebook(*cells))) == {"q1a", "q1b", "q2"}


CALLS = {
    "by name": changed("simsiam_loss", "(p1, z2)", "(z=z2, p=p1)"),
    "stopped twice": changed("simsiam_loss", "(p1, z2)", "(p1, z2.detach())", "(p2, z1)", "(p2, z1.detach())"),
    "in a helper": "def _d(*given): return negative_cosine(*given)\n" + changed("simsiam_loss", "negative_cosine(p1", "_d(p1"),
    "a list for BYOL": changed("byol_loss", "4 + 2 * negative_cosine(p1, t2) + 2 * negative_cosine(p2, t1)",
                               "sum([2 + 2 * negative_cosine(p, t) for p, t in [(p1, t2), (p2, t1)]])"),
    "SimSiam's loss for BYOL": "def byol_loss(p1, p2, t1, t2): return 4 + 4 * simsiam_loss(p1, p2, t1, t2)\n",
    "heavy views of cosines alone": changed("directed_loss", "simsiam_loss(p1, p2, z1, z2)",
                                            "0.5 * (negative_cosine(p2, z1) + negative_cosine(p1, z2))"),
    "a full loss of cosines": changed("variant", "return model, simsiam_loss",
                                      "return model, lambda p, q, y, z: (negative_cosine(p, z) + negative_cosine(q, y)) / 2"),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_however_it_is_called(call):
    for id, cell in zip(("q1a", "q1b"), ALL):
        if not (id == "q1b" and "def simsiam_loss" in CALLS[call]):
            assert set(lost(notebook(cell, CALLS[call]))) == {id}


LATER = {
    "q1b: own views": (WRONG["q1b: own views"], {"value", "gradient"}),
    "q1d: one direction": (changed("byol_loss", "4 + 2 * negative_cosine(p1, t2)", "4 + 2 * negative_cosine(p2, t1)"),
                           {"loss", "gradient"}),
    "q1d: SimSiam's loss times 8": ("def byol_loss(p1, p2, t1, t2): return 4 + 8 * simsiam_loss(p1, p2, t1, t2)\n",
                                    {"loss", "gradient"}),
    "q5: still stopped": (changed("variant", "return model, without_stop", "return model, simsiam_loss"), {"losses"}),
    "q5: width kept": (changed("variant", '2 * width if name == "double width" else width', "width"), {"networks"}),
    "q5: predictor kept": (changed("variant", "model.predictor = nn.Identity()", "pass"), {"networks"}),
    "q7: exchanged": (changed("directed_loss", "zip(p_heavy, (z1, z2))", "zip(p_heavy, (z2, z1))"), {"value", "gradient"}),
    "q7: sum": (changed("directed_loss", " / len(pairs)", ""), {"value", "gradient"}),
}  # fmt: skip


@pytest.mark.parametrize("later", LATER)
def test_what_is_wrong_stays_wrong_with_any_functions_before_it(later):
    (cell, tests), id = LATER[later], later.partition(":")[0]
    assert lost(notebook(cell)) == {id: tests}
    before = [wrong for wrong, of in zip(ALL, ("q1a", "q1b", "q2")) if of != id]
    assert lost(notebook(*before, cell))[id] == tests


def test_the_student_reads_what_was_given():
    found = SOLUTION.judgements("q1b", notebook(WRONG["q1a: positive"]), wrong=("q1a",))["value"]
    assert (
        found.passed
        and found.message == "simsiam_loss is correct: it was given another negative_cosine in the place of yours."
    )


@pytest.mark.parametrize("name", probes.OTHER_LOSSES)
def test_a_stand_in_depends_on_every_argument_and_has_no_gradient_to_targets(name):
    function, arguments = probes.OTHER_LOSSES[name], probes.ARGUMENTS[name]
    given = {one: torch.rand(3, 4).requires_grad_() for one in arguments}
    value = function(**given)
    for one, found in zip(arguments, torch.autograd.grad(value, list(given.values()), allow_unused=True)):
        assert function(**{**given, one: given[one] + 1}) != value
        assert (found is None) is one.startswith("z")
