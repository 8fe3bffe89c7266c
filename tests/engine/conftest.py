"""The sandbox's preloaded parent, started once for all tests of the engine."""

from __future__ import annotations

import pytest

from autograder.engine.limits import Limits
from autograder.engine.session import Zygote


@pytest.fixture(scope="session")
def zygote():
    """The preloaded parent with the tests' own probes and short limits."""
    limits = Limits(
        memory_mb=800,
        cell_seconds=3,
        notebook_seconds=10,
        rerun_seconds=8,
        test_seconds=3,
        grace_seconds=0.5,
        definitions_seconds=1,
        processes=20,
        restarts=4,
        scratch_mb=300,
        scratch_files=4000,
    )
    with Zygote("tests.sandbox.probes_of_the_tests", limits) as zygote:
        yield zygote
