"""Runs hidden Otter test files with Otter's own classes, in this process, on remote functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from otter.nbmeta_config import NBMetadataConfig
from otter.test_files import TestFile, create_test_file


class TestFailed(AssertionError):
    """A remote function raises this if a test case does not pass. Otter records the case as failed."""

    __test__ = False


def run_hidden_test(path: Path, functions: Mapping[str, Callable]) -> TestFile:
    """Run one test file. ``functions`` maps the names that its test cases use to remote functions."""
    test_file = create_test_file(str(path), NBMetadataConfig())
    test_file.run(functions)
    return test_file
