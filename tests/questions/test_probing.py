"""What a probe says about an answer of the wrong kind: what came back, also inside a tuple or a list."""

import numpy as np
import pytest
import torch

from autograder.questions.probing import NotAPair, NoTensor, as_tensor, described, pair

TENSOR = torch.zeros(4, 8)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "None"),
        (TENSOR, "a tensor of shape (4, 8)"),
        (np.zeros((2, 3)), "a NumPy array of shape (2, 3)"),
        (3, "an int"),
        (0.5, "a float"),
        ({}, "a dict"),
    ],
)
def test_an_answer_is_described(answer, words):
    assert described(answer) == words


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((TENSOR, None), "is a tuple, expected a tensor (it holds a tensor of shape (4, 8), None)"),
        ([0.5] * 9, "is a list, expected a tensor (it holds a float, a float, a float, …)"),
        ([[TENSOR]], "is a list, expected a tensor (it holds a list)"),
        ((), "is a tuple, expected a tensor (it is empty)"),
        (np.zeros(()), "is a NumPy array of shape (), expected a tensor"),
    ],
)
def test_the_parts_of_a_nested_answer_are_named(answer, told):
    with pytest.raises(NoTensor) as error:
        as_tensor(answer, "What f returns")
    assert str(error.value) == f"What f returns {told}"


def test_a_pair_of_another_length_is_told_with_its_parts():
    with pytest.raises(NotAPair) as error:
        pair((TENSOR, None, 1), "the output", "(h, z)")
    assert str(error.value) == (
        "the output should be the pair (h, z); it is a tuple of length 3 (it holds a tensor of shape (4, 8), None, an int)"
    )
