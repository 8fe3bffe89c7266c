"""Samples in a file: uint8 values and those of networks are taken, anything else becomes a sentence."""

import pytest
import torch

from autograder.artefacts.samples.files import SamplesError, pictures, to_bytes

SHAPE = (1, 4, 5)
BYTES = torch.randint(0, 256, (6, *SHAPE), generator=torch.Generator().manual_seed(0)).float()
BYTES[0, 0, 0, 0], BYTES[1, 0, 0, 0] = 0, 255


@pytest.mark.parametrize("name", ["samples", "state.samples"])
@pytest.mark.parametrize(
    "values",
    [BYTES, BYTES / 127.5 - 1, BYTES / 255, (BYTES - 0.3).clamp(min=0)],
    ids=["bytes", "-1 to 1", "0 to 1", "rounded"],
)
def test_forms_that_are_accepted(name, values):
    found = pictures({"other": torch.ones(1), name: values}, SHAPE, 6)
    assert found.dtype == torch.uint8
    assert torch.equal(found, BYTES.to(torch.uint8))


def test_values_a_little_outside_are_cut_off():
    assert pictures({"samples": torch.tensor([-1.3, 1.2]).view(2, 1, 1, 1)}, (1, 1, 1)).flatten().tolist() == [0, 255]


def test_values_of_networks_as_bytes():
    x = torch.tensor([-1.5, -1, -0.999, 0, 0.5, 1, 9, torch.nan, torch.inf, -torch.inf])
    assert to_bytes(x).tolist() == [0, 0, 0, 128, 191, 255, 255, 0, 255, 0]


def with_value(value):
    samples = BYTES.clone()
    samples[3, 0, 2, 2] = value
    return {"samples": samples}


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, 'no tensor "samples"'),
        ({"images": BYTES}, 'no tensor "samples"'),
        ({"samples": BYTES[:5]}, "have shape (5, 1, 4, 5), expected (6, 1, 4, 5)"),
        ({"samples": BYTES.view(6, 4, 5)}, "have shape (6, 4, 5), expected"),
        ({"samples": BYTES.expand(6, 3, 4, 5)}, "have shape (6, 3, 4, 5), expected"),
        ({"samples": torch.zeros(())}, "have shape (), expected"),
        (with_value(torch.nan), "NaN or infinity"),
        (with_value(-torch.inf), "NaN or infinity"),
        (with_value(256), "are between 0 and 256"),
        (with_value(-1), "are between -1 and 255"),
        ({"samples": torch.zeros(6, *SHAPE)}, "the same image"),
        ({"samples": BYTES[:1].expand(6, *SHAPE)}, "the same image"),
    ],
)
def test_what_cannot_be_scored_is_named(tensors, words):
    with pytest.raises(SamplesError) as error:
        pictures(tensors, SHAPE, 6)
    assert words in str(error.value)
