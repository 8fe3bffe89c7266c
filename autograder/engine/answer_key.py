"""The answer key of an assignment: the results of every probe on the oracle and on each misconception, as plain tensors.

Grading needs nothing else. Oracles, misconceptions and correct variants are code and are not shipped with a grader; the
key holds only their numbers, the hints and the comparisons. ``autograder.release.compile`` makes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.engine.judge import KeyTest
from autograder.engine.packing import pack_test, unpack_test
from autograder.tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from autograder.arrays import Array


def write_key(path: Path, tests: tuple[KeyTest, ...], made_from: str) -> None:
    """Store a key as one safetensors file: each distinct tensor once, under its hash; the structure in the metadata."""
    tensors: dict[str, Array] = {}
    index = [pack_test(test, tensors) for test in tests]
    write_tensors(path, tensors, {"made_from": made_from, "tests": index})


def read_draws(path: Path) -> tuple[KeyTest, ...]:
    """Read what ``write_key`` wrote: every test once for each draw of its cases."""
    tensors, metadata = read_tensors(path)
    return tuple(unpack_test(entry, tensors) for entry in metadata["tests"])


def read_key(path: Path) -> tuple[KeyTest, ...]:
    """The tests of a key, with the first draw of their cases."""
    return tuple(test for test in read_draws(path) if test.draw == 0)


def drawn(tests: Iterable[KeyTest], seed: bytes) -> dict[tuple[str, str], KeyTest]:
    """The tests by question and id, each question with the draw that ``seed`` chooses."""
    draws: dict[str, dict[int, list[KeyTest]]] = {}
    for test in tests:
        draws.setdefault(test.question, {}).setdefault(test.draw, []).append(test)
    chosen = {}
    for question, by_number in draws.items():
        number = int.from_bytes(hashlib.sha256(seed + question.encode()).digest()) % len(by_number)
        chosen |= {(test.question, test.id): test for test in [*by_number[0], *by_number[sorted(by_number)[number]]]}
    return chosen


def made_from(path: Path) -> str | None:
    """The fingerprint stored in a key file; None if there is no such file."""
    return read_tensors(path)[1]["made_from"] if path.is_file() else None
