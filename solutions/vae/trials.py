"""What the tests of every question ask of its correct solutions and of its mistakes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from autograder.questions.model import Misconception, Namespace
from autograder.release.trial import lost


def losing(folder: Path, correct: Mapping[str, Namespace]) -> dict[str, dict[str, str]]:
    """The correct solutions that lose points, each with the tests that it fails."""
    found = {name: lost(folder, namespace) for name, namespace in correct.items()}
    return {name: tests for name, tests in found.items() if tests}


def surprises(
    folder: Path, mistakes: Iterable[Misconception], costs: Mapping[str, Collection[str]]
) -> dict[str, dict[str, str]]:
    """The mistakes that fail other tests than ``costs`` says, or none, or whose hint no test tells."""
    found = {mistake.id: lost(folder, mistake.namespace) for mistake in mistakes}
    told = {mistake.id: mistake.hint in found[mistake.id].values() for mistake in mistakes}
    return {id: tests for id, tests in found.items() if not told[id] or set(costs.get(id, tests)) != set(tests)}
