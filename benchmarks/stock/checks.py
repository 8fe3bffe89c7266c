"""Hidden tests as a careful instructor writes them for a stock grader: the same cases, points and tolerances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autograder.assignment import read_assignment
from autograder.engine.answer_key import read_key, write_key

FUNCTIONS = {"q1a": "nt_xent", "q1b": "barlow_twins", "q1c": "nt_xent_euclidean"}

# Runs beside the student's code. ``cases`` reads a file of references; the rest compares.
CHECKS = '''
import json
import torch
from safetensors.torch import load

def cases(data, question, test):
    """Inputs and references of one test."""
    length = int.from_bytes(data[:8], "little")
    index = json.loads(json.loads(data[8:8 + length])["__metadata__"]["kit"])["tests"]
    tensors = load(data)
    for entry in index:
        if (entry["question"], entry["id"]) == (question, test):
            for case in entry["cases"]:
                inputs = {name: tensors[key] for name, key in case["inputs"].items()}
                expected = {name: tensors[key] for name, key in case["reference"].items()}
                rtol = {name: output.get("rtol", 0.0) for name, output in entry["outputs"]}
                yield inputs["a"], inputs["b"], case["scalars"]["parameter"], expected, rtol, case["atol"]

def close(got, want, rtol, atol):
    """Type, shape, dtype and finiteness first, then the values."""
    assert isinstance(got, torch.Tensor), f"a {type(got).__name__}, not a tensor"
    assert got.shape == want.shape, f"shape {tuple(got.shape)}, expected {tuple(want.shape)}"
    assert got.dtype == torch.float32, f"dtype {got.dtype}"
    assert torch.isfinite(got).all(), "not finite"
    allowed = rtol * float(want.abs().max()) + atol
    assert torch.allclose(got.detach().double(), want.double(), rtol=0.0, atol=allowed), "wrong values"

def check(function, data, question, test):
    """Value, both gradients and conduct, as far as the test asks for them."""
    for a, b, parameter, expected, rtol, atol in cases(data, question, test):
        x, y = a.clone().requires_grad_(), b.clone().requires_grad_()
        value = function(x.clone(), y.clone(), parameter)
        if "value" in expected:
            close(value, expected["value"], rtol["value"], atol.get("value", 0.0))
        if "gradient_a" in expected:
            assert value.requires_grad, "no gradient"
            value.backward()
            for leaf, name in ((x, "gradient_a"), (y, "gradient_b")):
                close(leaf.grad, expected[name], rtol[name], atol.get(name, 0.0))
        if "value_seed_1" in expected:
            torch.manual_seed(1)
            state, given_a, given_b = torch.get_rng_state(), a.clone(), b.clone()
            first = function(given_a, given_b, parameter)
            assert torch.equal(given_a, a) and torch.equal(given_b, b), "the inputs are changed"
            assert torch.equal(state, torch.get_rng_state()), "the random state is changed"
            assert torch.get_default_dtype() == torch.float32, "the default dtype is changed"
            close(first, expected["value_seed_1"], rtol["value_seed_1"], atol.get("value_seed_1", 0.0))
'''


def tests_of(bundle: Path) -> list[tuple[str, str, float]]:
    """Question, test and points of the small assignment, in order."""
    questions = read_assignment(bundle / "assignment.toml").questions
    return [(question.id, test, points) for question in questions for test, points in question.points.items()]


def references(key: Path, question: str | None = None, test: str | None = None) -> bytes:
    """The references of all tests, or of one, without misconceptions, as a file."""
    chosen = tuple(
        replace(entry, misconceptions=())
        for entry in read_key(key)
        if question is None or (entry.question, entry.id) == (question, test)
    )
    path = key.with_name("references.part")
    write_key(path, chosen, "")
    return path.read_bytes()
