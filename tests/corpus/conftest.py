"""One grader of the small assignment for the whole corpus."""

from __future__ import annotations

import pytest

from autograder.engine.grade import Grader
from tests.corpus.small import small_bundle


@pytest.fixture(scope="session")
def grader(bundle, tmp_path_factory):
    """Grades the small assignment: ``grader.grade(path)`` gives the report; full marks are ``small.FULL``."""
    with Grader(small_bundle(bundle, tmp_path_factory.mktemp("small") / "bundle")) as grader:
        yield grader
