"""Grade one submission: bring it in, run its notebook in the sandbox, ask every hidden test, measure the checkpoint."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from autograder.answer_key import read_key
from autograder.assignment import AccuracySheet, Assignment, read_assignment
from autograder.engine import accuracy, checkpoint
from autograder.engine.hidden_tests import TestFailed, run_hidden_test
from autograder.engine.judge import Failure, KeyTest, Result, judge
from autograder.engine.limits import Limits
from autograder.engine.notebook import read_cells
from autograder.engine.report import Curve, Report, Verdict
from autograder.engine.session import Runner, SessionLost, StudentError, Zygote
from autograder.engine.submission import Submission, collect
from autograder.errors import KitError

Publish = Callable[[Report], None]
NOT_REACHED = "Not graded: the time for this submission ran out before this test. What is listed above it counts."
METRICS_BYTES = 2**20


@dataclass(frozen=True)
class Curves:
    """Where ``metrics.json`` keeps a curve: section, key and the label that the report gives it."""

    section: str
    key: str
    label: str


CURVES = (
    Curves("pretrain", "loss", "pre-training loss"),
    Curves("finetune", "train_loss", "fine-tuning train loss"),
    Curves("finetune", "test_loss", "fine-tuning test loss"),
    Curves("finetune", "train_top1", "train top-1"),
    Curves("finetune", "test_top1", "test top-1"),
)
