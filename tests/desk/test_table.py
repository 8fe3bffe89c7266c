"""Tests as bytes for a notebook: what comes back, and how coarse it is."""

import pytest
import torch

from autograder.desk.table import coarse, dumped, loaded
from autograder.engine.judge import judge


def test_tests_come_back_with_every_number(tests):
    for before, after in zip(tests, loaded(dumped(tests)), strict=True):
        assert (before.id, before.probe, before.needs, before.outputs.keys()) == (
            *(after.id, after.probe, after.needs, after.outputs.keys()),
        )
        for case, same in zip(before.cases, after.cases, strict=True):
            for ours, theirs in ((case.inputs, same.inputs), (case.reference, same.reference)):
                assert all(
                    torch.equal(value, theirs[name]) and value.dtype == theirs[name].dtype
                    for name, value in ours.items()
                )


def test_the_same_tests_are_the_same_bytes(tests):
    assert dumped(tests) == dumped(loaded(dumped(tests)))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.linspace(-3, 7, 99),
        torch.tensor(1e-9),
        torch.zeros(3),
        torch.tensor([1.0, float("nan"), float("inf")]),
        torch.arange(5),
        torch.empty(0, 3),
        torch.tensor([True, False]),
        torch.tensor([1e-40, 1.0]),
    ],
    ids=str,
)
def test_coarse_numbers_stay_close_and_keep_shape_and_dtype(tensor):
    rounded = coarse(tensor)
    assert (rounded.dtype, rounded.shape) == (tensor.dtype, tensor.shape)
    if tensor.numel():
        torch.testing.assert_close(
            rounded,
            tensor,
            rtol=0,
            atol=2.0**-14 * float(tensor.double().nan_to_num(0, 0, 0).abs().max()),
            equal_nan=True,
        )


def test_each_mistake_is_told_by_what_is_kept_of_it(tests, question):
    for test in loaded(dumped(tests)):
        for mistake in test.misconceptions:
            whole = {case.name: mistake.results.get(case.name) for case in test.cases}
            if None not in whole.values():
                assert judge(test, whole).misconception == mistake.id
    assert {m.id for test in tests for m in test.misconceptions} == {m.id for m in question.misconceptions}
