"""What a count makes of tensors that a submission has made up: a failure of that case, in time, and with little memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from autograder.engine.answer_key import read_key
from autograder.engine.counting import UNREADABLE, counted, fits
from autograder.engine.judge import Failure
from autograder.questions.model import Unreadable
from autograder.release.bundle import build_bundle
from tests.checkout import COURSE, ROOT

ATTACK = """
import math, resource, sys, time, torch
from pathlib import Path
from autograder.engine.answer_key import read_key
from autograder.engine.counting import LENGTH, NUMBERS, TIMES, counted, counts_of, fits

torch.set_num_threads(1)
bundle = Path(sys.argv[1])
tests = [test for test in read_key(bundle / "key.safetensors") if test.count]
counts = counts_of(tests, bundle / "code")

def largest(size, first):
    # The longest thin tensor that is accepted in the place of one of this size: a column or a row.
    numbers = TIMES * math.prod(size) + NUMBERS
    length = min(numbers, TIMES * max(size, default=0) + LENGTH)
    width = min(numbers // length, length)
    return (length, width) if first else (width, length)

def made_up(sizes, kind):
    generator, found = torch.Generator().manual_seed(0), {}
    for place, (name, size) in enumerate(sizes.items()):
        shape = largest(size, place % 2) if kind != "as asked" else size
        assert fits(shape, size)
        number = torch.randn(shape, generator=generator)
        if kind == "integers":
            number = (100 * number).long().abs()
        elif kind == "zeros":
            number = torch.zeros(shape, dtype=torch.int64)
        elif kind == "halves":
            number = number.half() * float("inf")
        elif kind == "empty":
            number = number[:0]
        found[name] = number.bool() if kind == "booleans" else number
    return found

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
for test in tests:
    for case in test.cases:
        for kind in ("as asked", "long", "integers", "zeros", "halves", "empty", "booleans"):
            started = time.process_time()
            counted(counts[test.count], made_up(case.sizes, kind), case.inputs, case.sizes)
            seconds = time.process_time() - started
            assert seconds < 5, (test.question, test.id, kind, seconds)
            assert peak() - before < 700, (test.question, test.id, kind, peak() - before)
print(len(tests))
"""


@pytest.mark.parametrize("name", COURSE.names())
def test_nothing_that_is_made_up_costs_the_engine_much(name):
    bundle = build_bundle(COURSE.assignment(name))
    done = subprocess.run([sys.executable, "-c", ATTACK, str(bundle)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout) == sum(bool(test.count) for test in read_key(bundle / "key.safetensors")) > 5


@pytest.mark.parametrize(
    ("shape", "size", "fitting"),
    [
        ((), (), True),
        ((3, 4), (3, 4), True),
        ((160, 3, 32, 32), (40, 3, 32, 32), True),  # all views, where the oracle needed a quarter
        ((40000, 1), (1, 512), False),
        ((1_000_000,), (62,), False),
        ((200_000, 1), (5, 24, 2, 16, 32), False),
        ((5, 1, 3, 4), (), True),  # a loss that is not reduced
        ((0,), (3,), True),
    ],
)
def test_what_is_much_larger_does_not_fit(shape, size, fitting):
    assert fits(shape, size) == fitting


def test_only_what_the_oracle_has_is_counted_and_every_failure_is_a_sentence():
    def count(produced, **inputs):
        if "x" not in produced:
            raise Unreadable("there is no x")
        return {"sum": produced["x"].sum() + produced["y"].sum()}

    sizes, x = {"x": (3,), "y": (2,)}, torch.ones(3)
    assert counted(count, {"x": x, "y": torch.ones(2), "evil": x}, {}, sizes)["sum"] == 5
    assert counted(count, {"x": x}, {}, sizes) == Failure("Unreadable", UNREADABLE)
    assert counted(count, {"y": x}, {}, sizes) == Failure("Unreadable", "there is no x")
    assert "far more" in counted(count, {"x": torch.ones(10_000), "y": x}, {}, sizes).message
    assert counted(None, {"x": x}, {}, {}) == {"x": x}
