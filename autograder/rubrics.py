"""Reads the rubrics in a bundle. ``kit build`` writes them; they are no part of the Gradescope zip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

FILE = "rubrics.json"


def read_rubrics(bundle: Path) -> Mapping[str, str]:
    """Rubric and model answer of each written question; none where the bundle has none."""
    return read(bundle).get("rubrics", {})


def read(bundle: Path) -> dict:
    """The content of the file; nothing if it cannot be read."""
    try:
        return json.loads((bundle / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
