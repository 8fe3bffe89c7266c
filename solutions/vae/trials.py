"""What the tests of every question ask of its mistakes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from autograder.questions.model import Misconception
from autograder.release.trial import lost


def surprises(
    folder: Path, mistakes: Iterable[Misconception], costs: Mapping[Collection[str], str]
) -> dict[str, dict[str, str]]:
    """The mistakes that fail other tests than ``costs`` says (tests -> ids, between commas), or none, or whose hint no
    test tells."""
    wanted = {id: set(tests) for tests, ids in costs.items() for id in ids.split(", ")}
    found = {mistake.id: lost(folder, mistake.namespace) for mistake in mistakes}
    assert wanted.keys() <= found.keys()
    told = {mistake.id: mistake.hint in found[mistake.id].values() for mistake in mistakes}
    return {id: tests for id, tests in found.items() if not told[id] or wanted.get(id, set(tests)) != set(tests)}
