"""Grading many submissions with one grader leaves nothing behind: the short form of ``benchmarks/flatness.py``."""

import pytest

from benchmarks.flatness import graded, temporary_files_in
from tests.corpus.small import HONEST, hand_in

MEMORY_MB = 4  # what forty submissions may add to either side; a tensor of the key kept for each would be more


def test_sixty_submissions_hold_what_twenty_hold(grader, tmp_path):
    source, temporary = hand_in(tmp_path / "honest", HONEST), tmp_path / "temporary"
    temporary.mkdir()
    try:
        with temporary_files_in(temporary):
            early, _, late = graded(grader, source, 60, 20)
    except PermissionError:
        pytest.skip("the memory of the sandbox's parent is not to be seen by an ordinary user")
    assert late.zombies == 0
    assert (late.processes, late.descriptors, late.files) == (early.processes, early.descriptors, early.files)
    assert late.engine_mb - early.engine_mb < MEMORY_MB
    assert late.sandbox_mb - early.sandbox_mb < MEMORY_MB
