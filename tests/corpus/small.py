"""The small assignment of the corpus: the three loss questions of simclr, with its own key, under short limits."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder.assignment import read_assignment
from autograder.engine.answer_key import read_draws, read_key, write_key
from autograder.release.bundle import hidden_test
from autograder.release.notebooks import notebook_bytes

QUESTIONS = ("q1a", "q1b", "q1c")
FULL = 20.0
TEST_SECONDS = 3.0
SETTINGS = """
name = "simclr"
title = "The losses alone"
dataset = "cifar10"
colab_url = ""
picture_probe = ""

[limits]
total_seconds = 60
notebook_seconds = 10
cell_seconds = 2
memory_mb = 1000

[[question]]
id = "q1a"
title = "NT-Xent loss"
points = { value = 3, gradient = 3, stability = 1, conduct = 1 }

[[question]]
id = "q1b"
title = "Barlow Twins loss"
points = { value = 3, gradient = 3, scale = 1, conduct = 1 }

[[question]]
id = "q1c"
title = "NT-Xent with Euclidean similarity"
points = { value = 2, gradient = 1, coincident = 1 }
"""

IMPORTS = "import torch\nimport torch.nn.functional as F\n"
NT_XENT = """
def nt_xent(z_i, z_j, temperature):
    n = z_i.shape[0]
    z = F.normalize(torch.cat([z_i, z_j]), dim=1)
    scores = z @ z.T / temperature
    scores = scores.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(scores, torch.arange(2 * n).roll(n))
"""
BARLOW_TWINS = """
def barlow_twins(z_a, z_b, lambd):
    c = (z_a / z_a.norm(dim=0)).T @ (z_b / z_b.norm(dim=0))
    diagonal = c.diagonal()
    return (1 - diagonal).pow(2).sum() + lambd * (c.pow(2).sum() - diagonal.pow(2).sum())
"""
EUCLIDEAN = """
def nt_xent_euclidean(z_i, z_j, temperature):
    n = z_i.shape[0]
    z = torch.cat([z_i, z_j])
    same = torch.eye(2 * n, dtype=torch.bool)
    squared = (z[:, None] - z[None]).pow(2).sum(-1)
    at_zero = squared == 0
    distance = torch.where(at_zero, torch.zeros_like(squared), squared.masked_fill(at_zero, 1.0).sqrt())
    return F.cross_entropy((-distance / temperature).masked_fill(same, float("-inf")), torch.arange(2 * n).roll(n))
"""
HONEST = (IMPORTS, NT_XENT, BARLOW_TWINS, EUCLIDEAN)


def small_bundle(whole: Path, folder: Path, draws: bool = False) -> Path:
    """A grading bundle in ``folder`` with the loss questions of the ``whole`` simclr bundle.

    It has one draw of their cases, so that an answer that was seen once stays right; ``draws``: all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "assignment.toml").write_text(SETTINGS)
    tests = tuple(
        replace(test, seconds=min(test.seconds, TEST_SECONDS))
        for test in (read_draws if draws else read_key)(whole / "key.safetensors")
        if test.question in QUESTIONS
    )
    write_key(folder / "key.safetensors", tests, "")
    shutil.copytree(whole / "code", folder / "code", dirs_exist_ok=True)
    (folder / "tests").mkdir(exist_ok=True)
    for question in read_assignment(folder / "assignment.toml").questions:
        (folder / "tests" / f"{question.id}.py").write_text(hidden_test(question))
    return folder


def notebook(cells: Iterable[str], metadata: Mapping[str, object] | None = None) -> NotebookNode:
    """A notebook of code cells."""
    made = new_notebook(metadata=dict(metadata or {}))
    made.cells = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells)]
    return made


def hand_in(folder: Path, cells: Iterable[str], files: Mapping[str, bytes] | None = None) -> Path:
    """A submission folder: ``simclr.ipynb`` of ``cells``, and ``files`` by relative path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "simclr.ipynb").write_bytes(notebook_bytes(notebook(cells)))
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
