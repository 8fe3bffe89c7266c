"""Question 5: the oracle beside formulas of torch, and what a mistake costs."""

from pathlib import Path

import pytest
import torch

from autograder.questions.cases import stored_cases
from autograder.release.trial import lost, surprises

from . import probes
from .correct import line_as_taught, sample_as_taught
from .mistakes import MISCONCEPTIONS
from .oracle import interpolate, sample

HERE = Path(__file__).parent
INPUTS = stored_cases(HERE)["three images"].inputs


def test_the_oracle_gives_the_probabilities_of_the_known_logits():
    model = probes.GivenVAE(INPUTS["rows"], INPUTS["columns"])
    found = sample(model, 5, torch.Generator().manual_seed(1))
    wanted = (INPUTS["rows"][:, None, :, None] + INPUTS["columns"][:, None, None, :]).sigmoid()
    torch.testing.assert_close(found, torch.cat([wanted, wanted[:2]]))
    assert torch.cat(model.decoder.seen).shape == (5, 20)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_oracle_draws_the_line_of_lerp(steps):
    z0, z1 = torch.randn(2, 4, dtype=torch.float64)
    wanted = torch.stack([torch.lerp(z0, z1, t) for t in torch.linspace(0, 1, steps, dtype=torch.float64)])
    torch.testing.assert_close(interpolate(z0, z1, steps), wanted)


def test_a_mistake_costs_what_it_breaks_and_is_recognised():
    costs = {
        ("samples",): "logits returned, black and white, softmax, images flattened",
        ("samples", "randomness"): "pixels drawn",
        ("randomness",): "z uniform, z from the global state, one z for all, generator seeded",
        ("conduct",): "gradients kept, model frozen, images in float64, gradients on in sample, line in float64",
        ("interpolation",): "end left out, both ends left out, from z1 to z0, divided by zero",
    }
    assert surprises(HERE, MISCONCEPTIONS, costs) == {}


def gradients_off(model, n, generator):
    torch.set_grad_enabled(False)
    return torch.sigmoid(model.decode(torch.randn(n, model.latent, generator=generator)))


def overwriting(z0, z1, steps):
    points = line_as_taught(z0, z1, steps)
    z1 -= z0
    return points


def on_a_sphere(z0, z1, steps):
    return torch.nn.functional.normalize(line_as_taught(z0, z1, steps), dim=1)


def of_width_20(model, n, generator):
    with torch.no_grad():
        return torch.sigmoid(model.decode(torch.randn(n, 20, generator=generator)))


OTHERS = {
    "a width written as a number": ({"sample": of_width_20}, {"randomness"}),
    "gradients off": ({"sample": gradients_off}, {"conduct"}),
    "z1 overwritten": ({"interpolate": overwriting}, {"conduct"}),
    "a sphere": ({"interpolate": on_a_sphere}, {"interpolation"}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_else_costs_points(other):
    namespace, tests = OTHERS[other]
    assert set(lost(HERE, {"sample": sample_as_taught, "interpolate": line_as_taught, **namespace})) == tests
