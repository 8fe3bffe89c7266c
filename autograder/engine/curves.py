"""The learning curves that a submission reports in ``metrics.json``. They are shown and never affect points."""

from __future__ import annotations

import json
import math

from autograder.engine.report import Curve
from autograder.engine.submission import Submission

FILE = "metrics.json"
MAX_BYTES = 2**20
MAX_EPOCHS = 5000
# Section of the file, its key, label in the report.
SERIES = (
    ("train", "loss", "training loss"),
    ("pretrain", "loss", "pre-training loss"),
    ("finetune", "train_loss", "train loss"),
    ("finetune", "test_loss", "test loss"),
    ("finetune", "train_top1", "train top-1"),
    ("finetune", "test_top1", "test top-1"),
)


def read_curves(submission: Submission) -> list[Curve]:
    """All valid curves of the file; none if the file is missing or malformed."""
    files = submission.find(FILE)
    if not files or files[0].stat().st_size > MAX_BYTES:
        return []
    try:
        content = json.loads(files[0].read_bytes())
    except (ValueError, RecursionError):
        return []
    curves = (_curve(content, *series) for series in SERIES)
    return [curve for curve in curves if curve.values]


def _curve(content: object, section: str, key: str, label: str) -> Curve:
    entries = content.get(section) if isinstance(content, dict) else None
    points = (
        [(k, e.get(key)) for k, e in enumerate(entries, 1) if isinstance(e, dict)] if isinstance(entries, list) else []
    )
    good = [(epoch, float(v)) for epoch, v in points[:MAX_EPOCHS] if _is_number(v)]
    return Curve(label, tuple(epoch for epoch, _ in good), tuple(value for _, value in good))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12 and math.isfinite(value)
