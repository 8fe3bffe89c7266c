"""Question 6: the oracle against torch, an example by hand, and what a mistake costs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from autograder.questions.edits import edit, misconceptions
from autograder.release.trial import lost, surprises

from .correct import joint
from .mistakes import MISCONCEPTIONS
from .oracle import clip_gradients

HERE = Path(__file__).parent


@pytest.mark.parametrize("max_norm", [0.1, 2.0, 100.0])
def test_the_oracle_agrees_with_torch_which_adds_a_millionth_to_the_norm(max_norm):
    grads = [np.random.default_rng(0).standard_normal(shape) for shape in ((4, 3), 3)]
    parameters = [torch.zeros(grad.shape, dtype=torch.float64, requires_grad=True) for grad in grads]
    for parameter, grad in zip(parameters, grads):
        parameter.grad = torch.from_numpy(grad.copy())
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    for found, parameter in zip(clip_gradients(*grads, max_norm), parameters):
        np.testing.assert_allclose(found, parameter.grad.numpy(), rtol=1e-6)


def test_a_norm_of_5_becomes_1():
    grad_W, grad_b = clip_gradients(np.array([[3.0]]), np.array([4.0]), 1.0)
    assert grad_W == pytest.approx(0.6) and grad_b == pytest.approx(0.8)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    (*value, conduct) = (mistake.id for mistake in MISCONCEPTIONS)
    assert surprises(HERE, MISCONCEPTIONS, {("value",): ", ".join(value), ("conduct",): conduct}) == {}


def test_mistakes_that_nobody_listed_are_seen():
    unlisted = (
        edit("largest number", "", "np.sqrt(np.sum(grad_W**2) + np.sum(grad_b**2))", "max(np.abs(grad_W).max(), np.abs(grad_b).max())"),
        edit("mean of squares", "", "np.sum(grad_W**2)", "np.mean(grad_W**2)"),
        edit("halved", "", "max_norm / norm", "max_norm / norm / 2"),
        edit("zeros where too large", "", "max_norm / norm", "0.0"),
        edit("only W returned", "", "return scale * grad_W, scale * grad_b", "return scale * grad_W"),
        edit("seeds", "", "    return", "    np.random.seed(0)\n    return"),
    )  # fmt: skip
    found = [set(lost(HERE, one.namespace)) for one in misconceptions("clip_gradients", joint, unlisted)]
    assert found == [{"value"}] * 4 + [{"value", "conduct"}, {"conduct"}]
