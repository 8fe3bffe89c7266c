"""The libraries that students of an assignment can write in: ``framework`` in its settings."""

from __future__ import annotations

import tomllib
from pathlib import Path

TORCH, NUMPY = "torch", "numpy"
FRAMEWORKS = (TORCH, NUMPY)


def framework_of(settings: Path) -> str:
    """What an ``assignment.toml`` says; torch, where it says nothing that can be read."""
    try:
        found = tomllib.loads(settings.read_text(encoding="utf-8")).get("framework")
    except (OSError, ValueError):
        found = TORCH
    return found if found in FRAMEWORKS else TORCH
