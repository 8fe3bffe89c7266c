"""Inputs change from submission to submission: a table of answers is of no use to anybody else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from autograder.engine.answer_key import drawn, read_draws
from autograder.engine.grade import Grader
from tests.corpus import small
from tests.corpus.hostile.pieces import GIVEN

TABLE = """
from pathlib import Path
from safetensors.torch import load

table = load(Path("table.bin").read_bytes())

def looked_up(a, b, parameter):
    for number in range(int(table["count"])):
        if table[f"{number}/a"].shape == a.shape and table[f"{number}/a"].eq(a).all():
            return Given.apply(a, b, *(table[f"{number}/{name}"] for name in ("value", "gradient_a", "gradient_b")))
    raise LookupError("not in the table")

nt_xent = looked_up
"""


@pytest.fixture(scope="module")
def all_draws(bundle, tmp_path_factory):
    """A grader of the small assignment with every draw of its cases."""
    folder = small.small_bundle(bundle, tmp_path_factory.mktemp("draws") / "bundle", draws=True)
    with Grader(folder) as grader:
        yield grader


def table_of(key: Mapping) -> bytes:
    """Whatever the tests of q1a ask, with its answers, in one file."""
    from safetensors.torch import save

    rows = {}
    for id in ("value", "gradient", "stability"):
        for case in key["q1a", id].cases:
            row = rows.setdefault(case.inputs["a"].numpy().tobytes(), {"a": case.inputs["a"]})
            row |= {name: tensor.float() for name, tensor in case.reference.items()}
            row |= {name: torch.zeros_like(row["a"]) for name in ("gradient_a", "gradient_b") if name not in row}
            row.setdefault("value", torch.zeros(()))
            if case.inputs.get("calls") == 2:  # the second call gets the columns in reverse order
                flipped = {name: tensor.flip(1) if tensor.ndim else tensor for name, tensor in row.items()}
                rows[flipped["a"].contiguous().numpy().tobytes()] = flipped
    content = {f"{n}/{name}": tensor.clone() for n, row in enumerate(rows.values()) for name, tensor in row.items()}
    return save({**content, "count": torch.tensor(len(rows))})


def submission(folder, grader, files, same_as=None):
    """A submission with a table, and the key that it is graded with; ``same_as``: until it has the draw of another key."""
    for number in range(100):
        cells = (GIVEN, TABLE, f"# version {number}")
        key = drawn(grader.tests, grader.secret + "\0".join(cells).encode())
        own = torch.equal(key["q1a", "value"].cases[0].inputs["a"], same_as["q1a", "value"].cases[0].inputs["a"])
        if own == files["with"]:
            return small.hand_in(folder, cells, {"table.bin": files["table"]})
    raise AssertionError("no version has the draw")


def test_a_table_of_answers_serves_the_draw_that_it_was_made_of_alone(all_draws, tmp_path):
    key = drawn(all_draws.tests, b"somebody")
    table = table_of(key)
    same = submission(tmp_path / "same", all_draws, {"table": table, "with": True}, key)
    other = submission(tmp_path / "other", all_draws, {"table": table, "with": False}, key)
    assert all_draws.grade(same).score >= 6  # the attack works where the inputs are known
    assert all_draws.grade(other).score == 0


def test_equal_code_gets_equal_inputs_and_every_draw_is_chosen_by_some(all_draws):
    first, second = (drawn(all_draws.tests, b"code") for _ in range(2))
    assert first == second or all(a is second[place] for place, a in first.items())
    chosen = {drawn(all_draws.tests, bytes([number]))["q1a", "value"].draw for number in range(60)}
    assert chosen == set(range(4))


def test_every_draw_of_a_test_asks_something_else(bundle):
    draws: dict[tuple[str, str], list] = {}
    for test in read_draws(bundle / "key.safetensors"):
        draws.setdefault((test.question, test.id), []).append(test)
    for place, tests in draws.items():
        if len(tests) > 1:
            seen = {tuple(str(case.inputs) for case in test.cases) for test in tests}
            assert len(seen) == len(tests) == 4, place
    once = {place for place, tests in draws.items() if len(tests) == 1}
    # Random transforms are measured on crafted images, and two modes of one network with each other.
    assert once == {("q2", "modes"), ("q3", "transform"), ("q5", "transforms")}
